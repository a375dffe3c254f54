//! Compressed payloads and gzip-wrapped packets, with limits.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::Flags;

/// Most bytes one payload or one gzip member may inflate to: sixteen times the largest HEP packet.
pub const INFLATED_BYTES_MAX: usize = 1 << 20;

/// Most bytes out per byte in. Text of one packet compresses about 3:1; deflate itself ends near 1000:1, where
/// only bombs live.
pub const RATIO_MAX: usize = 100;

/// Inflates the body of a compressed payload chunk (0x0010).
///
/// The specification says gzip, every known sender writes zlib; both are told by their first bytes, and raw
/// deflate is tried last. What cannot be inflated is kept as it is and flagged: it may be text after all.
pub(crate) fn payload<'a>(body: &'a [u8], flags: &mut Flags) -> Cow<'a, [u8]> {
    if body.is_empty() {
        *flags |= Flags::INFLATE_FAILED;
        return Cow::Borrowed(body);
    }
    let limit = INFLATED_BYTES_MAX.min(body.len().saturating_mul(RATIO_MAX));
    let mut cut = None;
    for format in [Format::Zlib, Format::Gzip, Format::Raw] {
        let Some(deflated) = format.strip_header(body) else {
            continue;
        };
        let mut inflater = Inflater::new(format, limit, deflated.len());
        match inflater.feed(deflated, Input::Complete) {
            // Nearly any bytes start some deflate stream; only one that takes them all is believed.
            (consumed, Progress::Done) if format != Format::Raw || consumed == body.len() => {
                return Cow::Owned(inflater.into_output());
            }
            (_, Progress::Limit) if format != Format::Raw => {
                *flags |= Flags::INFLATE_LIMIT;
                return Cow::Borrowed(body);
            }
            (_, Progress::NeedsInput) if format != Format::Raw => cut = Some(inflater.into_output()),
            _ => {}
        }
    }
    *flags |= Flags::INFLATE_FAILED;
    match cut {
        Some(output) if !output.is_empty() => Cow::Owned(output),
        _ => Cow::Borrowed(body),
    }
}

/// Wrapping of a deflate stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 1950.
    Zlib,
    /// RFC 1952.
    Gzip,
    /// RFC 1951.
    Raw,
}

impl Format {
    /// The part the inflater reads, or `None` if the body cannot be of this format.
    fn strip_header(self, body: &[u8]) -> Option<&[u8]> {
        match (self, body) {
            // RFC 1950, section 2.2: method 8, and the two bytes are a multiple of 31.
            (Self::Zlib, &[cmf, flg, ..]) => {
                (cmf & 0x0f == 8 && u16::from_be_bytes([cmf, flg]) % 31 == 0).then_some(body)
            }
            (Self::Zlib, _) => None,
            (Self::Gzip, _) => match gzip_header(body) {
                GzipHeader::Whole(bytes) => body.get(bytes..),
                GzipHeader::NeedsInput | GzipHeader::Not => None,
            },
            (Self::Raw, _) => Some(body),
        }
    }
}

/// Whether bytes may follow the ones given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Complete,
    MayContinue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The end of the stream was reached.
    Done,
    NeedsInput,
    Corrupt,
    Limit,
}

/// A deflate stream being inflated, piece by piece, into at most `limit` bytes.
pub(crate) struct Inflater {
    state: Box<DecompressorOxide>,
    output: Vec<u8>,
    filled: usize,
    limit: usize,
    flags: u32,
}

impl Inflater {
    pub(crate) fn new(format: Format, limit: usize, input_bytes: usize) -> Self {
        let zlib = if format == Format::Zlib { TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
        // Room for usual text at once; one byte beyond the limit tells "full" from "too much".
        let room = input_bytes.saturating_mul(4).clamp(1024, INFLATED_BYTES_MAX).min(limit.saturating_add(1));
        Self {
            state: Box::default(),
            output: alloc::vec![0; room],
            filled: 0,
            limit,
            flags: zlib | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        }
    }

    /// Inflates from `input`; returns how much of it was used and how things stand.
    pub(crate) fn feed(&mut self, input: &[u8], more: Input) -> (usize, Progress) {
        let more = if more == Input::MayContinue { TINFL_FLAG_HAS_MORE_INPUT } else { 0 };
        let mut consumed = 0_usize;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let (status, used, written) =
                decompress(&mut self.state, rest, &mut self.output, self.filled, self.flags | more);
            consumed = consumed.saturating_add(used);
            self.filled = self.filled.saturating_add(written);
            if self.filled > self.limit {
                return (consumed, Progress::Limit);
            }
            let progress = match status {
                TINFLStatus::Done => Progress::Done,
                TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => Progress::NeedsInput,
                TINFLStatus::HasMoreOutput => {
                    let room = self.output.len().saturating_mul(2).min(self.limit.saturating_add(1));
                    if room <= self.output.len() {
                        return (consumed, Progress::Limit);
                    }
                    self.output.resize(room, 0);
                    continue;
                }
                _ => Progress::Corrupt,
            };
            return (consumed, progress);
        }
    }

