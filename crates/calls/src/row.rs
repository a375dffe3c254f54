//! Calls and registrations as rows: what lists, charts and the query language read instead of messages.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use model::{Common, Field, Kind, Micros, Record, Rows, Table, Unit, Value, Versions};

use crate::call::Call;
use crate::kpi::KPI_1M;
use crate::message::{End, Message, words};
use crate::registration;
use crate::state::State;
use crate::tracker::Sighting;
use crate::tracker::patience::Patience;
use crate::tracker::seen::Sorted;
use crate::{Finding, Session, cause, findings};

/// One row for each call.
pub static CALLS: Table = Table {
    name: "calls",
    doc: "Calls (INVITE), one row each: what became of them, in what times, and why",
    retention_days: 90,
    rows: VERSIONS,
    fields: &[
        STATE,
        IS_OPEN,
        STATUS,
        Field::new(
            "cause",
            Kind::Int16,
            "Why it ended, by number (Q.850 2.2.7), as a Reason header says (RFC 3326)",
        )
        .facet(),
        Field::new("reason", Kind::Text, "Reason header of what ended it (RFC 3326)"),
        Field::new("from_user", Kind::Text, "User of From of the first INVITE (RFC 3261 20.20)")
            .indexed()
            .private(),
        Field::new("from_host", Kind::Text, "Host of From of the first INVITE (RFC 3261 20.20)").facet(),
        Field::new("to_user", Kind::Text, "User of To of the first INVITE (RFC 3261 20.39)")
            .indexed()
            .private(),
        Field::new("to_host", Kind::Text, "Host of To of the first INVITE (RFC 3261 20.39)").facet(),
        Field::new("ruri_user", Kind::Text, "User of the request URI of the first INVITE (RFC 3261 19.1.1)")
            .indexed()
            .private(),
        Field::new("ruri_host", Kind::Text, "Host of the request URI of the first INVITE (RFC 3261 19.1.1)")
            .facet(),
        Field::new("pai_user", Kind::Text, "User of the first P-Asserted-Identity (RFC 3325 9.1)")
            .indexed()
            .private(),
        Field::new("user_agent", Kind::Text, "User-Agent of the caller (RFC 3261 20.41)").facet(),
        Field::new("answered_by", Kind::Text, "User-Agent or Server of who answered (RFC 3261 20.41, 20.35)")
            .facet(),
        Field::new("session_id", Kind::Text, "Session-ID of the first INVITE (RFC 7989)"),
        Field::new("answered", Kind::Time, "The first 2xx to the INVITE"),
        Field::new("ended", Kind::Time, "The first BYE"),
        Field::new("last", Kind::Time, "Its newest message"),
        span("trying", "From the last attempt's INVITE to 100 (RFC 3261 17.2.1)"),
        span(
            "pdd",
            "Session request delay, also post-dial delay: from the last attempt's INVITE to the first sign of its fate (RFC 6076 4.3)",
        ),
        span("ring", "From 180 to the answer, or to the end of an attempt that had none"),
        span("talk", "Session duration: from the answer to BYE (RFC 6076 4.5)"),
        span("disconnect_delay", "Session disconnect delay: from BYE to its 2xx (RFC 6076 4.4)"),
        Field::new("ended_by", Kind::Text, "Who hung up or gave up: caller, callee, unknown side").facet(),
        Field::new(
            "attempts",
            Kind::Int32,
            "Attempts by the caller, each with its challenge counted once (RFC 6076 4.1)",
        ),
        CHALLENGES,
        Field::new("forks", Kind::Int32, "Phones or branches that answered in some way, by their To tags"),
        RETRANSMISSIONS,
        MESSAGES,
        WITNESSES,
        Field::new("codecs_offered", Kind::Text, "Codecs for voice that the caller offered (RFC 3264 5)"),
        Field::new("codecs", Kind::Text, "Codecs for voice that both sides agreed on (RFC 3264 6)").facet(),
        Field::new(
            "redirections",
            Kind::TextList,
            "Whom it was meant for before it was redirected, the eldest first (RFC 7044, RFC 5806)",
        )
        .private(),
        FINDING,
        SEVERITY,
        JUDGED,
    ],
};

