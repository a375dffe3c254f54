use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use crate::link::Link;
use crate::pcap::format::{Format, Step};

/// Reads a capture file held in memory: pcap in either byte order with micro- or nanoseconds, or pcapng.
///
/// An iterator of frames. The first error ends it, as nothing behind a broken header can be found again.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    format: Format,
}

/// Reads a capture file of any length as its bytes come.
///
/// After each [`Stream::push`], call [`Stream::next_frame`] until it gives `None`; then the stream holds at most one
/// unfinished frame.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    buffer: Vec<u8>,
    /// Where in `buffer` the unread bytes start.
    start: usize,
    /// Where in the file `buffer` starts.
    offset: usize,
    format: Option<Format>,
    failed: bool,
}

/// One captured frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Capture time in microseconds since 1970; 0 where the file has none.
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
    /// Not a capture file (or section of one); the four bytes that should say so are given.
    Magic([u8; 4]),
    /// A frame or block of a length that cannot be true.
    Length {
        /// Position in the file.
        offset: usize,
        /// What it says.
        length: usize,
    },
    /// The file ends inside a header or a frame that begins at this offset.
    Truncated {
        /// Position in the file.
        offset: usize,
    },
}

impl<'a> Reader<'a> {
    /// Reads the file header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, FileError> {
        let (format, offset) = Format::open(bytes)?.ok_or(FileError::Truncated { offset: 0 })?;
        Ok(Self { bytes, offset, format })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Frame<'a>, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.bytes.get(self.offset..).filter(|rest| !rest.is_empty())?;
            let error = match self.format.step(rest, self.offset) {
                Ok(Step::Frame(found, length)) => {
                    self.offset += length;
                    return Some(Ok(found.frame(rest)));
                }
                Ok(Step::Passed(length)) => {
                    self.offset += length;
                    continue;
                }
                Ok(Step::NeedsInput) => FileError::Truncated { offset: self.offset },
                Err(error) => error,
            };
            self.offset = self.bytes.len();
            return Some(Err(error));
        }
    }
}

impl Stream {
    /// A stream at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.offset += self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, if its bytes are here. Nothing follows an error.
    pub fn next_frame(&mut self) -> Option<Result<Frame<'_>, FileError>> {
        if self.failed {
            return None;
        }
        if self.format.is_none() {
            match Format::open(&self.buffer) {
                Ok(Some((format, length))) => {
                    self.start = length;
                    self.format = Some(format);
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(self.fail(error))),
            }
        }
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            match self.format.as_mut()?.step(rest, self.offset + self.start) {
                Ok(Step::Frame(found, length)) => {
                    let begin = self.start;
                    self.start += length;
                    return self.buffer.get(begin..).map(|bytes| Ok(found.frame(bytes)));
                }
                Ok(Step::Passed(length)) => self.start += length,
                Ok(Step::NeedsInput) => return None,
                Err(error) => return Some(Err(self.fail(error))),
            }
        }
    }

    /// To be called at the end of the file: whether it ended inside a frame.
    pub fn finish(&self) -> Option<FileError> {
        let whole = self.failed || (self.format.is_some() && self.start == self.buffer.len());
        (!whole).then_some(FileError::Truncated { offset: self.offset + self.start })
    }

    fn fail(&mut self, error: FileError) -> FileError {
        self.failed = true;
        self.buffer = Vec::new();
        self.start = 0;
        error
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic(magic) => write!(f, "not a capture file: begins with {magic:02x?}"),
            Self::Length { offset, length } => {
                write!(f, "capture file has a frame of {length} bytes at byte {offset}, which cannot be")
            }
            Self::Truncated { offset } => {
                write!(f, "capture file ends inside the header or frame at byte {offset}")
            }
        }
    }
}

impl Error for FileError {}
