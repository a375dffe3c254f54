//! A call for a colleague without an account: a link that shows this one call, for a time, until it is taken back.
//!
//! The link's secret opens the routes below `/api/v1/shared` and nothing else: it is no token, and is kept in a table of its
//! own. What it shows is what its maker may see at that moment.

mod guard;
mod links;
mod redact;
mod shown;

pub(crate) use guard::require_link;
pub(crate) use links::{
    __path_add_share, __path_remove_share, __path_shares, add_share, remove_share, shares,
};
pub(crate) use shown::{
    __path_shared, __path_shared_export, __path_shared_message, shared, shared_export, shared_message,
};
