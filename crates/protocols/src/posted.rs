//! Events of servers that speak no HEP and post JSON over HTTP instead: what the packet made of one says.
//!
//! The payload of that packet is the event as it came; its columns are read from there, as of any other type.

use model::Micros;

use crate::json::{self, Json};
use crate::{janus, mediasoup};

/// What an event says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub hep_type: u16,
    /// When it happened, by the server's clock.
    pub time: Option<Micros>,
    /// The server, by the name it gives itself.
    pub node: Option<String>,
    pub correlation_id: Option<String>,
}

/// Reads one JSON object; `None` if it is no event of a known kind.
pub fn posted(text: &str) -> Option<Posted> {
    const KINDS: &[fn(&Json<'_>) -> Option<Posted>] = &[janus::posted, mediasoup::posted];
    let read = json::read(text);
    let object = read.values.first()?;
    KINDS.iter().find_map(|kind| kind(object))
}

/// A member that has a text or a number.
pub(crate) fn member(object: &Json<'_>, name: &str) -> Option<String> {
    let text = object.member(name)?.as_text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
