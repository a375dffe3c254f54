//! What a broker of MQTT says: wherever it is cut the same packets come.

#[allow(dead_code)]
#[path = "../../../crates/reach/src/mqtt/reason.rs"]
mod reason;
#[allow(dead_code)]
#[path = "../../../crates/reach/src/mqtt/wire.rs"]
mod wire;

use wire::{Packet, Parser};

const PACKET_BYTES_MAX: usize = 256;

pub(crate) fn fuzz(bytes: &[u8]) {
    let whole = packets(&[bytes]);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    assert_eq!(whole, packets(&[first, second]), "where it is cut makes no difference");
}

/// All packets, and whether the rest is none.
fn packets(pieces: &[&[u8]]) -> (Vec<Packet>, bool) {
    let mut parser = Parser::new(PACKET_BYTES_MAX);
    let mut packets = Vec::new();
    for piece in pieces {
        parser.push(piece);
        loop {
            match parser.next_packet() {
                Ok(None) => break,
                Ok(Some(packet)) => packets.push(packet),
                Err(_) => return (packets, true),
            }
        }
    }
    (packets, false)
}
