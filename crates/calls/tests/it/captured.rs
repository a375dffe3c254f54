//! Captured packets as calls, each message once.

use std::collections::BTreeMap;

use calls::{End, Message};
use model::Micros;
use protocols::sighting::{Identity, Seen, Sightings, WITNESS_TIME_MAX, ports_tell};

pub(crate) type Calls = BTreeMap<String, Vec<Seized>>;

/// Some time after any recording.
pub(crate) const LATER: i64 = 4_000_000_000 * Micros::SECOND;

pub(crate) struct Seized {
    at: i64,
    src: Option<String>,
    dst: Option<String>,
    ports: (Option<i32>, Option<i32>),
    transport: &'static str,
    point: u64,
    raw: Vec<u8>,
    call_id: String,
    method: Option<String>,
    status: Option<i64>,
    cseq: Option<i64>,
    from_tag: Option<String>,
    to_tag: Option<String>,
    via_branch: Option<String>,
}

fn seize(packet: &hep::Packet<'_>) -> Option<Seized> {
    let raw = unwrapped(&packet.payload);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let read = sip::parse(&raw);
    if !read.is_sip() {
        return None;
    }
    let point = u64::from(packet.capture_id.unwrap_or(0));
    let seized = Seized {
        at: i64::from(packet.seconds?) * Micros::SECOND + i64::from(packet.micros.unwrap_or(0)),
        src: packet.src_ip.map(|ip| ip.to_string()),
        dst: packet.dst_ip.map(|ip| ip.to_string()),
        ports: (packet.src_port.map(i32::from), packet.dst_port.map(i32::from)),
        transport: packet.transport().name(),
        point,
        call_id: text(read.call_id()?),
        method: read.method().map(text),
        status: read.status().map(i64::from),
        cseq: read.cseq().and_then(|cseq| cseq.number).map(i64::from),
        from_tag: read.from().and_then(|from| from.tag()).map(text),
        to_tag: read.to().and_then(|to| to.tag()).map(text),
        via_branch: read.via_branch().map(text),
        raw: Vec::new(),
    };
    Some(Seized { raw, ..seized })
}

/// OpenSIPS sends SIP as a member of a JSON object.
fn unwrapped(payload: &[u8]) -> Vec<u8> {
    let object = payload.starts_with(b"{").then(|| serde_json::from_slice(payload).ok());
    let object: Option<serde_json::Value> = object.flatten();
    let text = object.as_ref().and_then(|object| object.get("payload")?.as_str());
    text.map_or_else(|| payload.to_vec(), |text| text.as_bytes().to_vec())
}

fn message(id: usize, seized: &Seized) -> Message<'_> {
    Message {
        id: id as i64,
        at: seized.at,
        src: End { ip: seized.src.as_deref(), port: seized.ports.0 },
        dst: End { ip: seized.dst.as_deref(), port: seized.ports.1 },
        call_id: Some(&seized.call_id),
        method: seized.method.as_deref(),
        status: seized.status,
        cseq: seized.cseq,
        from_tag: seized.from_tag.as_deref(),
        to_tag: seized.to_tag.as_deref(),
        via_branch: seized.via_branch.as_deref(),
        raw: seized.raw.as_slice().into(),
    }
}

/// Keeps a SIP message under its Call-ID, and tells that.
pub(crate) fn add(calls: &mut Calls, packet: &hep::Packet<'_>) -> Option<String> {
    let seized = seize(packet)?;
    let call_id = seized.call_id.clone();
    calls.entry(call_id.clone()).or_default().push(seized);
    Some(call_id)
}

pub(crate) fn messages(seized: &[Seized]) -> Vec<Message<'_>> {
    seized.iter().enumerate().map(|(id, seized)| message(id, seized)).collect()
}

/// Into time order, without what a further capture point saw.
pub(crate) fn fold(calls: &mut Calls) {
    for seized in calls.values_mut() {
        seized.sort_by_key(|seized| seized.at);
        let mut sightings = Sightings::new(WITNESS_TIME_MAX);
        let is_first: Vec<bool> = seized
            .iter()
            .enumerate()
            .map(|(place, seized)| {
                let has_ports = ports_tell(seized.transport, seized.via_branch.as_deref().map(str::as_bytes));
                let identity = Identity {
                    call_id: &seized.call_id,
                    cseq: seized.cseq,
                    method: seized.method.as_deref(),
                    status: seized.status,
                    via_branch: seized.via_branch.as_deref(),
                    to_tag: seized.to_tag.as_deref(),
                    src: (seized.src.as_deref(), seized.ports.0.filter(|_| has_ports)),
                    dst: (seized.dst.as_deref(), seized.ports.1.filter(|_| has_ports)),
                };
                let bytes =
                    seized.raw.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
                !matches!(
                    sightings.see(identity, seized.point, bytes, Micros(seized.at), place),
                    Seen::Witness(_)
                )
            })
            .collect();
        let mut is_first = is_first.into_iter();
        seized.retain(|_| is_first.next().unwrap_or(true));
    }
}
