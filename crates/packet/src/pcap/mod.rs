//! Classic capture files: a 24-byte header, then frames of a 16-byte header and their bytes
//! (draft-ietf-opsawg-pcap).

mod export;
mod read;
mod write;

pub use export::{Export, Record};
pub use read::{FileError, Frame, Reader};
pub use write::Writer;