    pub(crate) fn output(&self) -> &[u8] {
        self.output.get(..self.filled).unwrap_or_default()
    }

    pub(crate) fn into_output(mut self) -> Vec<u8> {
        self.output.truncate(self.filled);
        self.output
    }
}

pub(crate) enum GzipHeader {
    /// All there; this many bytes.
    Whole(usize),
    NeedsInput,
    Not,
}

/// CRC-32 and length of the inflated bytes (RFC 1952, section 2.3.1).
pub(crate) const GZIP_TRAILER_BYTES: usize = 8;

/// Longest gzip header accepted. Names and comments in it are optional and short; senders of HEP write none.
const GZIP_HEADER_BYTES_MAX: usize = 1024;

/// Reads a gzip member header (RFC 1952, section 2.3).
pub(crate) fn gzip_header(bytes: &[u8]) -> GzipHeader {
    const FHCRC: u8 = 2;
    const FEXTRA: u8 = 4;
    const FNAME: u8 = 8;
    const FCOMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;

    if !is_gzip_prefix(bytes) {
        return GzipHeader::Not;
    }
    let bytes = bytes.get(..GZIP_HEADER_BYTES_MAX).unwrap_or(bytes);
    let short = if bytes.len() < GZIP_HEADER_BYTES_MAX { GzipHeader::NeedsInput } else { GzipHeader::Not };
    let &[_, _, _, flags, _, _, _, _, _, _, ref optional @ ..] = bytes else {
        return short;
    };
    if flags & RESERVED != 0 {
        return GzipHeader::Not;
    }
    let mut rest = optional;
    if flags & FEXTRA != 0 {
        let &[low, high, ref extra @ ..] = rest else {
            return short;
        };
        let Some(after) = extra.get(usize::from(u16::from_le_bytes([low, high]))..) else {
            return short;
        };
        rest = after;
    }
    for field in [FNAME, FCOMMENT] {
        if flags & field != 0 {
            let mut parts = rest.splitn(2, |&byte| byte == 0);
            let Some(after) = parts.nth(1) else {
                return short;
            };
            rest = after;
        }
    }
    if flags & FHCRC != 0 {
        let Some(after) = rest.get(2..) else {
            return short;
        };
        rest = after;
    }
    GzipHeader::Whole(bytes.len().saturating_sub(rest.len()))
}

/// True if the bytes, however few, are the start of a gzip member with the only method there is.
pub(crate) fn is_gzip_prefix(bytes: &[u8]) -> bool {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    !bytes.is_empty() && bytes.iter().zip(MAGIC).all(|(&byte, magic)| byte == magic)
}

/// True if the trailer belongs to the inflated bytes.
pub(crate) fn gzip_trailer_fits(trailer: [u8; GZIP_TRAILER_BYTES], output: &[u8]) -> bool {
    let [c0, c1, c2, c3, l0, l1, l2, l3] = trailer;
    usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])) == Ok(output.len())
        && u32::from_le_bytes([c0, c1, c2, c3]) == crc32(output)
}

/// CRC-32 of gzip (RFC 1952, section 8), four bits at a time: one by one they would cost more than the inflating, and
/// how much there is to inflate, the sender decides.
fn crc32(bytes: &[u8]) -> u32 {
    /// What four steps of the polynomial 0xedb88320 make of the four low bits.
    const TABLE: [u32; 16] = [
        0x0000_0000,
        0x1db7_1064,
        0x3b6e_20c8,
        0x26d9_30ac,
        0x76dc_4190,
        0x6b6b_51f4,
        0x4db2_6158,
        0x5005_713c,
        0xedb8_8320,
        0xf00f_9344,
        0xd6d6_a3e8,
        0xcb61_b38c,
        0x9b64_c2b0,
        0x86d3_d2d4,
        0xa00a_e278,
        0xbdbd_f21c,
    ];
    let four = |crc: u32| (crc >> 4) ^ TABLE.get((crc & 15) as usize).copied().unwrap_or_default();
    !bytes.iter().fold(u32::MAX, |crc, &byte| four(four(crc ^ u32::from(byte))))
}
