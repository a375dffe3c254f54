//! Sending at a pace.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Sends at this rate, calling back after each; how many bytes that were.
pub(crate) fn paced<P: AsRef<[u8]>>(
    socket: &UdpSocket,
    rate: u64,
    packets: impl Iterator<Item = (u64, P)>,
    mut after: impl FnMut(u64) -> Result<()>,
) -> Result<u64> {
    let started = Instant::now();
    let mut bytes = 0;
    for (number, packet) in packets {
        let due = Duration::from_micros(number * 1_000_000 / rate);
        if due > started.elapsed() + Duration::from_millis(1) {
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
        let packet = packet.as_ref();
        bytes += packet.len() as u64;
        socket.send(packet)?;
        after(number)?;
    }
    Ok(bytes)
}
