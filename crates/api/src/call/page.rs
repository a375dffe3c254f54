use std::collections::{HashMap, HashSet};

use axum::Json;
use model::query::{Expr, Literal};
use model::{Aliases, Micros};
use protocols::sighting::Seen;
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};

use super::legs::{self, Leg};
use super::session::{Finding, Session, sessions};
use super::streams::{Stream, streams};
use super::{CallSummary, dst_alias, fold, is_sip, src_alias};
use crate::ask::{self, Found, Partial, Search, Window};
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Parameters, Segment};
use crate::limits;
use crate::row::Row;
use crate::summary::Summary;
use crate::view::View;

/// One call with everything that belongs to it, in time order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Call {
    call_id: String,
    /// The columns of the ladder, in the order they first took part.
    hosts: Vec<Host>,
    summary: CallSummary,
    /// One for each Call-ID among the records that has SIP messages, the asked one first.
    sessions: Vec<Session>,
    /// What went wrong and why, worst first.
    findings: Vec<Finding>,
    /// The Call-IDs of the call, the asked one first, and those that may be of it.
    legs: Vec<Leg>,
    /// How good the media was: one for each direction and SSRC that reports tell of.
    streams: Vec<Stream>,
    messages: Vec<Step>,
    /// Why records may be missing.
    partial: Option<Partial>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Host {
    /// The address.
    id: String,
    /// What to call it where it has no alias.
    label: String,
    /// What people call it (`GET /api/v1/aliases`), if that is one thing: several programs may share an address, and then
    /// messages tell which.
    alias: Option<String>,
}

