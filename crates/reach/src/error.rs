use std::io;

use crate::Address;

/// Why a broker cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    #[error("cannot connect to {address}: {source}")]
    Connect { address: Address, source: io::Error },
    /// What is wrong with a file or a setting of ours.
    #[error("{0}")]
    Setting(String),
    #[error("{address} does not let us in: {reason}")]
    Login { address: Address, reason: String },
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("the broker closed the connection")]
    Closed,
    #[error("this is no {protocol}: {what}")]
    Wire { protocol: &'static str, what: String },
    /// In the broker's own words.
    #[error("the broker says: {0}")]
    Told(String),
}
