//! Failures that are alike, as one: where to, with which status and cause, and by which finding.

use std::collections::{HashMap, HashSet};

use axum::Json;
use model::Micros;
use model::query::{Expr, Literal, Op};
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};

use super::measure::Measured;
use super::rows;
use crate::ask::{self, Partial, Search, Window};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::row::Row;
use crate::time;
use crate::view::View;

/// A signature that was not seen for so long before is a new one.
const MEMORY: i64 = 7 * Micros::DAY;

/// One that was seen before, and then not for so long, is back.
const SILENCE: i64 = Micros::DAY;

/// Signatures that are kept apart while reading: a scan of numbers makes one a number at most.
const SIGNATURES_MAX: usize = 10_000;

/// Points of a trend.
const TREND_POINTS: i64 = 24;

/// Addresses that are told apart.
const SOURCES_MAX: usize = 1_000;

/// Calls that are named.
const EXAMPLES: usize = 3;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SignaturesQuery {
    /// Search text, over what calls have (`calls` in the catalogue).
    q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// Signatures, at most 1,000; 100 if not given.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Signatures {
    /// New ones first, then those that are back, then by number of calls.
    signatures: Vec<Signature>,
    /// Why calls may be missing.
    partial: Option<Partial>,
    elapsed_ms: u64,
}

/// Calls that failed alike.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Signature {
    /// Where the first INVITE went to.
    pub(crate) dst_ip: Option<String>,
    /// Where it came from, if always from there.
    pub(crate) src_ip: Option<String>,
    /// From how many addresses; 1,000: or more.
    pub(crate) sources: usize,
    pub(crate) status: Option<i64>,
    /// Q.850.
    pub(crate) cause: Option<i64>,
    /// What mattered most of what was found: docs/findings.md.
    pub(crate) finding: Option<String>,
    /// Calls in the asked time.
    pub(crate) calls: u64,
    pub(crate) first: String,
    pub(crate) last: String,
    /// Calls over the asked time, in 24 parts.
    pub(crate) trend: Vec<u64>,
    /// Not seen in the seven days before.
    pub(crate) is_new: bool,
    /// Seen in the seven days before, and not on the last of them.
    pub(crate) is_back: bool,
    /// When it was seen last before the asked time.
    pub(crate) before: Option<String>,
    /// Call-IDs, the newest first.
    pub(crate) examples: Vec<String>,
}

