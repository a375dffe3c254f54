//! Calls: all records that share a Call-ID or a correlation id.

mod fold;
mod list;
mod page;
mod session;

use std::collections::BTreeMap;

use model::Micros;
use serde::Serialize;
use utoipa::ToSchema;

use crate::row::Row;
use session::State;

pub(crate) use fold::{fold, is_witness};
pub(crate) use list::{__path_calls, calls};
pub(crate) use page::{__path_call, call, records};

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
    /// The status that decided it.
    status: Option<i64>,
    state: State,
    /// From the first request to the first 2xx.
    setup_ms: Option<i64>,
    /// From the first 2xx to the first BYE.
    talk_ms: Option<i64>,
    /// Records, each message once however many capture points saw it.
    messages: usize,
    /// Further sightings of these messages by other capture points, not counted above.
    witnesses: usize,
    /// Records by table, counted as `messages`.
    tables: BTreeMap<&'static str, usize>,
}

impl CallSummary {
    /// Of the records of one call in time order, at least one.
    fn new(call_id: String, rows: &[Row]) -> Self {
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
            status: outcome.status,
            state: outcome.state.into(),
            setup_ms: outcome.answered.zip(opening).map(|(answered, row)| (answered - row.ts.0) / 1_000),
            talk_ms: outcome.answered.zip(outcome.ended).map(|(answered, ended)| (ended - answered) / 1_000),
            messages: rows.len() - witnesses,
            witnesses,
            tables,
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

/// `192.0.2.1:5060`, `[2001:db8::1]:5060`, or the address alone.
pub(crate) fn endpoint(ip: Option<&str>, port: Option<i32>) -> Option<String> {
    let ip = ip?;
    Some(match port {
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
        None => ip.to_owned(),
    })
}
