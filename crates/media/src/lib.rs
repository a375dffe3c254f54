//! What media packets say, and the arithmetic on it.
//!
//! - [`rtp::Packet`] and [`rtcp::Compound`] read RTP and RTCP (with XR) as far as the bytes allow and list what is wrong;
//! - [`Sequence`], [`Jitter`] and [`round_trip_micros`] are the receiver's sums of RFC 3550;
//! - [`emodel`] scores a stream by ITU-T G.107: codec, loss after the jitter buffer, burstiness, delay.
//!
//! Pure: bytes and times in, values out. No input makes this crate panic. It needs `std` only for the logarithm
//! and root of the E-model.
//!
//! ```
//! use media::emodel::{self, Inputs};
//!
//! let codec = emodel::codec("PCMA").expect("G.711 is in the table");
//! let score = emodel::score(&Inputs { loss_percent: 1.0, ..Inputs::perfect(codec) });
//! assert_eq!((score.mos * 100.0).round() / 100.0, 4.33);
//! ```

#![warn(missing_docs, clippy::indexing_slicing)]

mod bytes;
pub mod emodel;
mod jitter;
pub mod rtcp;
pub mod rtp;
mod sequence;
mod time;

pub use jitter::Jitter;
pub use sequence::{Arrival, Interval, Sequence};
pub use time::{NtpTime, round_trip_micros};
