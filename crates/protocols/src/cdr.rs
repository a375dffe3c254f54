//! Call detail records: JSON of Kamailio, OpenSIPS, FreeSWITCH, Asterisk and others under their many names for one
//! thing, and lines of Asterisk's `Master.csv` as they stand.

use hep::Packet;
use model::{Field, Kind, Micros, Rows, Table, Unit, Value};

use crate::cdr_csv::Columns;
use crate::civil_time;
use crate::json::{self, Json};
use crate::members::Members;
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "cdr",
    hep_types: &[60, 81],
    table: &TABLE,
    doc: "Call detail records: who called whom, how long, and how it ended",
    understand,
};

static TABLE: Table = Table {
    name: "cdr",
    doc: "Call detail records of switches and proxies, one row a call or leg",
    retention_days: 90,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "How the call ended and how long it was, without numbers of people"),
        Field::new("kind", Kind::Text, "Which kind of record, where the sender tells: call, registration")
            .facet(),
        Field::new("from_user", Kind::Text, "Who called").indexed().private(),
        Field::new("to_user", Kind::Text, "Who was called").indexed().private(),
        Field::new("caller_name", Kind::Text, "Name shown with the caller").private(),
        Field::new("start_time", Kind::Time, "When the call began; UTC where the record names no zone"),
        Field::new("answer_time", Kind::Time, "When it was answered; empty if it was not"),
        Field::new("end_time", Kind::Time, "When it ended"),
        Field::new("duration", Kind::Float, "From begin to end, ringing included").unit(Unit::Seconds),
        Field::new("billsec", Kind::Float, "From answer to end, what is charged for").unit(Unit::Seconds),
        Field::new(
            "disposition",
            Kind::Text,
            "How it ended, in the words of the sender: ANSWERED, NO ANSWER, NORMAL_CLEARING",
        )
        .facet(),
        Field::new("status", Kind::Int16, "Status code of the final SIP reply (RFC 3261 7.2)").facet(),
        Field::new("cause", Kind::Int16, "Why the call ended, by number (Q.850 2.2.7)").facet(),
        Field::new("direction", Kind::Text, "inbound or outbound, as the sender sees it").facet(),
        Field::new("account", Kind::Text, "Account or customer the call is charged to").facet().private(),
        Field::new("unique_id", Kind::Text, "What the sender itself calls the call: uniqueid, uuid")
            .indexed(),
        Field::new("linked_id", Kind::Text, "What the sender itself calls the calls that belong together")
            .indexed(),
        Field::new("channel", Kind::Text, "Channel or gateway of the caller").private(),
        Field::new("destination_channel", Kind::Text, "Channel or gateway of the called").private(),
    ],
};

const CALL_ID: &[&str] = &[
    "sip_call_id",
    "sip_callid",
    "callid",
    "variables.sip_call_id",
    "variable_sip_call_id",
    "acct_session_id",
];
const FROM: &[&str] = &[
    "from_user",
    "caller_id_number",
    "callerid_num",
    "caller",
    "src",
    "src_user",
    "source",
    "calling_number",
    "calling",
    "a_number",
    "ani",
    "cli",
    "from",
    "callerid",
    "variables.caller_id_number",
    "variables.sip_from_user",
    "calling_station_id",
];
const TO: &[&str] = &[
    "to_user",
    "destination_number",
    "callee",
    "dst",
    "dst_user",
    "dst_ouser",
    "destination",
    "called_number",
    "called",
    "b_number",
    "dnis",
    "to",
    "variables.destination_number",
    "variables.sip_to_user",
    "called_station_id",
];
const START: &[&str] = &[
    "start_time",
    "start",
    "calldate",
    "call_start",
    "start_stamp",
    "variables.start_stamp",
    "variables.start_epoch",
    "start_epoch",
    "created",
    "setup_time",
    "time_start",
    "time",
];
const ANSWER: &[&str] = &[
    "answer_time",
    "answer",
    "answered_at",
    "answer_stamp",
    "variables.answer_stamp",
    "variables.answer_epoch",
    "answer_epoch",
    "connect_time",
    "time_connect",
];
const END: &[&str] = &[
    "end_time",
    "end",
    "hangup_time",
    "end_stamp",
    "variables.end_stamp",
    "variables.end_epoch",
    "end_epoch",
    "disconnect_time",
    "time_end",
];
const DURATION: &[&str] =
    &["duration", "call_duration", "total_duration", "variables.duration", "duration_seconds"];
const DURATION_MILLISECONDS: &[&str] = &["ms_duration", "duration_ms", "mduration", "variables.mduration"];
const BILLED: &[&str] = &[
    "billsec",
    "bill_seconds",
    "billing_seconds",
    "billed",
    "talk_time",
    "variables.billsec",
    "conversation_time",
];
const BILLED_MILLISECONDS: &[&str] = &["billmsec", "variables.billmsec", "talk_ms"];
const DISPOSITION: &[&str] = &[
    "disposition",
    "hangup_cause",
    "variables.hangup_cause",
    "sip_reason",
    "call_status",
    "result",
    "state",
];

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let line = if payload.trim_start().starts_with(['{', '[']) {
        None
    } else {
        // Other text of a field or two is no line of records.
        Columns::asterisk().read(&payload).ok().filter(|line| line.fields >= FIELDS_OF_A_LINE_MIN)
    };
    let payload = line.as_ref().map_or(&*payload, |line| &line.payload);
    let objects = json::objects(payload, draft);
    let Some(first) = objects.first() else { return };
    record(first, draft);
}

