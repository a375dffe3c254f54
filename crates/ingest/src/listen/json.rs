//! `POST /api/v1/ingest`: packets in the JSON form of hep-js and HEPop, and events of media servers. Each becomes a
//! HEPv3 frame and goes the way of all frames.

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hep::json::JsonError;
use model::Micros;
use serde::Serialize;
use utoipa::ToSchema;

use super::http::{Answer, Entry};
use crate::counters::Refused;

/// Media types a body of JSON comes as; no type at all is taken too.
pub(super) const MEDIA_TYPES: &[&str] =
    &["application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "text/plain"];

/// The HEP key of items that hold none. Events of media servers cannot.
pub(super) const KEY_HEADER: &str = "x-hep-key";

/// Refused items an answer tells of one by one; all are counted.
const ITEMS_MAX: usize = 100;

/// Unknown keys an answer names: more than any sender of one kind has.
const UNKNOWN_KEYS_MAX: usize = 32;

/// The IP protocol of TCP, over which events came. They speak of no traffic that has one.
const TCP: u8 = 6;

/// An item of the body that was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedItem)]
pub(super) struct Item {
    /// Its place in the body, from 0.
    index: usize,
    cause: &'static str,
    message: String,
}

/// Takes every item of a body.
pub(super) fn admit(entry: &mut Entry, headers: &HeaderMap, body: &[u8]) -> Answer {
    let key = key(headers);
    let mut answer = Answer::default();
    if !entry.may_send() {
        entry.refuse(Refused::SenderNotAllowed);
        answer.refuse(Refused::SenderNotAllowed);
        return answer;
    }
    let mut frame = Vec::new();
    let mut count = 0;
    for (index, item) in hep::json::items(body).enumerate() {
        count += 1;
        frame.clear();
        let made = item
            .map_err(|error| (Refused::Json, error.to_string()))
            .and_then(|item| make(item, key.as_deref(), entry, &mut frame, &mut answer));
        let (refused, message) = match made {
            Ok(()) => {
                let outcome = entry.take(&frame);
                answer.add(&outcome);
                let Some(refused) = outcome.refused.first() else { continue };
                (*refused, refused.doc().to_owned())
            }
            Err((refused, message)) => {
                entry.refuse(refused);
                answer.refuse(refused);
                (refused, message)
            }
        };
        if answer.items.len() < ITEMS_MAX {
            answer.items.push(Item { index, cause: refused.cause(), message });
        }
    }
    if count == 0 {
        let refused = Refused::Hep(hep::Refusal::Empty);
        entry.refuse(refused);
        answer.refuse(refused);
    }
    answer
}

/// Makes the frame of one item.
fn make(
    item: &str,
    key: Option<&[u8]>,
    entry: &Entry,
    frame: &mut Vec<u8>,
    answer: &mut Answer,
) -> Result<(), (Refused, String)> {
    let made = match hep::json::decode(item) {
        Ok(mut packet) => {
            for unknown in packet.unknown_keys.drain(..) {
                if answer.unknown_keys.len() < UNKNOWN_KEYS_MAX {
                    answer.unknown_keys.insert(unknown.into_owned());
                }
            }
            packet.key = packet.key.or(key.map(Into::into));
            packet.encode_v3(frame)
        }
        Err(JsonError::NoRcinfo) => {
            let event =
                protocols::posted(item).ok_or_else(|| (Refused::Json, Refused::Json.doc().to_owned()))?;
            // What happened, happened at the server, which is the one that tells.
            let server = SocketAddr::new(entry.sender.ip().to_canonical(), 0);
            let time = event.time.and_then(parts).or_else(|| parts(entry.now)).unwrap_or_default();
            hep::Outgoing {
                hep_type: event.hep_type,
                ip_protocol: TCP,
                seconds: time.0,
                micros: time.1,
                node: event.node.as_deref().map(str::as_bytes),
                correlation_id: event.correlation_id.as_deref().map(str::as_bytes),
                key,
                payload: item.as_bytes(),
                ..hep::Outgoing::new(server, server)
            }
            .encode_v3(frame)
        }
        Err(error @ JsonError::TooLong) => return Err((Refused::TooLarge, error.to_string())),
        Err(error) => return Err((Refused::Json, error.to_string())),
    };
    made.map_err(|error| (Refused::TooLarge, error.to_string()))
}

/// Seconds and microseconds as HEP has them; none outside of its range.
fn parts(time: Micros) -> Option<(u32, u32)> {
    Some((u32::try_from(time.seconds()).ok()?, time.subsecond_micros()))
}

/// The HEP key in the header of its own, or as a bearer token, or as the password of basic authentication, which is all
/// that Janus can be told to send.
fn key(headers: &HeaderMap) -> Option<Vec<u8>> {
    if let Some(value) = headers.get(KEY_HEADER) {
        return Some(value.as_bytes().to_vec());
    }
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(credentials).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}