/// One row for each registration, and each time it is renewed.
pub static REGISTRATIONS: Table = Table {
    name: "registrations",
    doc: "Registrations (REGISTER), one row for each time one is made, renewed or removed",
    retention_days: 30,
    rows: VERSIONS,
    fields: &[
        STATE,
        IS_OPEN,
        STATUS,
        Field::new("to_user", Kind::Text, "User of the address of record: To (RFC 3261 10.2)")
            .indexed()
            .private(),
        Field::new("to_host", Kind::Text, "Host of the address of record: To (RFC 3261 10.2)").facet(),
        Field::new("contact", Kind::Text, "URI of the first Contact of the request (RFC 3261 10.2.1)")
            .private(),
        Field::new(
            "expires",
            Kind::Int64,
            "Time granted by the registrar; 0: removed (RFC 3261 10.2.1.1, 10.3)",
        )
        .unit(Unit::Seconds),
        Field::new("user_agent", Kind::Text, "User-Agent of the request (RFC 3261 20.41)").facet(),
        span(
            "register_delay",
            "Registration request delay: from the REGISTER that succeeded to its 2xx (RFC 6076 4.1)",
        ),
        CHALLENGES,
        RETRANSMISSIONS,
        MESSAGES,
        WITNESSES,
        FINDING,
        SEVERITY,
        JUDGED,
    ],
};

/// The tables of this room.
pub static TABLES: &[&Table] = &[&CALLS, &REGISTRATIONS, &KPI_1M];

/// Those of which a row tells of one call: what lists and the query language know.
pub static OF_CALLS: &[&Table] = &[&CALLS, &REGISTRATIONS];

/// What comes late makes another row of a session that was told.
const VERSIONS: Rows = Rows { versions: Some(Versions { of: "id", by: "judged" }), ..Rows::PACKETS };

const STATE: Field = Field::new(
    "state",
    Kind::Text,
    "What became of it: calling, ringing, answered, ended, cancelled, failed, redirected, challenged, pending, done, unknown",
)
.facet();
const IS_OPEN: Field = Field::new("is_open", Kind::Bool, "It may go on: another row will tell of its end");
const STATUS: Field =
    Field::new("status", Kind::Int16, "The status code that decided it (RFC 3261 7.2)").facet();
const CHALLENGES: Field =
    Field::new("challenges", Kind::Int32, "Requests that were answered with 401 or 407 (RFC 3261 22)");
const RETRANSMISSIONS: Field = Field::new(
    "retransmissions",
    Kind::Int32,
    "Requests and final replies that were sent again, on all hops (RFC 3261 17)",
);
const MESSAGES: Field = Field::new("messages", Kind::Int32, "SIP messages, each hop's message once");
const WITNESSES: Field =
    Field::new("witnesses", Kind::Int32, "Further sightings of these by other capture points");
const FINDING: Field =
    Field::new("finding", Kind::TextList, "Rules that found something: docs/findings.md").facet();
const SEVERITY: Field =
    Field::new("severity", Kind::Text, "The worst of what was found: error, warning, info").facet();
const JUDGED: Field =
    Field::new("judged", Kind::Time, "When this row was made; of several with one id the latest counts");

const fn span(name: &'static str, doc: &'static str) -> Field {
    Field::new(name, Kind::Int64, doc).unit(Unit::Microseconds)
}

/// What came with the first message of a call.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    id: i64,
    sender: IpAddr,
    listener: &'static str,
    transport: &'static str,
    hep_version: i16,
    hep_type: i32,
    capture_id: Option<i64>,
    node: Option<Box<str>>,
    correlation_id: Option<Box<str>>,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            id: i64::MAX,
            sender: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            listener: "unknown",
            transport: "unknown",
            hep_version: 3,
            hep_type: i32::default(),
            capture_id: None,
            node: None,
            correlation_id: None,
        }
    }
}

/// Names that packets and their transports have: see columns `listener` and `transport`.
const NAMES: &[&str] = &["udp", "tcp", "tls", "sctp", "http", "https", "ws", "wss", "nats", "mqtt"];

impl Origin {
    pub(crate) fn of(seen: &Sighting<'_>) -> Self {
        let known = |name: &str| NAMES.iter().find(|known| **known == name).copied().unwrap_or("unknown");
        let unknown = Self::default();
        Self {
            id: seen.message.id,
            sender: seen.sender.parse().unwrap_or(unknown.sender),
            listener: known(seen.listener),
            transport: known(seen.transport),
            hep_version: seen.hep_version,
            hep_type: seen.hep_type,
            capture_id: seen.capture_id,
            node: seen.node.map(Box::from),
            correlation_id: seen.correlation_id.map(Box::from),
        }
    }

    /// With one more message: the first one counts.
    pub(crate) fn join(&mut self, seen: &Sighting<'_>) {
        if seen.message.id < self.id {
            *self = Self::of(seen);
        }
    }
}

