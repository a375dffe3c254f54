//! Lifelike calls as HEP packets, pure and seeded.
//!
//! A [`Generator`] plays a voice network: 20,000 users with 24 kinds of phones register, are pinged, call each other
//! through eight proxies and talk; some calls fail, some sound bad. Every message of it comes out as the HEP packet
//! that a capture agent on the proxy would send, in the order of time. The same [`Settings`] give the same bytes.
//!
//! The generator has no clock: events carry the time they happen at, starting from [`Settings::start_micros`]. Whoever
//! sends them decides whether to wait for that time (live traffic) or not (a day of traffic in seconds).
//!
//! ```
//! use traffic::{Generator, Rate, Settings};
//!
//! let mut generator = Generator::new(&Settings::new(7, 1_592_975_786_000_000, Rate::Calls(0.5)));
//! let event = generator.next().expect("traffic never ends");
//! let (packet, _) = hep::decode(&event.hep, 1_592_975_786)?;
//! assert_eq!(packet.payload.len(), event.about.payload_bytes);
//!
//! // Without an allocation for each event, for load tests:
//! let mut batch = Vec::new();
//! while batch.len() < 100_000 {
//!     generator.append(&mut batch);
//! }
//! # Ok::<(), hep::Refusal>(())
//! ```

#![warn(missing_docs)]

mod fault;
mod generator;
mod heard;
mod identity;
mod ladder;
pub mod legs;
mod media;
mod report;
mod scenario;
mod script;
mod session;
mod settings;
mod signed;
mod sip;
mod wire;
mod world;

pub use fault::Fault;
pub use generator::{About, Event, Generator, Kind};
pub use scenario::Scenario;
pub use settings::{Mix, MixError, Rate, Settings};