/// Failures that are alike
///
/// Calls that failed, or of which something is wrong, by where their first INVITE went, status, cause and finding.
#[utoipa::path(get, path = "/api/v1/signatures", tag = "calls", params(SignaturesQuery),
    responses((status = 200, body = Signatures), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn signatures(
    state: View,
    Parameters(query): Parameters<SignaturesQuery>,
) -> Result<Json<Signatures>, ApiError> {
    let begun = std::time::Instant::now();
    let now = time::now();
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let limit = ask::limit(query.limit, limits::CALLS_DEFAULT, limits::CALLS_MAX)?;
    let (gathered, partial) = gather(&state, query.q.as_deref(), window, now).await?;
    Ok(Json(Signatures {
        signatures: gathered.signatures(limit),
        partial,
        elapsed_ms: ask::milliseconds(begun.elapsed()),
    }))
}

/// Signatures that are new in this window, the largest first.
pub(crate) async fn new_signatures(
    state: &View,
    text: Option<&str>,
    window: Window,
) -> Result<Measured<Vec<Signature>>, ApiError> {
    let (gathered, partial) = gather(state, text, window, time::now()).await?;
    let mut signatures = gathered.signatures(limits::CALLS_MAX);
    signatures.retain(|signature| signature.is_new);
    Ok(Measured { found: signatures, is_partial: partial.is_some() })
}

/// Reads the calls that failed in the window and in the days before.
async fn gather(
    state: &View,
    text: Option<&str>,
    window: Window,
    now: Micros,
) -> Result<(Gathered, Option<Partial>), ApiError> {
    let Some(table) = rows::table(state, calls::CALLS.name) else {
        return Err(ApiError::not_found("this server keeps no calls"));
    };
    let asked = ask::question_about(state, text, now, table)?;
    let turn = ask::turn(state).await?;
    let search = Search {
        expr: Expr::and([asked, has_failed()]),
        tables: vec![table],
        window: Window { from: Micros(window.from.0.saturating_sub(MEMORY)), ..window },
        after: None,
        columns: vec!["id", "ts", "call_id", "src_ip", "dst_ip", "status", "cause", "finding", "severity"],
        limit: limits::SIGNATURE_CALLS_MAX,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    let mut answer = ask::begin(state, search).await?;
    let mut gathered = Gathered::new(window, now);
    while let Some(batch) = answer.next().await {
        ask::read(state, &batch?)?.iter().for_each(|row| gathered.add(row));
    }
    drop(turn);
    let partial = answer.cut().map(Partial::from).or_else(|| gathered.partial());
    Ok((gathered, partial))
}

/// Failed, or with a finding that is more than good to know.
fn has_failed() -> Expr {
    let field = |name: &str| {
        let field = calls::CALLS.column(name).expect("a column of calls");
        model::query::FieldRef::new(None, field)
    };
    let text = |text: &str| Literal::Text(text.to_owned());
    Expr::or([
        Expr::Compare { field: field("state"), op: Op::Eq, value: text(calls::State::Failed.as_str()) },
        Expr::InList {
            field: field("severity"),
            values: vec![text(calls::Severity::Error.as_str()), text(calls::Severity::Warning.as_str())],
        },
    ])
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    dst_ip: Option<String>,
    status: Option<i64>,
    cause: Option<i64>,
    finding: Option<String>,
}

#[derive(Debug)]
struct Seen {
    calls: u64,
    first: i64,
    last: i64,
    trend: Vec<u64>,
    before: Option<i64>,
    examples: Vec<String>,
    sources: HashSet<String>,
}

struct Gathered {
    window: Window,
    /// The asked time, as far as it has passed.
    length: i64,
    seen: HashMap<Key, Seen>,
    rows: usize,
    passed_over: u64,
}

impl Gathered {
    fn new(window: Window, now: Micros) -> Self {
        let length = (window.to.0.min(now.0) - window.from.0).max(1);
        Self { window, length, seen: HashMap::new(), rows: 0, passed_over: 0 }
    }

    fn add(&mut self, row: &Row) {
        self.rows += 1;
        let key = Key {
            dst_ip: row.dst_ip.clone(),
            status: row.int("status"),
            cause: row.int("cause"),
            finding: rows::findings(row).into_iter().next(),
        };
        if self.seen.len() >= SIGNATURES_MAX && !self.seen.contains_key(&key) {
            self.passed_over += 1;
            return;
        }
        let at = row.ts.0;
        let seen = self.seen.entry(key).or_insert_with(|| Seen {
            calls: 0,
            first: i64::MAX,
            last: i64::MIN,
            trend: vec![0; TREND_POINTS as usize],
            before: None,
            examples: Vec::new(),
            sources: HashSet::new(),
        });
        if at < self.window.from.0 {
            seen.before = seen.before.max(Some(at));
            return;
        }
        seen.calls += 1;
        seen.first = seen.first.min(at);
        seen.last = seen.last.max(at);
        let point = i128::from(at - self.window.from.0) * i128::from(TREND_POINTS) / i128::from(self.length);
        let point = usize::try_from(point).unwrap_or(0).min(seen.trend.len() - 1);
        seen.trend[point] += 1;
        if seen.sources.len() < SOURCES_MAX
            && let Some(source) = &row.src_ip
            && !seen.sources.contains(source)
        {
            seen.sources.insert(source.clone());
        }
        if seen.examples.len() < EXAMPLES
            && let Some(call_id) = &row.call_id
        {
            seen.examples.push(call_id.clone());
        }
    }

    fn partial(&self) -> Option<Partial> {
        if self.rows >= limits::SIGNATURE_CALLS_MAX {
            return Some(Partial::new(format!("of the newest {} calls that failed", self.rows)));
        }
        (self.passed_over > 0).then(|| {
            Partial::new(format!(
                "{} calls have further signatures beyond {SIGNATURES_MAX}: ask for fewer calls",
                self.passed_over
            ))
        })
    }

    fn signatures(self, limit: usize) -> Vec<Signature> {
        let from = self.window.from.0;
        let mut told: Vec<Signature> = self
            .seen
            .into_iter()
            .filter(|(_, seen)| seen.calls > 0)
            .map(|(key, seen)| Signature {
                dst_ip: key.dst_ip,
                sources: seen.sources.len(),
                src_ip: if seen.sources.len() == 1 { seen.sources.into_iter().next() } else { None },
                status: key.status,
                cause: key.cause,
                finding: key.finding,
                calls: seen.calls,
                first: Micros(seen.first).to_string(),
                last: Micros(seen.last).to_string(),
                trend: seen.trend,
                is_new: seen.before.is_none(),
                is_back: seen.before.is_some_and(|before| before < from - SILENCE),
                before: seen.before.map(|before| Micros(before).to_string()),
                examples: seen.examples,
            })
            .collect();
        told.sort_by(|a, b| {
            let weight = |signature: &Signature| (signature.is_new, signature.is_back, signature.calls);
            weight(b).cmp(&weight(a)).then_with(|| b.last.cmp(&a.last))
        });
        told.truncate(limit);
        told
    }
}
