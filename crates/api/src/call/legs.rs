//! The other legs of a call: found by bounded searches over what they may share, and judged by the room `calls`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use calls::legs::{Edge, Judge, Leg as Known, Number, Rules, Standing as Judged};
use model::query::{Expr, FieldRef, Literal, Op, Part, Pattern};
use model::{Micros, Table};
use serde::Serialize;
use store::Order;
use utoipa::ToSchema;

use super::{fold, is_sip, is_witness, session};
use crate::ask::{self, Partial, Search, Window};
use crate::error::ApiError;
use crate::limits;
use crate::row::Row;
use crate::state::ApiState;
use crate::view::View;

/// A leg is looked for as long before as it may wait for the next one, and until this long after the last message: a call
/// that was asked for by REFER.
const BEFORE: i64 = 180 * Micros::SECOND;
const AFTER: i64 = 10 * Micros::SECOND;
/// From which machine it comes counts only so near in time: a B2BUA begins many.
const NEAR: i64 = 5 * Micros::SECOND;
/// A leg that goes on for ever is not searched around to its end.
const SPAN_MAX: i64 = Micros::HOUR;

/// One Call-ID of the call, or one that may be of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Leg {
    call_id: String,
    /// `own`: asked for; `certain`: of the same call, its messages are in the ladder; `possible`: may be of it.
    standing: Standing,
    started: String,
    /// Where it comes from.
    source: Option<String>,
    /// Where it goes to.
    hosts: Vec<String>,
    /// From and what asserts it, normalised.
    callers: Vec<String>,
    /// Request-URI and To, normalised.
    callees: Vec<String>,
    /// What joins it to legs before it in the list, the surest first.
    why: Vec<LegEdge>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    Own,
    Certain,
    Possible,
    /// Something stronger ties the leg elsewhere.
    Withdrawn,
}

/// Why two legs are joined: docs/legs.md has the rules.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LegEdge {
    /// The Call-ID of the other leg.
    with: String,
    /// Name of the rule.
    rule: &'static str,
    /// The same in words.
    text: &'static str,
    /// 1 is proof.
    score: f64,
    standing: Standing,
    /// Ids of the messages that show it.
    evidence: Vec<String>,
}

/// What was found about the call.
#[derive(Default)]
pub(super) struct Found {
    pub(super) legs: Vec<Leg>,
    /// The Call-IDs of certain legs.
    pub(super) call_ids: Vec<String>,
    pub(super) partial: Option<Partial>,
}

/// Looks for the legs of the call that has these records.
pub(super) async fn find(state: &View, call_id: &str, rows: &[Row]) -> Result<Found, ApiError> {
    let mut search =
        Legs { judge: Judge::new(Rules::clone(&state.legs())), read: HashSet::new(), partial: None };
    search.take(state, rows);
    // A correlation id may have been asked for: then the first leg among its records.
    let first = rows.iter().filter_map(|row| row.call_id.as_deref());
    let Some(call_id) = std::iter::once(call_id).chain(first).find(|id| search.judge.leg(id).is_some())
    else {
        return Ok(Found::default());
    };
    let mut asked: HashSet<String> = HashSet::new();
    for _ in 0..limits::LEG_ROUNDS_MAX {
        let group: Vec<Known> = search.group(call_id).filter(|leg| !asked.contains(&leg.call_id)).collect();
        if group.is_empty() || asked.len() >= limits::LEGS_MAX {
            break;
        }
        asked.extend(group.iter().map(|leg| leg.call_id.clone()));
        let candidates = search.candidates(state, &group).await?;
        if candidates.is_empty() {
            break;
        }
        search.read(state, &candidates, &group).await?;
    }
    Ok(search.found(call_id))
}

struct Legs {
    judge: Judge,
    /// Call-IDs whose records have been read.
    read: HashSet<String>,
    partial: Option<Partial>,
}

impl Legs {
    /// Reads the legs in these rows, which are in time order.
    fn take(&mut self, state: &ApiState, rows: &[Row]) {
        let mut by_call: HashMap<&str, Vec<&Row>> = HashMap::new();
        for row in rows.iter().filter(|row| is_sip(row)) {
            if let Some(call_id) = row.call_id.as_deref() {
                by_call.entry(call_id).or_default().push(row);
            }
        }
        let rules = state.legs();
        let mut legs: Vec<Known> = by_call.values().filter_map(|rows| leg(rows, &rules)).collect();
        legs.sort_by(|one, other| (one.first, &one.call_id).cmp(&(other.first, &other.call_id)));
        self.read.extend(by_call.keys().map(|call_id| (*call_id).to_owned()));
        for leg in legs {
            self.judge.put(leg);
        }
    }

