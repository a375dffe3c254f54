//! Who has searched, seen and taken along what. Kept in a file of its own, `audit.sqlite` in the data folder.

mod book;
mod list;
mod trail;

use std::net::IpAddr;

use model::Micros;

pub(crate) use book::{Book, FILE as AUDIT_FILE};
pub(crate) use list::{__path_audit, audit};
pub(crate) use trail::Trail;

/// What somebody did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// When the request came.
    pub(crate) at: Micros,
    /// Empty: nobody that is known.
    pub(crate) user: String,
    /// How they were known: session, api, local, link; empty for a login.
    pub(crate) kind: String,
    /// What the token is called.
    pub(crate) token: String,
    pub(crate) address: Option<IpAddr>,
    pub(crate) action: String,
    /// Path and query of the request, the statement, what was changed.
    pub(crate) what: String,
    /// HTTP status of the answer.
    pub(crate) status: u16,
    /// Rows, calls or messages in the answer.
    pub(crate) rows: Option<u64>,
    /// Until the last byte was handed out.
    pub(crate) elapsed_ms: u64,
}

/// How a login went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Succeeded,
    Failed,
}
