use alloc::vec::Vec;

use crate::link::Link;

/// Writes a capture file of raw IP packets (link type 101) with microsecond times into memory.
///
/// Long files go out in pieces: [`take`](Self::take) hands over what has been written so far.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

/// What the header promises as the longest frame. Tools reject frames above their own limit, which is this number
/// in libpcap and Wireshark.
const SNAP_LENGTH: u32 = 262_144;

impl Writer {
    /// Begins a file: the header is already written.
    pub fn new() -> Self {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
        bytes.extend_from_slice(&2_u16.to_le_bytes());
        bytes.extend_from_slice(&4_u16.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&SNAP_LENGTH.to_le_bytes());
        bytes.extend_from_slice(&u32::from(Link::Raw.number()).to_le_bytes());
        Self { bytes }
    }

    /// Adds a packet captured at `micros` since 1970. The format holds times from 1970 to 2106: others are clamped.
    ///
    /// A packet above 262,144 bytes is cut there, and its header says so.
    pub fn push(&mut self, micros: i64, packet: &[u8]) {
        let micros = micros.clamp(0, i64::from(u32::MAX) * 1_000_000 + 999_999);
        let original_length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let captured = packet.get(..SNAP_LENGTH as usize).unwrap_or(packet);
        self.bytes.extend_from_slice(&((micros / 1_000_000) as u32).to_le_bytes());
        self.bytes.extend_from_slice(&((micros % 1_000_000) as u32).to_le_bytes());
        self.bytes.extend_from_slice(&(captured.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&original_length.to_le_bytes());
        self.bytes.extend_from_slice(captured);
    }

    /// Bytes written and not yet taken.
    pub fn pending_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what has been written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }

    /// The rest of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}
