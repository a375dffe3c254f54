//! A call's facts and findings, of the room `calls`, as the API says them.

use std::borrow::Cow;

use model::Micros;
use protocols::sighting::Seen;
use serde::Serialize;
use utoipa::ToSchema;

use super::{is_sip, is_witness};
use crate::row::Row;

/// What became of a call or another exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// INVITE sent, nothing back but perhaps 100.
    Calling,
    /// 101 to 199 came back.
    Ringing,
    /// 2xx to the INVITE; no BYE seen.
    Answered,
    /// Answered, then BYE.
    Ended,
    /// The caller gave up: CANCEL or 487.
    Cancelled,
    /// 4xx, 5xx, 6xx to the last attempt.
    Failed,
    /// 3xx, not followed.
    Redirected,
    /// 401 or 407 without another attempt.
    Challenged,
    /// Not a call (REGISTER, OPTIONS, ...): no final answer seen.
    Pending,
    /// Not a call: 2xx.
    Done,
    /// No SIP message among its records.
    Unknown,
}

/// Facts of the SIP messages of one Call-ID. Null: it did not happen, or was not seen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    call_id: Option<String>,
    state: State,
    /// The status that decided it.
    status: Option<i64>,
    /// The first request.
    started: Option<String>,
    /// From the last attempt's request to 100.
    trying_ms: Option<i64>,
    /// Session request delay (RFC 6076 4.3), also post-dial delay: from the attempt that needed no further credentials
    /// to 180 and above.
    request_delay_ms: Option<i64>,
    /// From 180 to the answer, or to the end of an attempt that had none.
    ring_ms: Option<i64>,
    answered: Option<String>,
    /// Session duration (RFC 6076 4.5): from the answer to the first BYE.
    duration_ms: Option<i64>,
    ended: Option<String>,
    /// Session disconnect delay (RFC 6076 4.4): from the BYE to its 2xx.
    disconnect_delay_ms: Option<i64>,
    ended_by: Option<EndedBy>,
    /// Requests and final replies that were sent again, on all hops that were seen.
    retransmissions: usize,
    /// Phones or branches that answered an attempt in some way, by their To tags.
    forks: usize,
    /// Attempts by the caller, each with its challenge counted once (RFC 6076 4.1).
    attempts: usize,
    /// Requests that were answered with 401 or 407.
    challenges: usize,
    codecs_offered: Vec<String>,
    codecs_agreed: Vec<String>,
    /// Whom the call was meant for before it was redirected, the eldest first (RFC 7044, RFC 5806).
    redirections: Vec<String>,
}

/// Who ended a call, and how.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndedBy {
    side: Side,
    /// Where the request came from.
    address: String,
    /// BYE or CANCEL.
    method: String,
    /// Reason header in words (RFC 3326).
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Caller,
    Callee,
    /// The beginning of the call was not seen.
    Unknown,
}

/// What a rule found: docs/findings.md has them all.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Finding {
    /// Name of the rule.
    id: &'static str,
    call_id: Option<String>,
    severity: Severity,
    /// One sentence with the facts filled in.
    text: String,
    blame: Blame,
    /// Ids of the messages that prove it, in time order.
    proof: Vec<String>,
    /// Other explanations, and why they are none.
    ruled_out: Vec<String>,
    /// What to look at next.
    next: String,
    confidence: Confidence,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// The call failed, or was cut, by this.
    Error,
    /// It went on in spite of this.
    Warning,
    /// As people and networks do.
    Info,
}

