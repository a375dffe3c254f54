//! Reading numbers out of bytes that may be too short.

/// The `N` bytes at `offset`, if they are there.
pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

pub(crate) fn u8_at(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(offset).copied()
}

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_be_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_be_bytes)
}

/// `bytes[from..to]` where `to` may lie (a length field): cut to what is there. `None` when `from` is outside.
pub(crate) fn clipped(bytes: &[u8], from: usize, to: usize) -> Option<&[u8]> {
    bytes.get(from..to.clamp(from, bytes.len().max(from)))
}
