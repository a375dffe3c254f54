//! IP, UDP, TCP and SCTP layers and capture files, in and out.
//!
//! - [`pcap::Reader`] and [`pcap::Stream`] give the frames of a capture file (pcap, pcapng), [`Layers::parse`] takes a
//!   frame apart without copying;
//! - [`Defragmenter`] makes IP packets whole again, [`Reassembler`] puts TCP segments in order;
//! - [`build`] makes single packets with right lengths and checksums;
//! - [`pcap::Export`] turns captured messages (time, addresses, transport, payload) into a capture file that
//!   Wireshark opens with the right addresses, ports and times, TCP streams in sequence.
//!
//! Pure: bytes in, bytes out. No input makes this crate panic, and nothing is allocated by what a length field claims.
//!
//! ```
//! use packet::{Layers, Transport, build, pcap};
//!
//! let packet = build::udp("192.0.2.1:5060".parse()?, "192.0.2.2:5080".parse()?, b"OPTIONS ...");
//! let mut file = pcap::Writer::new();
//! file.push(1_592_975_786_669_278, &packet);
//!
//! let bytes = file.into_bytes();
//! let frame = pcap::Reader::new(&bytes)?.next().expect("one frame was written")?;
//! let layers = Layers::parse(frame.link, frame.bytes)?;
//! assert_eq!(layers.source().to_string(), "192.0.2.1:5060");
//! assert!(matches!(layers.transport, Transport::Udp(udp) if udp.payload == b"OPTIONS ..."));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![warn(missing_docs, clippy::indexing_slicing)]

extern crate alloc;

pub mod build;
mod bytes;
mod checksum;
mod defragment;
mod ip;
mod layers;
mod link;
pub mod pcap;
mod reassemble;
mod transport;

pub use defragment::Defragmenter;
pub use ip::{Fragment, Ip};
pub use layers::{Layers, Refusal};
pub use link::Link;
pub use reassemble::{Ends, Piece, Reassembler};
pub use transport::{Data, DataChunks, Sctp, Tcp, TcpFlags, Transport, Udp};
