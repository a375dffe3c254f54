//! What a record is and how to ask for it.
//!
//! A [`Table`] declares one kind of record: a name, a retention and its typed [`Field`]s, on top of the
//! [`COMMON`] fields that every table shares. A [`Record`] is one stored packet, filled by a protocol file and
//! written by the store. Pure: no clock, no file, no socket.

mod alias;
mod field;
mod record;
mod table;
mod time;

pub mod query;

pub use alias::{Addresses, AddressesError, Alias, Aliases};
pub use field::{Field, Kind, Unit};
pub use record::{Common, Record, Value};
pub use table::{COMMON, Rows, TAIL, Table, Versions, messages};
pub use time::Micros;
