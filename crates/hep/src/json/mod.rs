//! The JSON form of a packet, as hep-js and HEPop speak it: `{"rcinfo": {...}, "payload": "..."}`.
//!
//! * [`items`] finds the packets in a body: one object, a list, lines of objects (NDJSON), or any mixture.
//! * [`decode`] reads one; [`JsonPacket::encode_v3`] makes the HEPv3 packet that says the same.
//! * [`encode`] writes a decoded packet of any version in this form.
//!
//! # Keys of `rcinfo`
//!
//! | Key | Other spellings | Chunk |
//! |---|---|---|
//! | `protocolFamily` | `ip_family` | 0x0001 |
//! | `protocol` | `ip_protocol` | 0x0002 |
//! | `srcIp`, `dstIp` | `src_ip`, `dst_ip` | 0x0003 and 0x0004; 0x0005 and 0x0006 for IPv6 |
//! | `srcPort`, `dstPort` | `src_port`, `dst_port` | 0x0007, 0x0008 |
//! | `timeSeconds`, `timeUseconds` | `time_sec`, `time_usec` | 0x0009, 0x000a |
//! | `payloadType` | `proto_type`, `payload_type` | 0x000b, in two bytes above 255 |
//! | `captureId` | `capture_id` | 0x000c |
//! | `capturePass` | `capture_pass` | 0x000e |
//! | `hepNodeName` | `node` | 0x0013 |
//! | `correlation_id` | `correlationId` | 0x0011 |
//! | `mos` | | 0x0020, the score times 100 |
//! | `transaction_type` | `transactionType` | 0x0024 |
//! | `vlan`, `srcMac`, `rFactor`, ... | [`crate::chunk::KNOWN`]'s names | the other generic chunks |
//! | `conversationId`, `organizationId`, `siteId`, `trunkBaseId`, `edgeId` | | Genesys' chunks |
//! | `chunks` | | any others: `[{"vendor": 7, "type": 1, "hex": "0a0b"}]` |
//!
//! Numbers may be texts, and a fraction is cut off, as hep-js does. A payload that is an object or a list is kept as its JSON text. `null` is as good as absent. Commas at the
//! end of an object or a list are forgiven. A value that its chunk cannot hold is an error; a key nobody knows is not:
//! [`JsonPacket::unknown_keys`] has it.
//!
//! hep-js itself knows no IPv6 and writes a payload that is not UTF-8 with replacement characters. Here IPv6 addresses
//! go into the same keys as IPv4's, and bytes that are not UTF-8 are written in hexadecimal: those of the payload as
//! `payloadHex` in place of `payload`, those of another chunk in `chunks`. A key that was blanked (see
//! [`crate::blank_key`]) is left out. What this form cannot say is how a packet was wrapped: its version, the order of its
//! chunks, duplicates, and compression.
//!
//! ```
//! let body = br#"{"rcinfo": {"srcIp": "2001:db8::1", "dstIp": "2001:db8::2", "srcPort": 5060, "dstPort": "5061",
//!     "protocol": 17, "time_sec": 1592975786, "time_usec": 5, "proto_type": 1086}, "payload": {"cause": 16}}"#;
//! for item in hep::json::items(body) {
//!     let mut frame = Vec::new();
//!     hep::json::decode(item.unwrap()).unwrap().encode_v3(&mut frame).unwrap();
//!     let (packet, _) = hep::decode(&frame, 1_592_975_787).unwrap();
//!     assert_eq!((packet.hep_type, packet.dst_port), (Some(1086), Some(5061)));
//!
//!     let mut text = String::new();
//!     hep::json::encode(&packet, &mut text);
//!     assert!(text.contains(r#""srcIp":"2001:db8::1""#));
//!     assert!(text.ends_with(r#""payload":"{\"cause\": 16}"}"#));
//! }
//! ```

mod keys;
mod read;
mod scan;
mod write;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::EncodeError;
use crate::chunk::{GENERIC, kind};
use crate::encode::{begin_v3, end_v3, put};

