//! Header values, read into their parts.
//!
//! Every type has `parse`, which takes a value as written and never fails where a part of it can be shown; what
//! must be there for the value to mean anything makes it an `Option`. Parts are slices of the input.

mod address;
mod content;
mod credentials;
mod dialog;
mod identity;
mod params;
mod reason;
mod redirect;
mod rtp_stat;
mod session_id;
mod timers;
mod uri;
mod via;

pub use address::{Addresses, Contact, NameAddr};
pub use content::ContentType;
pub use credentials::Credentials;
pub use dialog::{CSeq, DialogId, RAck};
pub use identity::Identity;
pub use params::{Param, Params};
pub use reason::{Reason, Warning};
pub use redirect::{Diversion, HistoryEntry};
pub use rtp_stat::RtpStat;
pub use session_id::SessionId;
pub use timers::{RetryAfter, SessionExpires};
pub use uri::Uri;
pub use via::{Rport, Via};

use crate::bytes::{Split, trim};

/// The elements of a comma-separated list value (RFC 3261 7.3.1): commas in quotes and angle brackets do not
/// count, empty elements are skipped.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    Split::outside_brackets(value, b',').map(trim).filter(|element| !element.is_empty())
}
