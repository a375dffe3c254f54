//! Capture files: pcap and pcapng in, pcap out.

mod export;
mod format;
mod read;
mod write;

pub use export::{Export, Record};
pub use read::{FileError, Frame, Reader, Stream};
pub use write::Writer;
