//! Small builders shared by the tests.

use hep::chunk::kind;
use hep::{Outgoing, Packet, Refusal};

/// Arrival time of all hand-made packets: one second after the time most of them carry.
pub(crate) const ARRIVAL: u32 = 1_592_975_787;

pub(crate) const OPTIONS: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\n\r\n";

/// Hexadecimal text, any white space in it ignored.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    assert_eq!(digits.len() % 2, 0, "odd number of digits");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The one packet of a datagram that holds nothing else.
pub(crate) fn only(bytes: &[u8]) -> Packet<'_> {
    let mut found = hep::packets(bytes, ARRIVAL);
    let (packet, frame) = found.next().expect("every datagram gives an item").expect("a packet");
    assert_eq!(frame, bytes, "the packet takes the whole datagram");
    assert!(found.next().is_none(), "one packet only");
    packet
}

/// Everything a datagram gives: a payload for a packet, a cause for a refusal.
pub(crate) fn items(bytes: &[u8]) -> Vec<Result<Vec<u8>, Refusal>> {
    hep::packets(bytes, ARRIVAL).map(|item| item.map(|(packet, _)| packet.payload.into_owned())).collect()
}

pub(crate) fn flags(packet: &Packet<'_>) -> Vec<&'static str> {
    packet.flags.names().collect()
}

/// A complete packet with the given payload.
pub(crate) fn packet(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Outgoing { payload, ..outgoing() }.encode_v3(&mut bytes).expect("fits");
    bytes
}

pub(crate) fn outgoing() -> Outgoing<'static> {
    Outgoing {
        seconds: 1_592_975_786,
        micros: 669_278,
        capture_id: 2001,
        ..Outgoing::new("10.0.0.1:5060".parse().unwrap(), "10.0.0.2:5061".parse().unwrap())
    }
}

/// A chunk as bytes.
pub(crate) fn chunk(vendor: u16, kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&vendor.to_be_bytes());
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(body.len() + 6).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A packet of exactly these chunks.
pub(crate) fn raw(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    let mut bytes = b"HEP3".to_vec();
    bytes.extend_from_slice(&u16::try_from(body.len() + 6).unwrap().to_be_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// The chunks every packet should have, payload last. Cases replace or add to them.
pub(crate) fn core_chunks() -> Vec<Vec<u8>> {
    vec![
        chunk(0, kind::FAMILY, &[2]),
        chunk(0, kind::IP_PROTOCOL, &[17]),
        chunk(0, kind::SRC_IPV4, &[10, 0, 0, 1]),
        chunk(0, kind::DST_IPV4, &[10, 0, 0, 2]),
        chunk(0, kind::SRC_PORT, &5060_u16.to_be_bytes()),
        chunk(0, kind::DST_PORT, &5061_u16.to_be_bytes()),
        chunk(0, kind::SECONDS, &1_592_975_786_u32.to_be_bytes()),
        chunk(0, kind::MICROS, &669_278_u32.to_be_bytes()),
        chunk(0, kind::TYPE, &[1]),
        chunk(0, kind::CAPTURE_ID, &2001_u32.to_be_bytes()),
        chunk(0, kind::PAYLOAD, OPTIONS),
    ]
}

/// The core chunks and some more after them.
pub(crate) fn with(more: &[Vec<u8>]) -> Vec<u8> {
    raw(&[core_chunks(), more.to_vec()].concat())
}

/// The core chunks without those of one type.
pub(crate) fn without(kinds: &[u16]) -> Vec<Vec<u8>> {
    core_chunks()
        .into_iter()
        .filter(|bytes| !kinds.contains(&u16::from_be_bytes([bytes[2], bytes[3]])))
        .collect()
}

/// The core chunks, those of one type given another body.
pub(crate) fn replaced(kind: u16, body: &[u8]) -> Vec<u8> {
    raw(&[without(&[kind]), vec![chunk(0, kind, body)]].concat())
}
