//! SIP (RFC 3261), as every agent sends it.

use hep::{Packet, Version};
use model::{Field, Kind, Rows, Table, Value};
use sip::{Message, Name, Start, sdp};

use crate::corrections::{JSON_WRAPPED_SIP, ZERO_PAYLOAD};
use crate::flags::{FRAGMENT, KEEP_ALIVE, NO_CALL_ID, NOT_SIP};
use crate::{Draft, Protocol, vq_rtcpxr, wrapped};

pub(crate) static PROTOCOL: Protocol =
    Protocol { name: "sip", hep_types: &[1], table: &TABLE, doc: "SIP requests and replies", understand };

pub(crate) static TABLE: Table = Table {
    name: "sip",
    doc: "SIP requests and replies, one row per message seen at each capture point",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new(
            "method",
            Kind::Text,
            "Method of the request, or of the CSeq of a reply (RFC 3261 7.1, 8.1.1.5)",
        )
        .facet(),
        Field::new("status", Kind::Int16, "Status code of a reply (RFC 3261 7.2); empty for requests")
            .facet(),
        Field::new("reason_phrase", Kind::Text, "Text beside the status code (RFC 3261 7.2)"),
        Field::new("cseq", Kind::Int64, "CSeq number (RFC 3261 20.16)"),
        Field::new("cseq_method", Kind::Text, "CSeq method (RFC 3261 20.16)").facet(),
        Field::new("ruri_user", Kind::Text, "User of the request URI (RFC 3261 19.1.1)").indexed().private(),
        Field::new("ruri_host", Kind::Text, "Host of the request URI (RFC 3261 19.1.1)").facet(),
        Field::new("from_user", Kind::Text, "User of From (RFC 3261 20.20)").indexed().private(),
        Field::new("from_host", Kind::Text, "Host of From (RFC 3261 20.20)").facet(),
        Field::new("from_tag", Kind::Text, "Tag of From (RFC 3261 19.3)"),
        Field::new("to_user", Kind::Text, "User of To (RFC 3261 20.39)").indexed().private(),
        Field::new("to_host", Kind::Text, "Host of To (RFC 3261 20.39)").facet(),
        Field::new("to_tag", Kind::Text, "Tag of To (RFC 3261 19.3)"),
        Field::new(
            "via_branch",
            Kind::Text,
            "Branch of the topmost Via, the id of the transaction (RFC 3261 8.1.1.7)",
        ),
        Field::new("contact", Kind::Text, "URI of the first Contact (RFC 3261 20.10)").private(),
        Field::new("user_agent", Kind::Text, "User-Agent, else Server (RFC 3261 20.41, 20.35)").facet(),
        Field::new("pai_user", Kind::Text, "User of the first P-Asserted-Identity (RFC 3325 9.1)")
            .indexed()
            .private(),
        Field::new(
            "auth_user",
            Kind::Text,
            "User name of Authorization or Proxy-Authorization (RFC 7616 3.4)",
        )
        .private(),
        Field::new("reason", Kind::Text, "Reason header, why a call ended (RFC 3326)"),
        Field::new("session_id", Kind::Text, "Session-ID, the same on both sides of a B2BUA (RFC 7989)"),
        Field::new("content_type", Kind::Text, "Type of the body (RFC 3261 20.15)").facet(),
        Field::new(
            "media",
            Kind::Text,
            "Address and port where the first media is wanted (RFC 8866 5.7, 5.14)",
        ),
        Field::new("codecs", Kind::Text, "Codecs of the session description, in its order (RFC 8866 6.6)"),
    ],
};

/// Headers that are rare or rarely searched: in `extra` under these names, where they are present.
const RARE_HEADERS: &[(Name, &str)] = &[
    (Name::Expires, "expires"),
    (Name::RemotePartyId, "remote_party_id"),
    (Name::PPreferredIdentity, "p_preferred_identity"),
    (Name::Diversion, "diversion"),
    (Name::HistoryInfo, "history_info"),
    (Name::Privacy, "privacy"),
    (Name::Warning, "warning"),
    (Name::RAck, "rack"),
    (Name::RSeq, "rseq"),
    (Name::XRtpStat, "x_rtp_stat"),
    (Name::PChargingVector, "p_charging_vector"),
    (Name::PChargingFunctionAddresses, "p_charging_function_addresses"),
    (Name::PAccessNetworkInfo, "p_access_network_info"),
    (Name::PCalledPartyId, "p_called_party_id"),
    (Name::ReferTo, "refer_to"),
    (Name::ReferredBy, "referred_by"),
    (Name::Replaces, "replaces"),
    (Name::SessionExpires, "session_expires"),
    (Name::RetryAfter, "retry_after"),
    (Name::Event, "event"),
    (Name::SubscriptionState, "subscription_state"),
];

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    if draft.corrections.contains(&JSON_WRAPPED_SIP)
        && let Some(message) = wrapped::sip_in_json(&packet.payload)
    {
        let mut inner = Draft::new(&TABLE, draft.corrections);
        read(message.as_bytes(), &mut inner);
        draft.adopt(inner);
        draft.flag(JSON_WRAPPED_SIP.name);
        return;
    }
    if packet.version != Version::V3
        && draft.corrections.contains(&ZERO_PAYLOAD)
        && !packet.payload.is_empty()
        && packet.payload.iter().all(|byte| *byte == 0)
    {
        return draft.flag(ZERO_PAYLOAD.name);
    }
    let text = draft.readable(&packet.payload);
    // Nothing but zero bytes is a keep-alive.
    read(if text.is_empty() { &packet.payload } else { text }, draft);
}

