//! Calls: all records that share a Call-ID or a correlation id, and those of their other legs.

mod figures;
mod fold;
mod kpi;
mod legs;
mod list;
mod measure;
mod page;
mod registrations;
mod reports;
mod rows;
mod session;
mod signatures;
mod streams;

use std::collections::BTreeMap;

use model::{Aliases, Micros};
use serde::Serialize;
use utoipa::ToSchema;

use crate::row::Row;
use session::State;

pub(crate) use fold::{fold, is_witness};
pub(crate) use kpi::{
    __path_kpi, __path_registration_kpi, By, Figures, GROUP_POINTS_MAX, GROUPS_MAX, Grid,
    RegistrationFigures, kpi, registration_kpi,
};
pub(crate) use legs::Leg;
pub(crate) use list::{__path_calls, calls};
pub(crate) use measure::{Measured, measure, measure_registrations};
pub(crate) use page::{__path_call, Call, Gathered, call, gathered, records};
pub(crate) use registrations::{__path_registrations, registrations};
pub(crate) use rows::table as derived_table;
pub(crate) use signatures::{__path_signatures, new_signatures, signatures};

/// What a list says about a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallSummary {
    call_id: String,
    /// First and last record.
    first: String,
    last: String,
    duration_ms: i64,
    /// Of the first request.
    method: Option<String>,
    from_user: Option<String>,
    to_user: Option<String>,
    /// Of the first message, `192.0.2.1:5060`.
    src: Option<String>,
    dst: Option<String>,
    /// What people call them: `GET /api/v1/aliases`.
    src_alias: Option<String>,
    dst_alias: Option<String>,
    /// The status that decided it.
    status: Option<i64>,
    state: State,
    /// From the first request to the first 2xx.
    setup_ms: Option<i64>,
    /// Session request delay, also post-dial delay (RFC 6076 4.3). Only of rows of calls.
    pdd_ms: Option<i64>,
    /// From the first 2xx to the first BYE.
    talk_ms: Option<i64>,
    /// Rules that found something, the worst first: docs/findings.md. Only of rows of calls.
    findings: Vec<String>,
    /// The worst of them: error, warning, info. Only of rows of calls.
    severity: Option<String>,
    /// Further messages may come. Only of rows of calls.
    is_open: Option<bool>,
    /// Records, each message once however many capture points saw it.
    messages: usize,
    /// Further sightings of these messages by other capture points, not counted above.
    witnesses: usize,
    /// Records by table, counted as `messages`.
    tables: BTreeMap<&'static str, usize>,
}

impl CallSummary {
    /// Of the records of one call in time order, at least one.
    fn new(call_id: String, rows: &[Row], aliases: &Aliases) -> Self {
        let seen = fold(rows);
        let witnesses = seen.iter().filter(|seen| is_witness(seen)).count();
        let first = rows.first().map_or(Micros(0), |row| row.ts);
        let last = rows.last().map_or(first, |row| row.ts);
        let sip: Vec<&Row> = rows.iter().filter(|row| is_sip(row)).collect();
        let opening = sip.iter().find(|row| row.int("status").is_none()).or(sip.first()).copied();
        let shown = opening.or(rows.first());
        let messages: Vec<calls::Message<'_>> = sip.iter().map(|row| session::message(row)).collect();
        let outcome = calls::outcome(&messages);
        let mut tables = BTreeMap::new();
        for (row, _) in rows.iter().zip(&seen).filter(|(_, seen)| !is_witness(seen)) {
            *tables.entry(row.table.name).or_default() += 1;
        }
        let text = |field| opening.and_then(|row| row.text(field)).map(str::to_owned);
        Self {
            call_id,
            first: first.to_string(),
            last: last.to_string(),
            duration_ms: (last.0 - first.0) / 1_000,
            method: text("method"),
            from_user: text("from_user"),
            to_user: text("to_user"),
            src: shown.and_then(|row| endpoint(row.src_ip.as_deref(), row.src_port)),
            dst: shown.and_then(|row| endpoint(row.dst_ip.as_deref(), row.dst_port)),
            src_alias: shown.and_then(|row| src_alias(aliases, row)),
            dst_alias: shown.and_then(|row| dst_alias(aliases, row)),
            status: outcome.status,
            state: outcome.state.into(),
            setup_ms: outcome.answered.zip(opening).map(|(answered, row)| (answered - row.ts.0) / 1_000),
            pdd_ms: None,
            findings: Vec::new(),
            severity: None,
            is_open: None,
            talk_ms: outcome.answered.zip(outcome.ended).map(|(answered, ended)| (ended - answered) / 1_000),
            messages: rows.len() - witnesses,
            witnesses,
            tables,
        }
    }
}

impl CallSummary {
    /// Of a row of table `calls`.
    fn of_row(row: &Row, aliases: &Aliases) -> Self {
        let text = |field| row.text(field).map(str::to_owned);
        let count = |field| usize::try_from(row.int(field).unwrap_or(0)).unwrap_or(0);
        let last = rows::time(row, "last").unwrap_or(row.ts);
        let answered = rows::time(row, "answered");
        let messages = count("messages");
        Self {
            call_id: row.call_id.clone().unwrap_or_default(),
            first: row.ts.to_string(),
            last: last.to_string(),
            duration_ms: (last.0 - row.ts.0) / 1_000,
            method: Some("INVITE".to_owned()),
            from_user: text("from_user"),
            to_user: text("to_user"),
            src: endpoint(row.src_ip.as_deref(), row.src_port),
            dst: endpoint(row.dst_ip.as_deref(), row.dst_port),
            src_alias: src_alias(aliases, row),
            dst_alias: dst_alias(aliases, row),
            status: row.int("status"),
            state: rows::state(row),
            setup_ms: answered.map(|answered| (answered.0 - row.ts.0) / 1_000),
            pdd_ms: row.int("pdd").map(|micros| micros / 1_000),
            talk_ms: row.int("talk").map(|micros| micros / 1_000),
            findings: rows::findings(row),
            severity: text("severity"),
            is_open: rows::is_open(row),
            messages,
            witnesses: count("witnesses"),
            tables: BTreeMap::from([("sip", messages)]),
        }
    }
}

/// The fields of a record that a summary reads.
fn summary_columns() -> Vec<&'static str> {
    let own = ["from_user", "to_user"];
    fold::FOLD_COLUMNS.iter().copied().chain(own).collect()
}

fn is_sip(row: &Row) -> bool {
    row.table.name == "sip"
}

/// What people call where a message came from.
fn src_alias(aliases: &Aliases, row: &Row) -> Option<String> {
    aliases.name(row.src_ip.as_deref()?, row.src_port, row.capture_id).map(str::to_owned)
}

/// What people call where it went to.
fn dst_alias(aliases: &Aliases, row: &Row) -> Option<String> {
    aliases.name(row.dst_ip.as_deref()?, row.dst_port, row.capture_id).map(str::to_owned)
}

/// `192.0.2.1:5060`, `[2001:db8::1]:5060`, or the address alone.
pub(crate) fn endpoint(ip: Option<&str>, port: Option<i32>) -> Option<String> {
    let ip = ip?;
    Some(match port {
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
        None => ip.to_owned(),
    })
}