pub use keys::{Form, KEYS, Key};
pub use read::decode;
pub use scan::{Items, items, unicode};
pub use write::{encode, write_string};

/// Deepest nesting that is read. Packets in this form are three deep; a payload may be any JSON.
pub const DEPTH_MAX: usize = 64;

/// Most keys of one object that is looked into: four times as many as there are.
pub const KEYS_MAX: usize = 256;

/// A packet read from its JSON form.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonPacket<'a> {
    /// `capturePass`, in plain text.
    pub key: Option<Cow<'a, [u8]>>,
    /// The payload, every byte.
    pub payload: Cow<'a, [u8]>,
    /// Keys of `rcinfo` that stand for nothing here; what they said is lost.
    pub unknown_keys: Vec<Cow<'a, str>>,
    /// All other chunks, as they go onto the wire.
    pub(crate) chunks: Vec<u8>,
}

impl JsonPacket<'_> {
    /// Appends the HEPv3 packet that says the same, and leaves the buffer as it was on error.
    ///
    /// # Errors
    /// If the packet would be longer than its 16-bit length can say.
    pub fn encode_v3(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        self.write_v3(out, start).inspect_err(|_| out.truncate(start))
    }

    fn write_v3(&self, out: &mut Vec<u8>, start: usize) -> Result<(), EncodeError> {
        begin_v3(out);
        out.extend_from_slice(&self.chunks);
        if let Some(key) = &self.key {
            put(out, kind::KEY, key)?;
        }
        put(out, kind::PAYLOAD, &self.payload)?;
        end_v3(out, start)
    }
}

impl fmt::Debug for JsonPacket<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JsonPacket")
            .field("key", &self.key.as_ref().map(|_| "redacted"))
            .field("payload", &String::from_utf8_lossy(&self.payload))
            .field("unknown_keys", &self.unknown_keys)
            .finish_non_exhaustive()
    }
}

/// Why a text is no packet in this form.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// No JSON (RFC 8259).
    Syntax {
        /// Offset of the byte that cannot stand where it stands.
        at: usize,
        /// What should.
        expected: &'static str,
    },
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep {
        /// Offset of the bracket that is one too many.
        at: usize,
    },
    /// Not UTF-8.
    NotUtf8 {
        /// Offset of the first such byte.
        at: usize,
    },
    /// JSON, but no object.
    NotObject,
    /// An object without an object `rcinfo`.
    NoRcinfo,
    /// An object with more than [`KEYS_MAX`] keys.
    TooManyKeys,
    /// A value that its chunk cannot hold.
    Value {
        /// Its key.
        key: &'static str,
        /// Its JSON text, or the start of it.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// More than the 65,535 bytes a packet can have.
    TooLong,
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { at, expected } => write!(formatter, "no JSON at byte {at}: expected {expected}"),
            Self::TooDeep { at } => write!(formatter, "nested deeper than {DEPTH_MAX} at byte {at}"),
            Self::NotUtf8 { at } => write!(formatter, "not UTF-8 at byte {at}"),
            Self::NotObject => formatter.write_str("no JSON object"),
            Self::NoRcinfo => formatter.write_str("no object `rcinfo`"),
            Self::TooManyKeys => write!(formatter, "an object with more than {KEYS_MAX} keys"),
            Self::Value { key, value, expected } => {
                write!(formatter, "`{key}` is {value}, which is not {expected}")
            }
            Self::TooLong => formatter.write_str("longer than the 65535 bytes of a HEP packet"),
        }
    }
}

impl core::error::Error for JsonError {}

impl From<EncodeError> for JsonError {
    /// Of all the encoder's errors a chunk can only meet the one.
    fn from(_: EncodeError) -> Self {
        Self::TooLong
    }
}

/// True for the chunks of which a packet has one place of its own: they are never among `chunks`.
const fn has_own_place(vendor: u16, kind: u16) -> bool {
    vendor == GENERIC && matches!(kind, kind::PAYLOAD | kind::COMPRESSED)
}
