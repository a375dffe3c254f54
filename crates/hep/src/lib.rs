//! HEP/EEP (Homer Encapsulation Protocol) versions 1, 2 and 3: decode, encode, stream framing.
//!
//! Capture agents (Kamailio, OpenSIPS, FreeSWITCH, Asterisk, rtpengine, heplify, captagent, sngrep and others)
//! wrap every message they see into one HEP packet: who sent it to whom, when, what it is, and the bytes. This
//! crate turns such packets into borrowed values and back, as they are really spoken and not only as they are
//! specified: what is odd is decoded and flagged, what is not HEP is refused with a stable cause, and nothing
//! panics.
//!
//! * [`packets`] walks a datagram (usually one packet, sometimes many); [`decode`] reads the first one.
//! * [`Framer`] cuts HEPv3 packets out of a byte stream (TCP, TLS) and finds its way back after garbage.
//! * [`Outgoing`] writes packets of all three versions.
//! * [`json`] reads and writes packets in the JSON form of hep-js and HEPop.
//! * [`edited`] changes chunks of a packet that is sent on, and writes older versions as version 3.
//! * [`Packet::chunks`] gives every HEPv3 chunk, known or not; [`chunk::describe`] names the known ones.
//!
//! The crate is `no_std`, allocates only to write and to inflate a compressed payload, and does no input or output; the one
//! thing it must be told is the time of arrival, because HEPv2 does not say which byte order its clock has.
//!
//! ```
//! let mut bytes = Vec::new();
//! let outgoing = hep::Outgoing {
//!     seconds: 1_592_975_786,
//!     capture_id: 2001,
//!     payload: b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
//!     ..hep::Outgoing::new("10.0.0.1:5060".parse().unwrap(), "10.0.0.2:5060".parse().unwrap())
//! };
//! outgoing.encode_v3(&mut bytes).unwrap();
//!
//! for found in hep::packets(&bytes, 1_592_975_787) {
//!     let (packet, frame) = found.unwrap();
//!     assert_eq!(packet.capture_id, Some(2001));
//!     assert_eq!(packet.transport().name(), "udp");
//!     assert_eq!(frame, bytes);
//! }
//! ```
//!
//! Section numbers in the documentation of single items refer to the HEP3/EEP specification, revision 37, unless
//! they name an RFC.
#![no_std]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)
)]

extern crate alloc;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod chunk;
pub mod frame;
pub mod inflate;
pub mod json;

mod blank;
mod datagram;
mod decode;
mod edit;
mod encode;
mod flags;
mod legacy;
mod packet;
mod protobuf;
mod refusal;
mod resync;
mod retime;
mod sniff;
mod v3;

pub use blank::{Payload, blank_key, edit_payloads, with_payload};
pub use chunk::{Chunk, Chunks};
pub use datagram::{Packets, packets, ungzip};
pub use decode::decode;
pub use edit::{EditError, Edits, edited};
pub use encode::{EncodeError, Outgoing};
pub use flags::Flags;
pub use frame::Framer;
pub use packet::{Packet, Transport, Version};
pub use refusal::Refusal;
pub use retime::set_time;
