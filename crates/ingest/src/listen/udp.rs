use std::io::ErrorKind;
use std::time::{Duration, Instant};

use socket2::Socket;

use super::receive::{BATCH, Receiver};
use super::socket::{LOOK_EVERY, kernel_drops};
use super::{Hall, Way};
use crate::clock;
use crate::counters::{Dropped, Listener};

/// A pause after a batch that came in less than half full: waking for each datagram, and waking the committer for each
/// batch, costs more than taking it. In this time a sender of 100,000 a second fills two megabytes of the receive buffer,
/// as the kernel counts, and the group commit waits far longer anyway.
const PAUSE: Duration = Duration::from_millis(8);

/// Packets that are held back until the receive buffer is empty: a quarter of what a block of the log gathers.
const HELD_BYTES_MAX: usize = 256 << 10;

/// A receive buffer must hold this much for a pause to be safe.
const PAUSE_BUFFER_BYTES: usize = 8 << 20;

/// The UDP listener: one thread, one socket, one buffer.
pub(crate) struct UdpDoor {
    socket: Socket,
    way: Way,
    hall: Hall,
    listener: Listener,
    /// Drops the kernel had counted when they were last counted here.
    drops: u32,
    pause: bool,
}

impl UdpDoor {
    pub(crate) fn new(socket: Socket, hall: Hall, listener: Listener) -> Self {
        let pause = socket.recv_buffer_size().is_ok_and(|bytes| bytes >= PAUSE_BUFFER_BYTES);
        let way = Way::new(hall.clone(), listener);
        Self { socket, way, hall, listener, drops: 0, pause }
    }

    /// Runs until told to stop and the receive buffer is empty.
    pub(crate) fn run(mut self) {
        let mut receiver = Receiver::new();
        let mut drops_read = Instant::now();
        loop {
            let stopping = self.hall.stop.is_told();
            // What is held back must not wait for a packet that may never come.
            let waits = !stopping && self.way.bytes() == 0;
            let count = match receiver.receive(&self.socket, waits) {
                Ok(count) => count,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => 0,
                    _ => {
                        // An ICMP answer to something never sent from here; the socket lives on.
                        tracing::debug!(%error, "cannot receive over UDP");
                        std::thread::sleep(PAUSE);
                        0
                    }
                },
            };
            self.take(&receiver, count == BATCH && !stopping);
            if count == 0 || drops_read.elapsed() >= LOOK_EVERY {
                drops_read = Instant::now();
                // The count beside a datagram is that of its arrival: what was dropped after the last one shows here.
                if let Some(drops) = kernel_drops(&self.socket) {
                    self.count_drops(drops);
                }
            }
            if stopping && (count == 0 || self.hall.stop.is_over()) {
                break;
            }
            if count < BATCH / 2 && count > 0 && self.pause && !stopping {
                std::thread::sleep(PAUSE);
            }
        }
        self.way.end(clock::now());
    }

    /// Takes what was received. If there is probably more at once, that may go on together: waking the committer is a
    /// good part of the cost of a batch.
    fn take(&mut self, receiver: &Receiver, is_more: bool) {
        let now = clock::now();
        for datagram in receiver.datagrams() {
            self.way.take(datagram.bytes, datagram.received.unwrap_or(now), datagram.sender);
            if let Some(drops) = datagram.kernel_drops {
                self.count_drops(drops);
            }
        }
        if is_more && self.way.bytes() < HELD_BYTES_MAX {
            return;
        }
        // What finds no room is dropped here, where it is counted by cause, and not in the kernel.
        self.way.pass(now, Duration::ZERO, || false);
    }

    /// Counts what was dropped since. Counts beside datagrams lag behind those asked for, and all of them wrap.
    fn count_drops(&mut self, drops: u32) {
        let more = drops.wrapping_sub(self.drops);
        if more > 0 && more < u32::MAX / 2 {
            self.drops = drops;
            self.hall.shared.board.miss(self.listener, Dropped::Kernel, u64::from(more));
        }
    }
}
