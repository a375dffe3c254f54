//! What a rule asks, as values of this moment.

use std::collections::{BTreeMap, HashMap, HashSet};

use alerts::{Absence, Evidence, Figure, Labels, Page, Past, Rule, Sample};
use model::Micros;
use store::Order;

use super::keep::Heard;
use crate::ask::{self, Search, Window};
use crate::call::{self, By, Figures, Measured, RegistrationFigures};
use crate::error::ApiError;
use crate::time::now;
use crate::view::View;

/// Rows that one look counts: a busy hour. A count that stops there is a lower bound.
const ROWS_MAX: usize = 1_000_000;

/// Groups of one look: more are noise, and their senders may be made up.
const GROUPS_MAX: usize = 10_000;

/// With so many groups those of calls are not all told apart ([`call::GROUPS_MAX`], one of them for calls without such a
/// thing): one that is not among them may be there.
const GROUPS_KNOWN_MAX: usize = call::GROUPS_MAX - 1;

/// A sender that was silent for so long was taken away on purpose, and is forgotten.
const SENDER_FORGOTTEN_AFTER: i64 = Micros::DAY;

/// Senders that are remembered; the newest of them.
const SENDERS_MAX: usize = 1_000;

/// How long values of earlier days are good for: a quarter of an hour later the same time of day is another.
const BASELINE_KEPT: i64 = 15 * Micros::MINUTE;

/// Before so much is known of earlier times, every failure would be new.
const SIGNATURES_NEED: i64 = Micros::DAY;

/// Of calls whose fate is open those that fail are known first: until most are known a ratio would be too bad.
const OPEN_SHARE_MAX: f64 = 0.2;

/// By group; the text is what tells it, and empty where there is one group.
type Values = Vec<(String, f64)>;

/// Values of earlier days, as read a little while ago.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    at: Micros,
    /// By how many days before: what a look had no time for is read by the next one.
    days: BTreeMap<u32, Values>,
}

pub(super) async fn measure(state: &View, rule: &Rule) -> Result<Vec<Sample>, String> {
    let now = now();
    match rule.figure {
        Figure::SenderSilence => return Ok(silent_senders(state, rule, now)),
        Figure::Alarm => return Ok(own_alarms(state, rule)),
        Figure::NewSignature => return new_signatures(state, rule, now).await,
        _ => {}
    }
    let window = window(rule, now);
    let mut values = values(state, rule, window).await?;
    let past = match rule.condition.baseline {
        Some(baseline) => earlier_days(state, rule, baseline.days, now).await?,
        None => HashMap::new(),
    };
    if rule.figure.absence() == Absence::Zero && values.len() < GROUPS_KNOWN_MAX {
        // What was there on earlier days and is wholly gone today is what such a rule is for.
        let is_there: HashSet<&String> = values.iter().map(|(group, _)| group).collect();
        let mut gone: Vec<String> = past.keys().filter(|group| !is_there.contains(group)).cloned().collect();
        gone.sort_unstable();
        gone.truncate(GROUPS_KNOWN_MAX.saturating_sub(values.len()));
        values.extend(gone.into_iter().map(|group| (group, 0.0)));
    }
    let samples = values.into_iter().map(|(group, value)| Sample {
        labels: labels(rule, &group),
        value,
        past: Past::new(past.get(&group).into_iter().flatten().copied()),
        note: None,
        evidence: evidence(rule, &group, window),
    });
    Ok(samples.collect())
}

/// Both ends are included.
fn window(rule: &Rule, end: Micros) -> Window {
    Window { from: Micros(end.0 - rule.window), to: end }
}

