use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use model::Aliases;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ErrorBody;
use crate::live;
use crate::state::ApiState;

#[derive(Serialize, ToSchema)]
pub(crate) struct Senders {
    /// Most recently heard first.
    senders: Vec<Sender>,
    /// Where agents should send to.
    listening: Vec<Listening>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Sender {
    /// Peer address.
    sender: String,
    /// What people call it: `GET /api/v1/aliases`.
    alias: Option<String>,
    node: Option<String>,
    capture_ids: Vec<i64>,
    /// What people call these, those that have a name.
    #[schema(value_type = BTreeMap<String, String>)]
    capture_names: BTreeMap<i64, String>,
    /// 0 stands for the protocol buffers of old heplify versions.
    hep_versions: Vec<u8>,
    listeners: Vec<String>,
    /// Packets by HEP type.
    #[schema(value_type = BTreeMap<String, u64>)]
    types: BTreeMap<u16, u64>,
    packets: u64,
    bytes: u64,
    rate_per_second: f64,
    first_seen: String,
    last_seen: String,
    /// Packets by flag: what was odd, or put right. The catalogue tells corrections from others.
    flags: BTreeMap<String, u64>,
    /// Corrections that are off for this sender and that it seems to need, by all it has sent.
    suspected: Vec<String>,
    /// Packets dropped as copies of what another capture point had just told.
    duplicates: u64,
    /// Packets by cause.
    refused: BTreeMap<String, u64>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Listening {
    name: String,
    address: String,
}

/// Who sends, what, how much, and what is odd about it
#[utoipa::path(get, path = "/api/v1/senders", tag = "status",
    responses((status = 200, body = Senders), (status = 401, body = ErrorBody)))]
pub(crate) async fn senders(State(state): State<ApiState>) -> Json<Senders> {
    let mut senders = state.live().senders();
    senders.sort_by_key(|sender| std::cmp::Reverse(sender.last_seen));
    let aliases = state.aliases();
    let listening = state.live().listeners();
    Json(Senders {
        senders: senders.into_iter().map(|sender| Sender::new(sender, &aliases)).collect(),
        listening: listening
            .into_iter()
            .map(|one| Listening { name: one.name, address: one.address })
            .collect(),
    })
}

impl Sender {
    fn new(sender: live::Sender, aliases: &Aliases) -> Self {
        let name = |id: &i64| Some((*id, aliases.name_of_capture_point(*id)?.to_owned()));
        Self {
            alias: aliases.name_of_host(&sender.address).map(str::to_owned),
            capture_names: sender.capture_ids.iter().filter_map(name).collect(),
            sender: sender.address,
            node: sender.node,
            capture_ids: sender.capture_ids,
            hep_versions: sender.hep_versions,
            listeners: sender.listeners,
            types: sender.types,
            packets: sender.packets,
            bytes: sender.bytes,
            rate_per_second: sender.rate_per_second,
            first_seen: sender.first_seen.to_string(),
            last_seen: sender.last_seen.to_string(),
            flags: sender.flags,
            suspected: sender.suspected,
            duplicates: sender.duplicates,
            refused: sender.refused,
        }
    }
}