/// Who is to blame, as far as messages prove.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Blame {
    kind: BlameKind,
    /// The address of the host; of a hop, the host that was asked.
    host: Option<String>,
    /// Of a hop: the host that asked.
    from: Option<String>,
    /// The same in words.
    text: String,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BlameKind {
    Caller,
    Callee,
    Host,
    /// A host or the way to it: seen from here, these are the same.
    Hop,
    /// Nothing is broken.
    Nobody,
    /// It cannot be told from what was seen.
    Unknown,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Confidence {
    /// Follows from the messages.
    High,
    /// Fits best what was seen.
    Medium,
    /// One explanation of several.
    Low,
}

/// The sessions of these rows, one for each Call-ID, that of the asked call first, and what was found in them and in
/// their media. Media is told of with the asked call: reports do not say of which leg they are.
///
/// `until` is the time up to which there would be rows if there were more.
pub(super) fn sessions(
    call_id: &str,
    rows: &[Row],
    seen: &[Seen<usize>],
    streams: &[calls::media::Stream],
    until: Micros,
) -> (Vec<Session>, Vec<Finding>) {
    let own =
        rows.iter().zip(seen).filter(|(row, seen)| is_sip(row) && !is_witness(seen)).map(|(row, _)| row);
    let payloads: Vec<(&Row, Cow<'_, [u8]>)> =
        own.map(|row| (row, row.shown().unwrap_or(Cow::Borrowed(&row.raw)))).collect();
    // Legs in the order in which they began, the asked one before them.
    let mut legs: Vec<(Option<&str>, Vec<calls::Message<'_>>)> = Vec::new();
    for (row, payload) in &payloads {
        let message = calls::Message { raw: payload.as_ref().into(), ..message(row) };
        match legs.iter_mut().find(|(leg, _)| *leg == message.call_id) {
            Some((_, messages)) => messages.push(message),
            None => legs.push((message.call_id, vec![message])),
        }
    }
    legs.sort_by_key(|(leg, _)| *leg != Some(call_id));
    let mut sessions = Vec::with_capacity(legs.len());
    let mut findings = Vec::new();
    if !streams.is_empty() && legs.is_empty() {
        let call = calls::Call::read(&[], until.0).with_streams(streams);
        findings.extend(call.findings().into_iter().map(|finding| Finding::new(Some(call_id), finding)));
    }
    for (place, (leg, messages)) in legs.iter().enumerate() {
        let own = if place == 0 { streams } else { &[] };
        let call = calls::Call::read(messages, until.0).with_streams(own);
        sessions.push(Session::from(call.session()));
        findings.extend(call.findings().into_iter().map(|finding| Finding::new(*leg, finding)));
    }
    findings.sort_by_key(|finding| finding.severity as u8);
    (sessions, findings)
}

/// A row of table `sip`, its payload left out.
pub(super) fn message(row: &Row) -> calls::Message<'_> {
    calls::Message {
        id: row.id,
        at: row.ts.0,
        src: calls::End { ip: row.src_ip.as_deref(), port: row.src_port },
        dst: calls::End { ip: row.dst_ip.as_deref(), port: row.dst_port },
        call_id: row.call_id.as_deref(),
        method: row.text("method").or_else(|| row.text("cseq_method")),
        status: row.int("status"),
        cseq: row.int("cseq"),
        from_tag: row.text("from_tag"),
        to_tag: row.text("to_tag"),
        via_branch: row.text("via_branch"),
        raw: calls::Raw::default(),
    }
}

impl From<calls::State> for State {
    fn from(state: calls::State) -> Self {
        match state {
            calls::State::Calling => Self::Calling,
            calls::State::Ringing => Self::Ringing,
            calls::State::Answered => Self::Answered,
            calls::State::Ended => Self::Ended,
            calls::State::Cancelled => Self::Cancelled,
            calls::State::Failed => Self::Failed,
            calls::State::Redirected => Self::Redirected,
            calls::State::Challenged => Self::Challenged,
            calls::State::Pending => Self::Pending,
            calls::State::Done => Self::Done,
            calls::State::Unknown => Self::Unknown,
        }
    }
}

impl From<calls::Session> for Session {
    fn from(session: calls::Session) -> Self {
        let ms = |span: Option<i64>| span.map(|micros| micros / 1_000);
        let time = |at: Option<i64>| at.map(|at| Micros(at).to_string());
        Self {
            call_id: session.call_id,
            state: session.state.into(),
            status: session.status,
            started: time(session.started),
            trying_ms: ms(session.trying),
            request_delay_ms: ms(session.request_delay),
            ring_ms: ms(session.ring),
            answered: time(session.answered),
            duration_ms: ms(session.duration),
            ended: time(session.ended),
            disconnect_delay_ms: ms(session.disconnect_delay),
            ended_by: session.ended_by.map(|by| EndedBy {
                side: match by.side {
                    calls::Side::Caller => Side::Caller,
                    calls::Side::Callee => Side::Callee,
                    calls::Side::Unknown => Side::Unknown,
                },
                address: by.address,
                method: by.method,
                reason: by.reason,
            }),
            retransmissions: session.retransmissions,
            forks: session.forks,
            attempts: session.attempts,
            challenges: session.challenges,
            codecs_offered: session.codecs_offered,
            codecs_agreed: session.codecs_agreed,
            redirections: session.redirections,
        }
    }
}

impl Finding {
    fn new(call_id: Option<&str>, finding: calls::Finding) -> Self {
        Self {
            id: finding.id,
            call_id: call_id.map(str::to_owned),
            severity: match finding.severity {
                calls::Severity::Error => Severity::Error,
                calls::Severity::Warning => Severity::Warning,
                calls::Severity::Info => Severity::Info,
            },
            text: finding.text,
            blame: finding.blame.into(),
            proof: finding.proof.iter().map(ToString::to_string).collect(),
            ruled_out: finding.ruled_out,
            next: finding.next,
            confidence: match finding.confidence {
                calls::Confidence::High => Confidence::High,
                calls::Confidence::Medium => Confidence::Medium,
                calls::Confidence::Low => Confidence::Low,
            },
        }
    }
}

impl From<calls::Blame> for Blame {
    fn from(blame: calls::Blame) -> Self {
        let text = blame.to_string();
        let (kind, host, from) = match blame {
            calls::Blame::Caller => (BlameKind::Caller, None, None),
            calls::Blame::Callee => (BlameKind::Callee, None, None),
            calls::Blame::Host(host) => (BlameKind::Host, Some(host), None),
            calls::Blame::Hop(from, to) => (BlameKind::Hop, Some(to), Some(from)),
            calls::Blame::Nobody => (BlameKind::Nobody, None, None),
            calls::Blame::Unknown => (BlameKind::Unknown, None, None),
        };
        Self { kind, host, from, text }
    }
}
