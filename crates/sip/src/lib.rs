//! Lazy, zero-copy reader of SIP (RFC 3261) and SDP (RFC 8866) that keeps going on broken input.
//!
//! A capture server must show what was on the wire, also when it was wrong. So [`parse`] never fails: it walks
//! the header lines once, remembers where things are and reads nothing it was not asked for. Every accessor
//! returns a part of the input; [`Message::range_of`] turns such a part back into a byte range, and
//! [`Message::problems`] lists what was odd, each with the range it concerns.
//!
//! ```
//! let bytes = b"SIP/2.0 486 Busy Here\r\n\
//!     f: \"Bob\" <sip:bob@biloxi.example>;tag=a48s\r\n\
//!     Call-ID: 3848276298220188511@atlanta.example\r\n\
//!     CSeq: 1 INVITE\r\n\r\n";
//! let message = sip::parse(bytes);
//! assert_eq!(message.status(), Some(486));
//! assert_eq!(message.method(), Some(&b"INVITE"[..]));
//! let from = message.from().expect("the message has a From header");
//! assert_eq!(from.uri.user, Some(&b"bob"[..]));
//! assert_eq!(from.tag(), Some(&b"a48s"[..]));
//! assert_eq!(message.range_of(from.uri.raw), Some(33..55));
//! ```
//!
//! No I/O, no clock, no allocation while parsing. `no_std` with `alloc`.

#![no_std]
#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

extern crate alloc;

mod bytes;
mod fields;
mod header;
mod marks;
mod message;
mod multipart;
mod name;
mod problem;
mod review;
mod start;
mod stream;

pub mod sdp;
pub mod value;

pub use bytes::{text, unfold};
pub use header::{Header, Headers, Values};
pub use message::{Message, Outline, parse};
pub use multipart::{Part, Parts};
pub use name::Name;
pub use problem::{Problem, ProblemKind};
pub use start::Start;
pub use stream::{Messages, messages};