    fn group(&self, call_id: &str) -> impl Iterator<Item = Known> {
        self.judge.group(call_id).into_iter().filter_map(|call_id| self.judge.leg(call_id)).cloned()
    }

    /// Call-IDs that may be of the call, those that fit best first.
    async fn candidates(&mut self, state: &View, group: &[Known]) -> Result<Vec<String>, ApiError> {
        let mut candidates: Vec<String> = Vec::new();
        let names: BTreeSet<&str> = group.iter().flat_map(Known::names).collect();
        let mut named = self.search(state, call_ids(names.iter().copied()), Window::ALL).await?;
        // Whoever has the same id in a column; headers that have none are found with the neighbours.
        let from = group.iter().map(|leg| leg.first).min().unwrap_or_default();
        let to = group.iter().map(|leg| leg.last.min(leg.first + SPAN_MAX)).max().unwrap_or_default();
        let window = Window { from: Micros(from - BEFORE), to: Micros(to + AFTER) };
        named.extend(self.search(state, same_name(group), window).await?);
        let mut neighbours = self.search(state, neighbours(state, group), window).await?;
        neighbours.sort_by_key(|row| {
            let apart = group.iter().map(|leg| (row.ts.0 - leg.first).abs()).min().unwrap_or(i64::MAX);
            (!shares_number(row, group), apart)
        });
        for row in named.into_iter().chain(neighbours) {
            if let Some(call_id) = row.call_id
                && !self.read.contains(&call_id)
                && !candidates.contains(&call_id)
            {
                if candidates.len() >= limits::LEG_CANDIDATES_MAX {
                    break;
                }
                candidates.push(call_id);
            }
        }
        Ok(candidates)
    }

    async fn search(&mut self, state: &View, expr: Expr, window: Window) -> Result<Vec<Row>, ApiError> {
        if expr == Expr::Never {
            return Ok(Vec::new());
        }
        let search = Search {
            expr,
            tables: vec![sip(state)],
            window,
            after: None,
            columns: vec!["id", "ts", "call_id", "from_user", "to_user", "ruri_user", "pai_user"],
            limit: limits::LEG_SCAN_ROWS_MAX,
            order: Order::OldestFirst,
            time_max: limits::SEARCH_TIME_MAX,
        };
        let found = ask::search(state, search).await?;
        if found.rows.len() >= limits::LEG_SCAN_ROWS_MAX {
            let reason = format!("legs were looked for among the first {} calls around", found.rows.len());
            self.partial.get_or_insert(Partial::new(reason));
        }
        if let Some(partial) = found.partial {
            self.partial.get_or_insert(partial);
        }
        Ok(found.rows)
    }

    /// Reads the candidates whole.
    async fn read(&mut self, state: &View, candidates: &[String], group: &[Known]) -> Result<(), ApiError> {
        let from = group.iter().map(|leg| leg.first).min().unwrap_or_default();
        let to = group.iter().map(|leg| leg.last).max().unwrap_or_default();
        let search = Search {
            expr: call_ids(candidates.iter().map(String::as_str)),
            tables: vec![sip(state)],
            window: Window { from: Micros(from - Window::REACH), to: Micros(to + Window::REACH) },
            after: None,
            columns: ask::all(&[sip(state)]),
            limit: limits::CALL_RECORDS_MAX,
            order: Order::OldestFirst,
            time_max: limits::SEARCH_TIME_MAX,
        };
        let found = ask::search(state, search).await?;
        self.take(state, &found.rows);
        self.read.extend(candidates.iter().cloned());
        Ok(())
    }