/// A call or a registration as it stands.
#[derive(Clone, Debug)]
pub struct Row {
    pub table: &'static Table,
    /// That of its first message, as long as it lives. Of several rows with one id the latest counts.
    pub id: i64,
    /// It may go on: another row with this id will come.
    pub is_open: bool,
    /// An earlier row with this id told it to its end, or may have.
    pub is_retold: bool,
    call_id: Box<str>,
    ts: i64,
    received: i64,
    origin: Origin,
    src: (Option<IpAddr>, Option<i32>),
    dst: (Option<IpAddr>, Option<i32>),
    size: i32,
    values: Vec<Value<'static>>,
    /// A rule found something.
    pub(crate) has_findings: bool,
    /// In conversation, and nothing but its end is to be told.
    pub(crate) is_quiet: bool,
}

/// What a row is made of.
pub(crate) struct Told<'b, 'a> {
    pub(crate) call: &'b Call<'a>,
    pub(crate) sorted: &'b Sorted<'a>,
    pub(crate) origin: &'b Origin,
    /// Messages that were not kept.
    pub(crate) beyond: u64,
    /// Arrival of the newest message.
    pub(crate) received: i64,
    pub(crate) is_retold: bool,
    pub(crate) now: i64,
    pub(crate) patience: &'b Patience,
}

impl Row {
    /// The row of a call or a registration; nothing else has one.
    pub(crate) fn of(told: &Told<'_, '_>) -> Option<Self> {
        let Told { call, sorted, origin, .. } = told;
        let first = call.messages.first()?;
        let is_registration = call.messages.iter().any(|message| message.is("REGISTER"));
        let opening = if is_registration {
            call.messages.iter().find(|message| message.is_request() && message.is("REGISTER"))
        } else {
            call.first_opening().and_then(|invite| call.request(invite))
        };
        let session = Session::brief(call);
        // In conversation only what is sent again tells of trouble; all else is told at the end.
        let is_quiet = call.outcome.state == State::Answered && session.retransmissions == 0;
        let is_over = told.patience.look_again_in.is_none();
        let judges = told.patience.is_settled && (is_over || !is_quiet);
        let findings = if judges { call.findings() } else { Vec::new() };
        let shown = opening.unwrap_or(first);
        let end = |end: End<'_>| (end.ip.and_then(|ip| ip.parse().ok()), end.port);
        Some(Self {
            table: if is_registration { &REGISTRATIONS } else { &CALLS },
            id: sorted.first_id,
            is_open: told.patience.look_again_in.is_some(),
            is_retold: told.is_retold,
            call_id: first.call_id?.into(),
            ts: session.started.unwrap_or(first.at),
            received: told.received,
            origin: (*origin).clone(),
            src: end(shown.src),
            dst: end(shown.dst),
            size: i32::try_from(sorted.bytes).unwrap_or(i32::MAX),
            has_findings: !findings.is_empty(),
            is_quiet,
            values: if is_registration {
                registration(told, opening, &session, &findings)
            } else {
                of_call(told, opening, &session, &findings)
            },
        })
    }

    /// When it began.
    pub fn begun(&self) -> i64 {
        self.ts
    }

    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// As the store takes it.
    pub fn into_record(self) -> Record<'static> {
        let Origin { sender, listener, transport, hep_version, hep_type, capture_id, .. } = self.origin;
        Record {
            table: self.table,
            common: Common {
                id: self.id,
                ts: Micros(self.ts),
                received: Micros(self.received),
                sender,
                listener,
                hep_version,
                hep_type,
                transport,
                src_ip: self.src.0,
                src_port: self.src.1,
                dst_ip: self.dst.0,
                dst_port: self.dst.1,
                capture_id,
                node: owned(self.origin.node),
                correlation_id: owned(self.origin.correlation_id),
                call_id: owned(Some(self.call_id)),
                size: self.size,
                flags: Vec::new(),
            },
            values: self.values,
            extra: None,
            raw: &[],
        }
    }

    /// A column by its name.
    pub fn value(&self, name: &str) -> Value<'_> {
        let place = self.table.fields.iter().position(|field| field.name == name);
        place.and_then(|place| self.values.get(place)).map_or(Value::Null, Value::borrowed)
    }
}

fn owned(text: Option<Box<str>>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.into_string()))
}

