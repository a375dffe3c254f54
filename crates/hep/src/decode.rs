use crate::{Packet, Refusal, legacy, protobuf, resync, v3};

/// Decodes the packet at the front of `bytes` and says how many bytes it took.
///
/// `received_seconds` is the time of arrival in seconds since 1970: HEPv2 has a clock but no byte order, so the
/// reading that lies nearer to the arrival is taken. Use [`crate::packets`] for datagrams, which may hold more
/// than one packet, padding, or nothing that is HEP.
///
/// # Errors
/// If the bytes do not start with a packet of any version. Oddities inside a packet are no errors; they are
/// noted in [`Packet::flags`].
pub fn decode(bytes: &[u8], received_seconds: u32) -> Result<(Packet<'_>, usize), Refusal> {
    match bytes {
        [] => Err(Refusal::Empty),
        _ if resync::has_magic(bytes) => v3::decode(bytes),
        [1 | 2, ..] => legacy::decode(bytes, received_seconds),
        [0x1f, 0x8b, ..] => Err(Refusal::Gzip),
        _ if protobuf::looks_like_message(bytes) => protobuf::decode(bytes),
        _ if bytes.len() < 4 && resync::may_become_magic(bytes) => Err(Refusal::TooShort),
        _ => Err(Refusal::NotHep),
    }
}
