//! HTTP API, login, downloads and the embedded web part.
//!
//! [`router`] serves everything under one port: `/health`, `/api/v1/*` and the web part for every other path.
//! Nothing but `/health`, the login and the files of the web part answers without a session or token; `/metrics` also to
//! addresses that the operator names, and `/api/v1/shared` to whoever has a link to the one call that it shows.
//! The receiver is known only through [`Live`], so that this room needs no socket of its own.
//!
//! Limits of every request stand in `limits.rs`, each beside its reason.

mod alerts;
mod aliases;
mod ask;
mod audit;
mod auth;
mod boards;
mod call;
mod catalogue;
mod complete;
mod counts;
mod databases;
mod differences;
mod encode;
mod error;
mod export;
mod extract;
mod facets;
mod hepjs;
mod label;
mod limits;
mod live;
mod message;
mod messages;
mod metrics;
mod openapi;
mod router;
mod row;
mod senders;
mod share;
mod sql;
mod state;
mod status;
mod storage;
mod summary;
mod tail;
mod time;
mod view;
mod web;

/// How legs are joined into calls.
pub use calls::legs::{HEADERS_DEFAULT as LEG_HEADERS_DEFAULT, Rules as LegRules};

pub use crate::alerts::{
    AlertCount, AlertSettings, Fault, Notifier, Tell, check as check_rule, watch as watch_alerts,
};
pub use auth::{LOCAL_TOKEN_FILE, LocalToken, SettingsError};
pub use databases::copy_databases;
pub use live::{Alarm, CallsOpen, Counters, Listener, Live, Output, Script, Sender};
pub use metrics::Metrics;
pub use openapi::document as openapi_document;
pub use router::router;
pub use state::{ApiConfig, ApiState};
pub use time::span;