async fn values(state: &View, rule: &Rule, window: Window) -> Result<Values, String> {
    let figure = rule.figure;
    let words = |error: ApiError| error.message;
    if figure.is_count() {
        return count(state, rule, window).await;
    }
    if figure.is_of_registrations() {
        let measured = call::measure_registrations(state, rule.query.as_deref(), window).await;
        let figures = whole(measured.map_err(words)?)?;
        let is_enough = !figure.is_ratio() || figures.attempts >= rule.attempts_min;
        let value = registration_figure(figure, &figures).filter(|_| is_enough);
        return Ok(value.map(|value| (String::new(), value)).into_iter().collect());
    }
    let by = rule.by.as_deref().map(By::named).transpose().map_err(|error| error.to_string())?;
    let reaches_back = figure == Figure::Concurrent;
    // A share is of all calls; its query says which of them count.
    let query = rule.query.as_deref().filter(|_| figure != Figure::Share);
    let all = whole(call::measure(state, query, window, by, reaches_back).await.map_err(words)?)?;
    let part = if figure == Figure::Share {
        let part = call::measure(state, rule.query.as_deref(), window, by, false).await.map_err(words)?;
        whole(part)?.into_iter().map(|(key, figures)| (key, figures.attempts + figures.open)).collect()
    } else {
        HashMap::new()
    };
    let mut values = Values::new();
    for (key, figures) in all {
        let total = figures.attempts + figures.open;
        let value = if figure == Figure::Share {
            let part = part.get(&key).copied().unwrap_or(0);
            (total > 0 && total >= rule.attempts_min).then(|| part as f64 * 100.0 / total as f64)
        } else {
            let is_known = figures.open as f64 <= OPEN_SHARE_MAX * total as f64;
            let is_enough = !figure.is_ratio() || is_known && figures.attempts >= rule.attempts_min;
            call_figure(figure, &figures).filter(|_| is_enough)
        };
        if let (Some(value), true) = (value, by.is_none() || key.is_some()) {
            values.push((key.unwrap_or_default(), value));
        }
    }
    values.truncate(GROUPS_MAX);
    Ok(values)
}

/// Of a part nothing can be said.
fn whole<T>(measured: Measured<T>) -> Result<T, String> {
    if measured.is_partial { Err("not all rows could be read".to_owned()) } else { Ok(measured.found) }
}

/// How many rows satisfy the query, in all or by the value of a column.
async fn count(state: &View, rule: &Rule, window: Window) -> Result<Values, String> {
    let words = |error: ApiError| error.message;
    let asked = ask::question(state, rule.query.as_deref(), now()).map_err(words)?;
    let derived = |name: &str| call::derived_table(state, name).ok_or(format!("this server keeps no {name}"));
    let (expr, tables) = match rule.figure {
        Figure::CallRows => (asked, vec![derived(calls::CALLS.name)?]),
        Figure::RegistrationRows => (asked, vec![derived(calls::REGISTRATIONS.name)?]),
        _ => {
            let (expr, cut) = ask::about_messages(state, asked, window).await.map_err(words)?;
            if let Some(cut) = cut {
                return Err(cut.reason);
            }
            (expr, ask::tables(state, None).map_err(words)?)
        }
    };
    let by = rule.by.as_deref().and_then(|by| {
        tables.iter().flat_map(|table| table.columns()).find(|field| field.name == by).map(|field| field.name)
    });
    let turn = ask::turn(state).await.map_err(words)?;
    let search = Search {
        expr,
        tables,
        window,
        after: None,
        columns: ["id"].into_iter().chain(by).collect(),
        limit: ROWS_MAX,
        order: Order::NewestFirst,
        time_max: crate::limits::SEARCH_TIME_MAX,
    };
    let mut answer = ask::begin(state, search).await.map_err(words)?;
    let mut rows = 0;
    let mut groups: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(batch) = answer.next().await {
        let batch = batch.map_err(|error| error.to_string())?;
        rows += batch.num_rows();
        let Some(by) = by else { continue };
        let keys = store::columns::texts(&batch, by).map_err(|error| error.to_string())?;
        for key in keys.iter().flatten() {
            if let Some(number) = groups.get_mut(key) {
                *number += 1;
            } else if groups.len() < GROUPS_MAX {
                groups.insert(key.to_owned(), 1);
            }
        }
    }
    drop(turn);
    let values: Values = match by {
        None => vec![(String::new(), rows as f64)],
        Some(_) => groups.into_iter().map(|(key, number)| (key, number as f64)).collect(),
    };
    // What was found is there; of what was not read nothing is known.
    let cut = answer.cut().map(ToString::to_string);
    let cut = cut.or_else(|| (rows >= ROWS_MAX).then(|| format!("more than {ROWS_MAX} rows")));
    match (cut, rule.condition.above) {
        (None, _) => Ok(values),
        (Some(_), Some(above)) if rule.by.is_none() && values.iter().any(|(_, value)| *value > above) => {
            Ok(values)
        }
        (Some(cut), _) => Err(cut),
    }
}