    fn found(self, call_id: &str) -> Found {
        let mut certain: Vec<&Known> =
            self.judge.group(call_id).into_iter().filter_map(|id| self.judge.leg(id)).collect();
        certain.sort_by_key(|leg| (leg.call_id != call_id, leg.first));
        let mut partial = self.partial;
        if certain.len() > limits::LEGS_MAX {
            certain.truncate(limits::LEGS_MAX);
            partial = Some(Partial::new(format!("only {} legs are shown", limits::LEGS_MAX)));
        }
        let ids: Vec<&str> = certain.iter().map(|leg| leg.call_id.as_str()).collect();
        let mut possible: Vec<(f64, &str)> = Vec::new();
        for edge in ids.iter().flat_map(|id| self.judge.edges_of(id)) {
            for end in [&edge.from, &edge.to] {
                let Some(leg) = self.judge.leg(end) else { continue };
                let id = leg.call_id.as_str();
                let is_new = !ids.contains(&id) && possible.iter().all(|(_, known)| *known != id);
                if edge.standing == Judged::Possible && is_new {
                    possible.push((edge.score, id));
                }
            }
        }
        possible.sort_by(|one, other| other.0.total_cmp(&one.0));
        possible.truncate(limits::LEGS_POSSIBLE_MAX);
        let listed: Vec<&str> = ids.iter().copied().chain(possible.iter().map(|(_, id)| *id)).collect();
        let legs = listed.iter().enumerate().filter_map(|(place, id)| {
            let standing = match place {
                0 => Standing::Own,
                _ if place < ids.len() => Standing::Certain,
                _ => Standing::Possible,
            };
            let before = listed.get(..place).unwrap_or_default();
            Some(Leg::new(self.judge.leg(id)?, standing, self.judge.edges_of(id), before))
        });
        Found { legs: legs.collect(), call_ids: ids.iter().map(|id| (*id).to_owned()).collect(), partial }
    }
}

impl Leg {
    /// Whether it is of the call beyond doubt.
    pub(crate) fn is_of_call(&self) -> bool {
        matches!(self.standing, Standing::Own | Standing::Certain)
    }