/// `cdr_custom` and `cdr_csv` write 16 fields and more.
const FIELDS_OF_A_LINE_MIN: usize = 10;

fn record(object: &Json<'_>, draft: &mut Draft<'_>) {
    let mut members = Members::of(object);
    if let Some(call_id) = members.text(CALL_ID).filter(|text| text::is_call_id(text)) {
        draft.set_call_id(call_id.into());
    }
    let kind = members.text(&["record_type", "cdr_type", "type"]);
    let (named, number) = members.text(&["clid"]).map_or((None, None), |clid| caller_id(&clid));
    let from_user = members.text(FROM).or(number);
    let caller_name = members.text(&["caller_name", "caller_id_name", "callerid_name", "src_name"]).or(named);
    let to_user = members.text(TO);
    let mut time = |names: &[&str]| members.text(names).and_then(|text| civil_time::read(&text, 0));
    let (start, answer, end) = (time(START), time(ANSWER), time(END));
    let seconds = |members: &mut Members<'_>, names: &[&str], milliseconds: &[&str]| {
        let written = members.text(names).and_then(|text| seconds(&text));
        let precise = members.number(milliseconds).map(|number| number / 1e3);
        precise.or(written).filter(|seconds| (0.0..1e9).contains(seconds))
    };
    let between = |from: Option<Micros>, to: Option<Micros>| {
        let (from, to) = (from?, to?);
        (to >= from).then(|| (to.0 - from.0) as f64 / Micros::SECOND as f64)
    };
    let duration = seconds(&mut members, DURATION, DURATION_MILLISECONDS).or_else(|| between(start, end));
    let billsec = seconds(&mut members, BILLED, BILLED_MILLISECONDS).or_else(|| between(answer, end));
    let disposition = members.text(DISPOSITION);
    let status = members.integer(&["sip_code", "status_code", "response_code", "sip_status", "status"]);
    let cause =
        members.integer(&["cause", "cause_code", "q850", "hangup_cause_q850", "variables.hangup_cause_q850"]);

    let status = status.filter(|status| (100..700).contains(status));
    let summary = Summary::of("CDR")
        .maybe(kind.as_deref())
        .maybe(disposition.as_deref())
        .maybe(status.map(|status| status.to_string()).as_deref())
        .joined(", ", &billsec.or(duration).map(|seconds| format!("{seconds} s")).unwrap_or_default());
    draft.push(summary.finish());
    draft.push(kind);
    draft.push(from_user.map(|user| bare(&user)));
    draft.push(to_user.map(|user| bare(&user)));
    draft.push(caller_name);
    for time in [start, answer, end] {
        draft.push(time.map(|time| time.0));
    }
    draft.push(duration.map_or(Value::Null, Value::Float));
    draft.push(billsec.map_or(Value::Null, Value::Float));
    draft.push(disposition);
    draft.push(status);
    draft.push(cause.filter(|cause| (0..=127).contains(cause)));
    for names in [
        &["direction", "call_direction", "variables.direction"][..],
        &["account", "accountcode", "account_code", "variables.accountcode", "customer"],
        &["unique_id", "uuid", "variables.uuid", "call_uuid", "cdr_id"],
        &["linked_id", "linkedid", "bridge_uuid", "variables.bridge_uuid"],
        &["channel", "src_channel", "gateway_in", "variables.channel_name"],
        &["destination_channel", "dstchannel", "dst_channel", "gateway_out"],
    ] {
        draft.push(members.text(names));
    }
    members.leave(&mut draft.extra);
}

/// `"Alice" <1001>`: name and number, as Asterisk writes a caller id.
fn caller_id(clid: &str) -> (Option<String>, Option<String>) {
    let present = |text: &str| Some(text.trim().trim_matches('"').to_owned()).filter(|text| !text.is_empty());
    match clid.split_once('<') {
        Some((name, rest)) => (present(name), present(rest.trim_end().trim_end_matches('>'))),
        None => (None, present(clid)),
    }
}

/// The user of a SIP or telephone URI; anything else as it stands.
fn bare(address: &str) -> String {
    let inner = address.split_once('<').map_or(address, |(_, rest)| rest.split('>').next().unwrap_or(rest));
    let user = inner.split_once(':').filter(|(scheme, _)| matches!(*scheme, "sip" | "sips" | "tel"));
    match user {
        Some((_, rest)) => rest.split(['@', ';']).next().unwrap_or(rest).to_owned(),
        None => address.to_owned(),
    }
}

/// A number of seconds, or `hh:mm:ss`.
fn seconds(text: &str) -> Option<f64> {
    if !text.contains(':') {
        return text.parse().ok().filter(|seconds: &f64| seconds.is_finite());
    }
    text.split(':').try_fold(0.0, |sum: f64, part| {
        Some(sum * 60.0 + part.parse::<f64>().ok().filter(|part| part.is_finite() && *part >= 0.0)?)
    })
}