/// The same of the same time of earlier days, by group.
async fn earlier_days(
    state: &View,
    rule: &Rule,
    days: u32,
    now: Micros,
) -> Result<HashMap<String, Vec<f64>>, String> {
    let oldest = state.store().status().oldest;
    let mut known = remembered(state, rule, now);
    for day in 1..=days {
        let window = window(rule, Micros(known.at.0 - i64::from(day) * Micros::DAY));
        // Before anything was kept there is no zero either.
        if oldest.is_none_or(|oldest| window.from < oldest) {
            break;
        }
        if known.days.contains_key(&day) {
            continue;
        }
        let found = values(state, rule, window).await?;
        known.days.insert(day, found);
        state.alerts().lock().baselines.insert(rule.name.clone(), known.clone());
    }
    let days = known.days.len();
    let are_known = known.days.values().all(|values| values.len() < GROUPS_KNOWN_MAX);
    let mut by_group: HashMap<String, Vec<f64>> = HashMap::new();
    for (group, value) in known.days.into_values().flatten() {
        by_group.entry(group).or_default().push(value);
    }
    if rule.figure.absence() == Absence::Zero && are_known {
        by_group.values_mut().for_each(|values| values.resize(days.max(values.len()), 0.0));
    }
    Ok(by_group)
}

/// What is known of earlier days, if that is of this time of day.
fn remembered(state: &View, rule: &Rule, now: Micros) -> Remembered {
    let known = state.alerts().lock().baselines.get(&rule.name).cloned();
    let is_good = |known: &Remembered| (0..BASELINE_KEPT).contains(&(now.0 - known.at.0));
    known.filter(is_good).unwrap_or(Remembered { at: now, days: BTreeMap::new() })
}

fn silent_senders(state: &View, rule: &Rule, now: Micros) -> Vec<Sample> {
    let current = state.live().senders();
    let mut inner = state.alerts().lock();
    let senders = &mut inner.senders;
    for sender in current.into_iter().filter(|sender| sender.packets > 0) {
        let heard = Heard { first: sender.first_seen, last: sender.last_seen, off: 0 };
        let known = senders.entry((sender.address, sender.node)).or_insert(heard);
        let off = if heard.last > known.last { 0 } else { known.off };
        *known = Heard { first: known.first.min(heard.first), last: known.last.max(heard.last), off };
    }
    senders.retain(|_, heard| heard.silence(now) < SENDER_FORGOTTEN_AFTER);
    if senders.len() > SENDERS_MAX {
        let mut times: Vec<Micros> = senders.values().map(|heard| heard.last).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = times.get(SENDERS_MAX - 1).copied().unwrap_or(Micros(0));
        senders.retain(|_, heard| heard.last >= oldest);
    }
    let regular = senders.iter().filter(|(_, heard)| heard.last.0 - heard.first.0 >= rule.heard_for);
    let mut samples: Vec<Sample> = regular
        .map(|((address, node), heard)| {
            let mut labels = Labels::from([("sender".to_owned(), address.clone())]);
            labels.extend(node.clone().map(|node| ("node".to_owned(), node)));
            Sample {
                labels,
                value: heard.silence(now) as f64 / 1e6,
                past: Past::default(),
                note: Some(format!("last heard {}", heard.last)),
                evidence: Evidence::page(Page::Senders),
            }
        })
        .collect();
    samples.sort_by(|a, b| b.value.total_cmp(&a.value));
    samples
}

/// Of receiver and store.
fn own_alarms(state: &View, rule: &Rule) -> Vec<Sample> {
    let kept = state.store().status().alarms;
    let kept = kept.iter().map(|alarm| (alarm.name.to_owned(), alarm.message.clone()));
    let alarms = kept.chain(state.live().alarms().into_iter().map(|alarm| (alarm.name, alarm.message)));
    let wanted = alarms.filter(|(name, _)| rule.is_about_alarm(name));
    wanted
        .map(|(name, message)| Sample {
            labels: Labels::from([("alarm".to_owned(), name)]),
            value: 1.0,
            past: Past::default(),
            note: Some(message),
            evidence: Evidence::page(Page::Status),
        })
        .collect()
}