    fn new(leg: &Known, standing: Standing, edges: Vec<Edge>, before: &[&str]) -> Self {
        let other = |edge: &Edge| if edge.from == leg.call_id { edge.to.clone() } else { edge.from.clone() };
        let why = edges.into_iter().filter(|edge| before.contains(&other(edge).as_str()));
        let texts = |numbers: &[Number]| numbers.iter().map(|number| number.text().to_owned()).collect();
        Self {
            standing,
            started: Micros(leg.first).to_string(),
            source: leg.source.clone(),
            hosts: leg.hosts.clone(),
            callers: texts(&leg.callers),
            callees: texts(&leg.callees),
            why: why
                .map(|edge| LegEdge {
                    with: other(&edge),
                    rule: edge.rule.name(),
                    text: edge.rule.about(),
                    score: edge.score,
                    standing: match edge.standing {
                        Judged::Certain => Standing::Certain,
                        Judged::Possible => Standing::Possible,
                        Judged::Withdrawn => Standing::Withdrawn,
                    },
                    evidence: edge.evidence.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            call_id: leg.call_id.clone(),
        }
    }
}

/// The leg of these rows of one Call-ID, each message once.
fn leg(rows: &[&Row], rules: &calls::legs::Rules) -> Option<Known> {
    let seen = fold(rows.iter().copied());
    let own: Vec<&Row> =
        rows.iter().zip(&seen).filter(|(_, seen)| !is_witness(seen)).map(|(row, _)| *row).collect();
    let payloads: Vec<_> =
        own.iter().map(|row| row.shown().unwrap_or(std::borrow::Cow::Borrowed(&row.raw))).collect();
    let messages: Vec<calls::Message<'_>> = own
        .iter()
        .zip(&payloads)
        .map(|(row, payload)| calls::Message { raw: payload.as_ref().into(), ..session::message(row) })
        .collect();
    let mut leg = Known::read(&messages, rules)?;
    for row in rows {
        if let Some(id) = row.correlation_id.as_deref() {
            leg.correlate(id, row.id);
        }
        for id in linked(row) {
            leg.correlate(&id, row.id);
        }
    }
    Some(leg)
}

/// The Call-IDs that OpenSIPS says beside the message (chunk 0x65).
fn linked(row: &Row) -> Vec<String> {
    let Some(extra) = row.extra.as_deref().filter(|extra| extra.contains("\"correlations\"")) else {
        return Vec::new();
    };
    let Ok(extra) = serde_json::from_str::<serde_json::Value>(extra) else { return Vec::new() };
    let pairs = extra["correlations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = pairs.iter().filter(|pair| pair[0] == "sip").filter_map(|pair| pair[1].as_str());
    ids.map(str::to_owned).collect()
}

fn sip(state: &ApiState) -> &'static Table {
    let tables = state.protocols().tables();
    tables.iter().find(|table| table.name == "sip").expect("the table of SIP is built in")
}

fn column(state: &ApiState, name: &str) -> FieldRef {
    let table = sip(state);
    FieldRef::new(Some(table.name), table.column(name).expect("a column of the table"))
}

fn call_ids<'a>(call_ids: impl Iterator<Item = &'a str>) -> Expr {
    let values: Vec<Literal> = call_ids.map(|call_id| Literal::Text(call_id.to_owned())).collect();
    if values.is_empty() { Expr::Never } else { Expr::InList { field: ask::field("call_id"), values } }
}

/// Legs that say the same id where there is a column for it, or have the Call-ID with an ending.
fn same_name(group: &[Known]) -> Expr {
    let text = |text: &str| Part::Text(text.to_owned());
    let begins = |leg: &Known| Expr::Like {
        field: ask::field("call_id"),
        pattern: Pattern::new([text(&leg.call_id), Part::One, Part::Run]),
    };
    let ids: BTreeSet<&str> =
        group.iter().flat_map(|leg| leg.names().chain([leg.call_id.as_str()])).collect();
    let values = ids.into_iter().map(|id| Literal::Text(id.to_owned())).collect();
    let correlated = Expr::InList { field: ask::field("correlation_id"), values };
    Expr::or(group.iter().map(begins).chain([correlated]))
}

/// INVITEs that open a call: near in time from or to a machine of the legs, or with a number of theirs, or with a half of
/// their Session-ID.
fn neighbours(state: &ApiState, group: &[Known]) -> Expr {
    let method = Expr::Compare {
        field: column(state, "method"),
        op: Op::Eq,
        value: Literal::Text("INVITE".to_owned()),
    };
    let not = |name| Expr::not(Expr::Exists { field: column(state, name) });
    let mut any = Vec::new();
    for leg in group {
        any.push(near(state, leg));
        any.extend(leg.session_ids().map(|half| {
            let parts = [Part::Run, Part::Text(half.to_owned()), Part::Run];
            Expr::Like { field: column(state, "session_id"), pattern: Pattern::new(parts) }
        }));
    }
    let numbers: BTreeSet<&Number> = group
        .iter()
        .flat_map(|leg| leg.callers.iter().chain(&leg.callees).chain(&leg.diverted).chain(leg.referred_to()))
        .collect();
    for number in numbers {
        let mut parts = vec![Part::Text(number.key().to_owned())];
        if number.is_long() {
            parts.insert(0, Part::Run);
        }
        let pattern = Pattern::new(parts);
        any.extend(
            ["from_user", "to_user", "ruri_user", "pai_user"]
                .map(|name| Expr::Like { field: column(state, name), pattern: pattern.clone() }),
        );
    }
    Expr::and([method, not("status"), not("to_tag"), Expr::or(any)])
}

/// Right before or after the leg, on the way it goes; and right after somebody was asked to call another.
fn near(state: &ApiState, leg: &Known) -> Expr {
    let rules = state.legs();
    let ips = |ends: Vec<&String>| -> Vec<Literal> {
        let addresses = ends.into_iter().filter_map(|end| address(end)).flat_map(|ip| {
            let known = ip.to_string();
            let all = rules.addresses(&known);
            all.iter().filter_map(|address| address.parse().ok()).map(Literal::Ip).collect::<Vec<_>>()
        });
        addresses.collect()
    };
    let within = |from: i64, to: i64| Expr::Range {
        field: ask::field("ts"),
        low: Literal::Time(Micros(from)),
        high: Literal::Time(Micros(to)),
    };
    let at = |name, ends| match ips(ends) {
        none if none.is_empty() => Expr::Never,
        values => Expr::InList { field: ask::field(name), values },
    };
    let next = Expr::and([
        at("src_ip", leg.hosts.iter().collect()),
        within(leg.first - Micros::SECOND, leg.first + NEAR),
    ]);
    let before = Expr::and([
        at("dst_ip", leg.source.iter().collect()),
        within(leg.first - NEAR, leg.first + Micros::SECOND),
    ]);
    let asked = leg.referred().map_or(Expr::Never, |referred| {
        let ends = leg.hosts.iter().chain(&leg.source).collect();
        Expr::and([at("src_ip", ends), within(referred, referred + AFTER)])
    });
    Expr::or([next, before, asked])
}

/// The address of an end, which may have a port.
fn address(end: &str) -> Option<IpAddr> {
    end.parse().ok().or_else(|| Some(end.parse::<SocketAddr>().ok()?.ip()))
}

fn shares_number(row: &Row, group: &[Known]) -> bool {
    ["from_user", "to_user", "ruri_user", "pai_user"].iter().any(|name| {
        let number = row.text(name).and_then(|user| Number::new(user.as_bytes()));
        number.is_some_and(|number| {
            let known =
                group.iter().flat_map(|leg| leg.callers.iter().chain(&leg.callees).chain(&leg.diverted));
            known.into_iter().any(|known| known.key() == number.key())
        })
    })
}
