use core::error::Error;
use core::fmt;

use crate::bytes::array;
use crate::link::Link;

/// Reads a capture file held in memory: either byte order, micro- or nanosecond times.
///
/// An iterator of frames. The first error ends it, as nothing behind a broken header can be found again.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    little_endian: bool,
    nanoseconds: bool,
    link: Link,
}

/// One captured frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Capture time in microseconds since 1970.
    pub micros: i64,
    /// How `bytes` begin.
    pub link: Link,
    /// The bytes captured.
    pub bytes: &'a [u8],
    /// Length on the wire, above `bytes.len()` when a snap length cut the frame.
    pub original_length: u32,
}

/// Why a capture file cannot be read (further).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// Not a capture file; the first four bytes are given.
    Magic([u8; 4]),
    /// A pcapng file, the format of newer tools.
    PcapNg,
    /// The file ends inside a header or a frame that begins at this offset.
    Truncated {
        /// Position in the file.
        offset: usize,
    },
}

const FILE_HEADER_LENGTH: usize = 24;
const FRAME_HEADER_LENGTH: usize = 16;

impl<'a> Reader<'a> {
    /// Reads the file header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, FileError> {
        let truncated = FileError::Truncated { offset: 0 };
        let magic: [u8; 4] = array(bytes, 0).ok_or(truncated)?;
        let (little_endian, nanoseconds) = match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (true, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (true, true),
            [0xa1, 0xb2, 0xc3, 0xd4] => (false, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (false, true),
            [0x0a, 0x0d, 0x0d, 0x0a] => return Err(FileError::PcapNg),
            other => return Err(FileError::Magic(other)),
        };
        let mut reader =
            Self { bytes, offset: FILE_HEADER_LENGTH, little_endian, nanoseconds, link: Link::Other(0) };
        // The upper half of the word holds the length of the frame check sequence, if any.
        reader.link = Link::from_number(reader.word(20).ok_or(truncated)? as u16);
        Ok(reader)
    }

    /// The link type of all frames.
    pub fn link(&self) -> Link {
        self.link
    }

    fn word(&self, offset: usize) -> Option<u32> {
        let word = array(self.bytes, offset)?;
        Some(if self.little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) })
    }

    fn frame(&self) -> Option<Frame<'a>> {
        let seconds = self.word(self.offset)?;
        let fraction = self.word(self.offset + 4)?;
        let captured_length = self.word(self.offset + 8)? as usize;
        let original_length = self.word(self.offset + 12)?;
        let start = self.offset + FRAME_HEADER_LENGTH;
        let fraction_micros = if self.nanoseconds { fraction / 1000 } else { fraction };
        Some(Frame {
            micros: i64::from(seconds) * 1_000_000 + i64::from(fraction_micros),
            link: self.link,
            bytes: self.bytes.get(start..start.checked_add(captured_length)?)?,
            original_length,
        })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Frame<'a>, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.bytes.len() {
            return None;
        }
        let Some(frame) = self.frame() else {
            let offset = self.offset;
            self.offset = self.bytes.len();
            return Some(Err(FileError::Truncated { offset }));
        };
        self.offset += FRAME_HEADER_LENGTH + frame.bytes.len();
        Some(Ok(frame))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic(magic) => write!(f, "not a capture file: begins with {magic:02x?}"),
            Self::PcapNg => f.write_str("a pcapng file; convert it with `editcap -F pcap`"),
            Self::Truncated { offset } => {
                write!(f, "capture file ends inside the header or frame at byte {offset}")
            }
        }
    }
}

impl Error for FileError {}