/// A record of the call.
#[derive(Serialize, ToSchema)]
pub(crate) struct Step {
    #[serde(flatten)]
    summary: Summary,
    /// The message it is another sending of.
    retransmission_of: Option<String>,
    /// The record that shows the same message as the first capture point saw it, or wrote it down first.
    witness_of: Option<String>,
    /// What people call where it came from and where it went to: `GET /api/v1/aliases`.
    #[serde(skip_serializing_if = "Option::is_none")]
    src_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dst_alias: Option<String>,
    /// Time since the record before.
    delta_ms: f64,
    /// The payload, if it is text: what it is read as, where it wraps something else.
    text: Option<String>,
    /// The payload's age has passed (`retention.payload_days`).
    payload_gone: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallQuery {
    /// on if not given; `off`: other legs of the call are not looked for.
    #[param(inline)]
    legs: Option<Wanted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    On,
    Off,
}

/// One call: all records that share its Call-ID or a correlation id, and those of its other legs
#[utoipa::path(get, path = "/api/v1/call/{call_id}", tag = "calls", params(("call_id" = String, Path), CallQuery),
    responses((status = 200, body = Call), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn call(
    state: View,
    Segment(call_id): Segment<String>,
    Parameters(query): Parameters<CallQuery>,
) -> Result<Json<Call>, ApiError> {
    let gathered = gathered(&state, &call_id, query.legs != Some(Wanted::Off)).await?;
    state.tell_rows(gathered.rows.len());
    Ok(Json(Call::new(&call_id, &gathered, (&call_id, &gathered.rows), &state.aliases())))
}

/// What a call is told from.
pub(crate) struct Gathered {
    /// In time order, at least one.
    pub(crate) rows: Vec<Row>,
    pub(crate) legs: Vec<Leg>,
    pub(crate) partial: Option<Partial>,
}

/// Reads a call, with its other legs or without.
pub(crate) async fn gathered(
    state: &View,
    call_id: &str,
    with_other_legs: bool,
) -> Result<Gathered, ApiError> {
    let turn = ask::turn(state).await?;
    let mut found = records(state, call_id).await?;
    let mut joined = legs::Found::default();
    if with_other_legs {
        joined = legs::find(state, call_id, &found.rows).await?;
        found = with_legs(state, found, &joined.call_ids).await?;
    }
    drop(turn);
    if found.rows.is_empty() {
        return Err(ApiError::not_found(format!("no records of call `{call_id}`")));
    }
    Ok(Gathered { rows: found.rows, legs: joined.legs, partial: found.partial.or(joined.partial) })
}

impl Call {
    /// `shown`: the Call-ID and the records as they are shown, one for each of those the call is told from.
    pub(crate) fn new(
        call_id: &str,
        gathered: &Gathered,
        (shown_id, shown): (&str, &[Row]),
        aliases: &Aliases,
    ) -> Self {
        let Gathered { rows, legs, partial } = gathered;
        let seen = fold(rows);
        // Behind a cut nothing is missing: it was not read.
        let until = if partial.is_some() { Micros(i64::MIN) } else { crate::time::now() };
        let streams = streams(rows, &seen);
        let (sessions, findings) = sessions(call_id, rows, &seen, &streams, until);
        let streams = streams.into_iter().map(Stream::from).collect();
        // Another leg may share the correlation id; the call is told by its own messages if it has any.
        let own: Vec<Row> =
            shown.iter().filter(|row| row.call_id.as_deref() == Some(shown_id)).cloned().collect();
        let of = if own.iter().any(is_sip) { &own } else { shown };
        Self {
            call_id: shown_id.to_owned(),
            hosts: hosts(shown, aliases),
            summary: CallSummary::new(shown_id.to_owned(), of, aliases),
            sessions,
            findings,
            legs: legs.clone(),
            streams,
            messages: steps(shown, seen, aliases),
            partial: partial.clone(),
        }
    }
}

fn steps(rows: &[Row], seen: Vec<Seen<usize>>, aliases: &Aliases) -> Vec<Step> {
    let mut before = rows.first().map_or(Micros(0), |row| row.ts);
    let mut steps = Vec::with_capacity(rows.len());
    for (row, seen) in rows.iter().zip(seen) {
        let id_of = |place: usize| rows[place].id.to_string();
        steps.push(Step {
            summary: Summary::from(row),
            retransmission_of: if let Seen::Again(of) = seen { Some(id_of(of)) } else { None },
            witness_of: if let Seen::Witness(of) = seen { Some(id_of(of)) } else { None },
            src_alias: src_alias(aliases, row),
            dst_alias: dst_alias(aliases, row),
            delta_ms: (row.ts.0 - before.0) as f64 / 1_000.0,
            text: match row.shown() {
                Some(shown) => std::str::from_utf8(&shown).ok().map(str::to_owned),
                None => row.utf8().map(str::to_owned),
            },
            payload_gone: row.payload_gone,
        });
        before = row.ts;
    }
    steps
}

/// All records of a call in time order, payloads included: those with the id as Call-ID or correlation id, and
/// those that a correlation id found on the way joins to them.
pub(crate) async fn records(state: &View, call_id: &str) -> Result<Found, ApiError> {
    let mut keys: HashSet<String> = HashSet::from([call_id.to_owned()]);
    for _ in 1..limits::CALL_KEY_ROUNDS_MAX {
        let columns = vec!["id", "ts", "call_id", "correlation_id"];
        let joined = with_keys(state, &keys, columns, limits::CALL_RECORDS_MAX).await?;
        let known = keys.len();
        for row in joined.rows {
            for key in [row.call_id, row.correlation_id].into_iter().flatten() {
                if keys.len() < limits::CALL_KEYS_MAX && !key.is_empty() {
                    keys.insert(key);
                }
            }
        }
        if keys.len() == known {
            break;
        }
    }
    let is_full = keys.len() >= limits::CALL_KEYS_MAX;
    let columns = ask::all(&ask::tables(state, None)?);
    let found = with_keys(state, &keys, columns, limits::CALL_RECORDS_MAX + 1).await?;
    let mut found = fitting(found);
    if is_full {
        let most = limits::CALL_KEYS_MAX;
        found.partial.get_or_insert(Partial::new(format!("more than {most} ids are joined to this call")));
    }
    Ok(found)
}

/// With the records of these legs, in time order.
async fn with_legs(state: &View, found: Found, call_ids: &[String]) -> Result<Found, ApiError> {
    let known: HashSet<&str> = found.rows.iter().filter_map(|row| row.call_id.as_deref()).collect();
    let keys: HashSet<String> = call_ids.iter().filter(|id| !known.contains(id.as_str())).cloned().collect();
    if keys.is_empty() {
        return Ok(found);
    }
    let columns = ask::all(&ask::tables(state, None)?);
    let further = with_keys(state, &keys, columns, limits::CALL_RECORDS_MAX + 1).await?;
    let ids: HashSet<i64> = found.rows.iter().map(|row| row.id).collect();
    let mut all = Found { rows: found.rows, partial: found.partial.or(further.partial) };
    all.rows.extend(further.rows.into_iter().filter(|row| !ids.contains(&row.id)));
    all.rows.sort_by_key(|row| (row.ts, row.id));
    Ok(fitting(all))
}

/// As many as one page may have.
fn fitting(mut found: Found) -> Found {
    let mut bytes = 0;
    let fitting = found.rows.iter().take(limits::CALL_RECORDS_MAX).take_while(|row| {
        bytes += row.raw.len();
        bytes <= limits::CALL_BYTES_MAX
    });
    let fitting = fitting.count();
    if fitting < found.rows.len() {
        found.rows.truncate(fitting);
        found.partial.get_or_insert(Partial::new(format!("only the first {fitting} records are shown")));
    }
    found
}

async fn with_keys(
    state: &View,
    keys: &HashSet<String>,
    columns: Vec<&'static str>,
    limit: usize,
) -> Result<Found, ApiError> {
    let values: Vec<Literal> = keys.iter().map(|key| Literal::Text(key.clone())).collect();
    let search = Search {
        expr: Expr::or([
            Expr::InList { field: ask::field("call_id"), values: values.clone() },
            Expr::InList { field: ask::field("correlation_id"), values },
        ]),
        tables: ask::tables(state, None)?,
        window: Window::ALL,
        after: None,
        columns,
        limit,
        order: Order::OldestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    ask::search(state, search).await
}

/// The hosts of the signalling first, in the order they spoke; then those that only reports and logs name.
fn hosts(rows: &[Row], aliases: &Aliases) -> Vec<Host> {
    let mut names: HashMap<&str, HashSet<Option<String>>> = HashMap::new();
    for row in rows {
        if let Some(ip) = row.src_ip.as_deref() {
            names.entry(ip).or_default().insert(src_alias(aliases, row));
        }
        if let Some(ip) = row.dst_ip.as_deref() {
            names.entry(ip).or_default().insert(dst_alias(aliases, row));
        }
    }
    let alias = |ip: &str| {
        let names = names.get(ip)?;
        let one = names.iter().next().filter(|_| names.len() == 1).cloned().flatten();
        one.or_else(|| aliases.name_of_host(ip).map(str::to_owned))
    };
    let mut seen = HashSet::new();
    let (sip, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| is_sip(row));
    sip.into_iter()
        .chain(others)
        .flat_map(|row| [row.src_ip.as_deref(), row.dst_ip.as_deref()])
        .flatten()
        .filter(|ip| seen.insert(*ip))
        .map(|ip| Host { id: ip.to_owned(), label: host_label(ip), alias: alias(ip) })
        .collect()
}

/// Zero addresses are what agents write that have lost the real ones.
fn host_label(ip: &str) -> String {
    match ip {
        "::" | "0.0.0.0" => format!("unknown ({ip})"),
        known => known.to_owned(),
    }
}
