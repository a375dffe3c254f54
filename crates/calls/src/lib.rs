//! What became of a call, read from its SIP messages, and why.
//!
//! Messages of one call go in, in the order of their time, each hop's message once: the same message seen by a further
//! capture point is left out before. Out come the transactions (RFC 3261 17), what became of the call, its times
//! by the names of RFC 6076, and findings: what went wrong, who is to blame, and which messages prove it.
//!
//! Beside it, [`media`]: what reports on the media of a call say of how good it was.
//!
//! Pure: event time only. No input makes it panic, and work is bounded: see [`MESSAGES_MAX`].

mod call;
mod cause;
mod date;
mod description;
pub mod findings;
mod index;
pub mod kpi;
pub mod legs;
pub mod media;
mod message;
mod number;
mod passport;
mod registration;
mod row;
mod said;
mod session;
mod state;
mod subscription;
mod timers;
mod tracker;
mod transaction;
mod visibility;

pub use call::{Call, MESSAGES_MAX};
pub use findings::{Blame, Confidence, Finding, Severity};
pub use message::{End, Message, Raw};
pub use passport::{Check, Passport};
pub use registration::{Contact, Registration};
pub use row::{CALLS, OF_CALLS, REGISTRATIONS, Row, TABLES, finding_names};
pub use session::{EndedBy, MediaAddress, Session, Side};
pub use state::{Outcome, State, outcome};
pub use subscription::Subscription;
pub use tracker::{Counts, Limits, Sighting, Tracker};
