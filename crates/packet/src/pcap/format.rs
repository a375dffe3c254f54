//! The two formats of capture files, read from the front: a header or frame at a time, whoever holds the bytes.
//!
//! pcap (draft-ietf-opsawg-pcap): a 24-byte header, then frames of a 16-byte header and their bytes. pcapng
//! (draft-ietf-opsawg-pcapng): blocks that say their type and length; interfaces are declared before their frames.

use alloc::vec::Vec;
use core::ops::Range;

use crate::bytes::{array, u8_at};
use crate::link::Link;
use crate::pcap::read::{FileError, Frame};

/// The longest header, frame or block believed. Tools write at most 256 KiB for a frame; a length beyond this is a
/// broken file, and must not make anybody wait for (or hold) so many bytes.
pub(super) const STEP_BYTES_MAX: usize = 16 << 20;

/// Interfaces of one section. A declaration takes 20 bytes, and what is kept of it as many.
const INTERFACES_MAX: usize = 65_536;

const FILE_HEADER_LENGTH: usize = 24;
const FRAME_HEADER_LENGTH: usize = 16;
/// Type and length.
const BLOCK_HEADER_LENGTH: usize = 8;

/// Block types (draft-ietf-opsawg-pcapng section 11.1).
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// What is known once the head of the file was read.
#[derive(Clone, Debug)]
pub(super) enum Format {
    Classic { little_endian: bool, nanoseconds: bool, link: Link },
    Blocks { little_endian: bool, interfaces: Vec<Interface> },
}

/// Where frames of a pcapng file came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    link: Link,
    clock: Clock,
}

/// How an interface counts time (section 4.2: `if_tsresol`, `if_tsoffset`).
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Exponent of the unit: of ten, or of two.
    exponent: u32,
    binary: bool,
    offset_seconds: i64,
}

/// What stands at the front.
pub(super) enum Step {
    /// A frame, and how many bytes it takes with its header.
    Frame(Found, usize),
    /// So many bytes that hold no frame.
    Passed(usize),
    NeedsInput,
}

/// A frame, and where its bytes are.
pub(super) struct Found {
    micros: i64,
    link: Link,
    range: Range<usize>,
    original_length: u32,
}

impl Found {
    /// With its bytes, from those it was found in.
    pub(super) fn frame<'a>(&self, bytes: &'a [u8]) -> Frame<'a> {
        let bytes = bytes.get(self.range.clone()).unwrap_or_default();
        Frame { micros: self.micros, link: self.link, bytes, original_length: self.original_length }
    }
}