/// In the order of the fields of [`CALLS`].
fn of_call(
    told: &Told<'_, '_>,
    opening: Option<&Message<'_>>,
    session: &Session,
    findings: &[Finding],
) -> Vec<Value<'static>> {
    let call = told.call;
    let read = opening.map(Message::sip);
    let read = read.as_ref();
    let [from, to] = [read.and_then(sip::Message::from), read.and_then(sip::Message::to)];
    let uri = read.and_then(sip::Message::request_uri);
    let ending = call.ending();
    let answer = call.first_opening().and_then(|invite| call.answer(invite)).map(Message::sip);
    let agent = answer.as_ref().and_then(|answer| answer.user_agent().or_else(|| answer.server()));
    vec![
        Value::from(session.state.as_str()),
        Value::Bool(told.patience.look_again_in.is_some()),
        Value::from(session.status),
        Value::from(ending.and_then(cause::q850).map(i64::from)),
        Value::from(ending.and_then(|message| message.header(sip::Name::Reason))),
        text(from.and_then(|from| from.uri.user)),
        text(from.and_then(|from| from.uri.host)),
        text(to.and_then(|to| to.uri.user)),
        text(to.and_then(|to| to.uri.host)),
        text(uri.and_then(|uri| uri.user)),
        text(uri.and_then(|uri| uri.host)),
        text(read.and_then(sip::Message::pai).and_then(|identity| identity.uri.user)),
        text(read.and_then(sip::Message::user_agent)),
        text(agent),
        text(read.and_then(|read| read.header(sip::Name::SessionId))),
        Value::from(session.answered),
        Value::from(session.ended),
        Value::from(call.messages.last().map(|message| message.at)),
        Value::from(session.trying),
        Value::from(session.request_delay),
        Value::from(session.ring),
        Value::from(session.duration),
        Value::from(session.disconnect_delay),
        session.ended_by.as_ref().map_or(Value::Null, |by| Value::from(by.side.as_str())),
        number(session.attempts),
        number(session.challenges),
        number(session.forks),
        number(session.retransmissions),
        number(told.sorted.messages.len() + usize::try_from(told.beyond).unwrap_or(0)),
        number(told.sorted.witnesses),
        list(&session.codecs_offered),
        list(&session.codecs_agreed),
        match session.redirections.as_slice() {
            [] => Value::Null,
            some => Value::TextList(some.iter().cloned().map(Cow::Owned).collect()),
        },
        names(findings),
        worst(findings),
        Value::Int(told.now),
    ]
}

/// In the order of the fields of [`REGISTRATIONS`].
fn registration(
    told: &Told<'_, '_>,
    opening: Option<&Message<'_>>,
    session: &Session,
    findings: &[Finding],
) -> Vec<Value<'static>> {
    let read = opening.map(Message::sip);
    let read = read.as_ref();
    let to = read.and_then(sip::Message::to);
    let succeeded = registration::granted(told.call).last();
    let granted = succeeded.and_then(|(_, request, reply)| {
        let removed = || (registration::expires_asked(request) == Some(0)).then_some(0);
        registration::expires_granted(request, reply).or_else(removed)
    });
    let delay = succeeded.map(|(_, request, reply)| (reply.at - request.at).max(0));
    vec![
        Value::from(session.state.as_str()),
        Value::Bool(told.patience.look_again_in.is_some()),
        Value::from(session.status),
        text(to.and_then(|to| to.uri.user)),
        text(to.and_then(|to| to.uri.host)),
        text(read.and_then(sip::Message::contact).map(|contact| contact.uri.raw)),
        Value::from(granted.map(i64::from)),
        text(read.and_then(sip::Message::user_agent)),
        Value::from(delay),
        number(session.challenges),
        number(session.retransmissions),
        number(told.sorted.messages.len() + usize::try_from(told.beyond).unwrap_or(0)),
        number(told.sorted.witnesses),
        names(findings),
        worst(findings),
        Value::Int(told.now),
    ]
}

fn text(bytes: Option<&[u8]>) -> Value<'static> {
    bytes.map_or(Value::Null, |bytes| Value::Text(Cow::Owned(words(bytes).into_owned())))
}

fn number(count: usize) -> Value<'static> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn list(names: &[String]) -> Value<'static> {
    if names.is_empty() { Value::Null } else { Value::from(names.join(",")) }
}

/// Each once, in the order of their weight.
fn names(found: &[Finding]) -> Value<'static> {
    let mut ids: Vec<Cow<'static, str>> = Vec::new();
    for finding in found {
        if !ids.iter().any(|id| *id == finding.id) {
            ids.push(Cow::Borrowed(finding.id));
        }
    }
    if ids.is_empty() { Value::Null } else { Value::TextList(ids) }
}

fn worst(found: &[Finding]) -> Value<'static> {
    found
        .iter()
        .map(|finding| finding.severity)
        .min()
        .map_or(Value::Null, |worst| Value::from(worst.as_str()))
}

/// Names of all rules, for completion.
pub fn finding_names() -> impl Iterator<Item = &'static str> {
    findings::RULES.iter().map(|rule| rule.id)
}