async fn new_signatures(state: &View, rule: &Rule, now: Micros) -> Result<Vec<Sample>, String> {
    let window = window(rule, now);
    let is_known =
        state.store().status().oldest.is_some_and(|oldest| oldest.0 < window.from.0 - SIGNATURES_NEED);
    if !is_known {
        return Ok(Vec::new());
    }
    let measured = call::new_signatures(state, rule.query.as_deref(), window).await;
    let signatures = whole(measured.map_err(|error| error.message)?)?;
    let samples = signatures.into_iter().map(|signature| {
        let mut labels = Labels::new();
        let mut terms = Vec::new();
        for (name, value) in [
            ("dst_ip", signature.dst_ip),
            ("status", signature.status.map(|status| status.to_string())),
            ("cause", signature.cause.map(|cause| cause.to_string())),
            ("finding", signature.finding),
        ] {
            let Some(value) = value else { continue };
            terms.push(format!("call.{name} = {value}"));
            labels.insert(name.to_owned(), value);
        }
        Sample {
            labels,
            value: signature.calls as f64,
            past: Past::default(),
            note: Some(format!("first seen {}", signature.first)),
            evidence: Evidence {
                page: Page::Calls,
                query: terms.join(" and "),
                span: Some((window.from, window.to)),
            },
        }
    });
    Ok(samples.collect())
}

fn labels(rule: &Rule, group: &str) -> Labels {
    match &rule.by {
        Some(by) => Labels::from([(by.clone(), group.to_owned())]),
        None => Labels::new(),
    }
}

/// The search whose answer was counted.
fn evidence(rule: &Rule, group: &str, window: Window) -> Evidence {
    let page = match rule.figure {
        Figure::Messages => Page::Messages,
        Figure::CallRows | Figure::Share => Page::Calls,
        figure if figure == Figure::RegistrationRows || figure.is_of_registrations() => Page::Registrations,
        _ => Page::Overview,
    };
    let of_group = rule.by.as_deref().and_then(|by| condition(by, group));
    let query = match (rule.query.as_deref(), of_group) {
        (Some(query), Some(of_group)) => format!("({query}) and {of_group}"),
        (Some(query), None) => query.to_owned(),
        (None, of_group) => of_group.unwrap_or_default(),
    };
    Evidence { page, query, span: Some((window.from, window.to)) }
}

/// In the query language; `None` for what cannot be written in it.
fn condition(by: &str, group: &str) -> Option<String> {
    if group.contains(['"', '\\', '*', '?']) {
        return None;
    }
    let equals = |name: &str| Some(format!("{name} = \"{group}\""));
    let begins = |name: &str| Some(format!("{name} = \"{group}*\""));
    match by {
        "src" | "src_ip" => Some(format!("src_ip = {group}")),
        "dst" | "dst_ip" => Some(format!("dst_ip = {group}")),
        "trunk" => {
            let (from, to) = group.split_once(" > ")?;
            Some(format!("src_ip = {from} and dst_ip = {to}"))
        }
        "prefix" => begins("ruri_user"),
        "user_agent" | "answered_by" => begins(by),
        "status" => Some(format!("status = {group}")),
        name => equals(name),
    }
}

fn call_figure(figure: Figure, of: &Figures) -> Option<f64> {
    match figure {
        Figure::Attempts => Some((of.attempts + of.open) as f64),
        Figure::Answered => Some(of.answered as f64),
        Figure::CallsPerSecond => Some(of.cps),
        Figure::Concurrent => Some(of.concurrent),
        Figure::Ser => of.ser,
        Figure::Seer => of.seer,
        Figure::Isa => of.isa,
        Figure::Scr => of.scr,
        Figure::Asr => of.asr,
        Figure::Ner => of.ner,
        Figure::Acd => of.acd_seconds,
        Figure::ShortRatio => of.short_ratio,
        Figure::AbandonedRatio => of.abandoned_ratio,
        Figure::RetransmissionRatio => of.retransmission_ratio,
        Figure::Pdd50 => of.pdd.p50_ms,
        Figure::Pdd95 => of.pdd.p95_ms,
        Figure::Pdd99 => of.pdd.p99_ms,
        _ => None,
    }
}

fn registration_figure(figure: Figure, of: &RegistrationFigures) -> Option<f64> {
    match figure {
        Figure::RegistrationAttempts => Some((of.attempts + of.open) as f64),
        Figure::RegistrationsSucceeded => Some(of.succeeded as f64),
        Figure::Ira => of.ira,
        Figure::RegistrationDelay95 => of.delay.p95_ms,
        _ => None,
    }
}