impl Format {
    /// Reads the head of a file: the format, and how many bytes it took. `None` if there are too few.
    pub(super) fn open(bytes: &[u8]) -> Result<Option<(Self, usize)>, FileError> {
        let Some(magic) = array::<4>(bytes, 0) else { return Ok(None) };
        let (little_endian, nanoseconds) = match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (true, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (true, true),
            [0xa1, 0xb2, 0xc3, 0xd4] => (false, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (false, true),
            // A section header is a block like others; it says its byte order itself.
            [0x0a, 0x0d, 0x0d, 0x0a] => {
                return Ok(Some((Self::Blocks { little_endian: true, interfaces: Vec::new() }, 0)));
            }
            other => return Err(FileError::Magic(other)),
        };
        let Some(link) = word(bytes, 20, little_endian) else { return Ok(None) };
        // The upper half of the word holds the length of the frame check sequence, if any.
        let link = Link::from_number(link as u16);
        Ok(Some((Self::Classic { little_endian, nanoseconds, link }, FILE_HEADER_LENGTH)))
    }

    /// Reads the front of what is left; `offset` is its place in the file, for errors.
    pub(super) fn step(&mut self, bytes: &[u8], offset: usize) -> Result<Step, FileError> {
        match self {
            Self::Classic { little_endian, nanoseconds, link } => {
                classic(bytes, *little_endian, *nanoseconds, *link, offset)
            }
            Self::Blocks { little_endian, interfaces } => block(bytes, little_endian, interfaces, offset),
        }
    }
}

fn classic(
    bytes: &[u8],
    little_endian: bool,
    nanoseconds: bool,
    link: Link,
    offset: usize,
) -> Result<Step, FileError> {
    let word = |at| word(bytes, at, little_endian);
    let (Some(seconds), Some(fraction), Some(captured), Some(original_length)) =
        (word(0), word(4), word(8), word(12))
    else {
        return Ok(Step::NeedsInput);
    };
    let end = FRAME_HEADER_LENGTH + believed(captured, offset)?;
    if bytes.len() < end {
        return Ok(Step::NeedsInput);
    }
    let fraction_micros = if nanoseconds { fraction / 1000 } else { fraction };
    let micros = i64::from(seconds) * 1_000_000 + i64::from(fraction_micros);
    Ok(Step::Frame(Found { micros, link, range: FRAME_HEADER_LENGTH..end, original_length }, end))
}

fn block(
    bytes: &[u8],
    little_endian: &mut bool,
    interfaces: &mut Vec<Interface>,
    offset: usize,
) -> Result<Step, FileError> {
    let Some(magic) = array::<4>(bytes, 0) else { return Ok(Step::NeedsInput) };
    if u32::from_be_bytes(magic) == SECTION_HEADER {
        // Section 4.1: what follows is in the byte order of this number.
        *little_endian = match array(bytes, 8) {
            None => return Ok(Step::NeedsInput),
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => true,
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => false,
            Some(other) => return Err(FileError::Magic(other)),
        };
        interfaces.clear();
    }
    let little = *little_endian;
    let (Some(kind), Some(length)) = (word(bytes, 0, little), word(bytes, 4, little)) else {
        return Ok(Step::NeedsInput);
    };
    // Type, length, and the length again: 12 bytes at least. Some writers forget to pad to 32 bits.
    let length = match believed(length, offset)? {
        length @ 0..12 => return Err(FileError::Length { offset, length }),
        length => length.next_multiple_of(4),
    };
    let Some(block) = bytes.get(..length) else { return Ok(Step::NeedsInput) };
    let body = block.get(BLOCK_HEADER_LENGTH..length - 4).unwrap_or_default();
    let found = match kind {
        INTERFACE_DESCRIPTION => {
            if interfaces.len() < INTERFACES_MAX
                && let Some(interface) = interface(body, little)
            {
                interfaces.push(interface);
            }
            None
        }
        ENHANCED_PACKET => {
            word(body, 0, little).and_then(|interface| timed(body, interface, interfaces, little))
        }
        // The number of the interface has 16 bits; then a count of drops.
        PACKET => {
            half(body, 0, little).and_then(|interface| timed(body, u32::from(interface), interfaces, little))
        }
        SIMPLE_PACKET => simple(body, interfaces, little),
        // Names, statistics, secrets, and what is yet to be invented.
        _ => None,
    };
    Ok(found.map_or(Step::Passed(length), |found| Step::Frame(found, length)))
}

/// Section 4.2.
fn interface(body: &[u8], little: bool) -> Option<Interface> {
    let link = Link::from_number(half(body, 0, little)?);
    let mut clock = Clock { exponent: 6, binary: false, offset_seconds: 0 };
    let mut rest = body.get(8..).unwrap_or_default();
    while let (Some(code), Some(length)) = (half(rest, 0, little), half(rest, 2, little)) {
        let length = usize::from(length);
        let value = rest.get(4..4 + length).unwrap_or_default();
        match (code, value) {
            (0, _) => break,
            (9, &[resolution]) => {
                clock.binary = resolution & 0x80 != 0;
                clock.exponent = u32::from(resolution & 0x7f);
            }
            (14, _) => {
                if let Some(value) = array::<8>(value, 0) {
                    clock.offset_seconds =
                        if little { i64::from_le_bytes(value) } else { i64::from_be_bytes(value) };
                }
            }
            _ => {}
        }
        rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Interface { link, clock })
}

/// Sections 4.3 and (obsolete) appendix A: interface, 64 bits of time, captured and original length, bytes.
fn timed(body: &[u8], interface: u32, interfaces: &[Interface], little: bool) -> Option<Found> {
    let interface = interfaces.get(interface as usize)?;
    let ticks = u64::from(word(body, 4, little)?) << 32 | u64::from(word(body, 8, little)?);
    let captured = word(body, 12, little)? as usize;
    let original_length = word(body, 16, little)?;
    let end = 20_usize.checked_add(captured).filter(|end| *end <= body.len())?;
    Some(Found {
        micros: interface.clock.micros(ticks),
        link: interface.link,
        range: BLOCK_HEADER_LENGTH + 20..BLOCK_HEADER_LENGTH + end,
        original_length,
    })
}

/// Section 4.4: of the first interface, without a time.
fn simple(body: &[u8], interfaces: &[Interface], little: bool) -> Option<Found> {
    let interface = interfaces.first()?;
    let original_length = word(body, 0, little)?;
    let end = body.len().min(4_usize.saturating_add(original_length as usize));
    let range = BLOCK_HEADER_LENGTH + 4..BLOCK_HEADER_LENGTH + end;
    Some(Found { micros: 0, link: interface.link, range, original_length })
}

impl Clock {
    fn micros(self, ticks: u64) -> i64 {
        let ticks = u128::from(ticks);
        let micros = if self.binary {
            (ticks * 1_000_000).checked_shr(self.exponent).unwrap_or(0)
        } else if self.exponent <= 6 {
            ticks * 10_u128.pow(6 - self.exponent)
        } else {
            10_u128.checked_pow(self.exponent - 6).map_or(0, |unit| ticks / unit)
        };
        let micros = i64::try_from(micros).unwrap_or(i64::MAX);
        micros.saturating_add(self.offset_seconds.saturating_mul(1_000_000))
    }
}

fn believed(length: u32, offset: usize) -> Result<usize, FileError> {
    let bytes = length as usize;
    if bytes > STEP_BYTES_MAX { Err(FileError::Length { offset, length: bytes }) } else { Ok(bytes) }
}

fn word(bytes: &[u8], offset: usize, little_endian: bool) -> Option<u32> {
    let word = array(bytes, offset)?;
    Some(if little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) })
}

fn half(bytes: &[u8], offset: usize, little_endian: bool) -> Option<u16> {
    let half = [u8_at(bytes, offset)?, u8_at(bytes, offset + 1)?];
    Some(if little_endian { u16::from_le_bytes(half) } else { u16::from_be_bytes(half) })
}