pub(crate) fn read<'a>(payload: &'a [u8], draft: &mut Draft<'a>) {
    let message = sip::parse(payload);
    if !message.is_sip() {
        if !payload.is_empty() {
            draft.flag(if message.is_keep_alive() { KEEP_ALIVE } else { NOT_SIP });
        }
        return;
    }
    draft.expect_parts_of(payload);
    match message.call_id() {
        Some(call_id) => {
            let call_id = draft.text(call_id);
            draft.set_call_id(call_id);
        }
        None => draft.flag(NO_CALL_ID),
    }
    columns(&message, draft);
    for (name, key) in RARE_HEADERS {
        if message.header(*name).is_some() {
            rare_header(&message, *name, key, draft);
        }
    }
    if let Some(report) = vq_rtcpxr::inside(&message).and_then(|report| report.to_json()) {
        draft.extra.json("report", &report);
    }
}

/// In the order of the table.
fn columns<'a>(message: &Message<'a>, draft: &mut Draft<'a>) {
    let cseq = message.cseq();
    let cseq_method = cseq.map(|cseq| cseq.method).filter(|method| !method.is_empty());
    let uri = message.request_uri();
    match message.start() {
        Start::Request { method, .. } => draft.push_text(Some(method)),
        Start::Response { .. } => draft.push_text(cseq_method),
        Start::Fragment => {
            draft.flag(FRAGMENT);
            draft.push_text(cseq_method);
        }
    }
    draft.push(message.status().map(i64::from));
    draft.push_text(message.reason_phrase().filter(|phrase| !phrase.is_empty()));
    draft.push(cseq.and_then(|cseq| cseq.number).map(i64::from));
    draft.push_text(cseq_method);
    draft.push_text(uri.and_then(|uri| uri.user));
    draft.push_text(uri.and_then(|uri| uri.host));
    for address in [message.from(), message.to()] {
        draft.push_text(address.and_then(|address| address.uri.user));
        draft.push_text(address.and_then(|address| address.uri.host));
        draft.push_text(address.and_then(|address| address.tag()));
    }
    draft.push_text(message.via_branch());
    draft.push_text(message.contact().map(|contact| contact.uri.raw));
    draft.push_text(message.user_agent().or_else(|| message.server()));
    draft.push_text(message.pai().and_then(|identity| identity.uri.user));
    let auth_user = message.auth_user().map(|user| String::from_utf8_lossy(&user).into_owned());
    draft.push(auth_user);
    draft.push_text(message.header(Name::Reason));
    draft.push_text(message.header(Name::SessionId));
    draft.push_text(message.content_type().map(|content| content.media_type));
    match message.sdp() {
        Some(description) => session(&description, draft),
        None => {
            draft.push(Value::Null);
            draft.push(Value::Null);
        }
    }
}

/// Where the first media goes, and the codecs of all.
pub(crate) fn session(description: &sdp::Description<'_>, draft: &mut Draft<'_>) {
    let mut media = description.media().peekable();
    let destination = media.peek().and_then(|first| {
        let address = String::from_utf8_lossy(first.connection()?.address);
        let port = first.port?;
        Some(if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") })
    });
    draft.push(destination);
    let mut codecs = String::new();
    for codec in media.flat_map(|media| media.codecs()) {
        if !codecs.is_empty() {
            codecs.push(',');
        }
        match std::str::from_utf8(codec.name) {
            Ok(name) => codecs.push_str(name),
            Err(_) => codecs.push_str(&String::from_utf8_lossy(codec.name)),
        }
    }
    draft.push((!codecs.is_empty()).then_some(codecs));
}

/// All values of the header, joined as RFC 3261 7.3.1 allows.
fn rare_header<'a>(message: &Message<'a>, name: Name, key: &str, draft: &mut Draft<'a>) {
    let mut values = message.values(name);
    let Some(first) = values.next() else { return };
    let mut text = draft.text(first);
    for value in values {
        let more = draft.text(value);
        let text = text.to_mut();
        text.push_str(", ");
        text.push_str(&more);
    }
    draft.extra.text(key, &text);
}
