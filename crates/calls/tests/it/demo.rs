//! The calls that the demo plays: each kind shows what happened to it, and nothing else.

use std::collections::{BTreeSet, HashMap};

use calls::findings::RULES;
use calls::media::{Agreed, Report, rtp_stats, streams};
use calls::{Call, Finding, Severity};
use traffic::{Fault, Generator, Kind, Mix, Rate, Scenario, Settings};

use crate::captured::{Calls, LATER, Seized, add, fold, messages};
use crate::streams::rows::{Row, reported};

/// Of some twenty minutes, so that the calls of the first ten have come to their end.
const END_MICROS: i64 = 1_200_000_000;
const BEGUN_MICROS_MAX: i64 = 600_000_000;

/// As many as the demo has; fewer where every fault is played by itself, since it takes time to make them up.
const USERS: u32 = 20_000;
const FAULT_USERS: u32 = 500;

/// The calls of a mix.
#[derive(Default)]
struct Played {
    calls: Calls,
    /// By Call-ID.
    reports: HashMap<String, Vec<Row>>,
    scenarios: HashMap<String, Scenario>,
}

impl Played {
    fn of(mix: Mix, users: u32) -> Self {
        let settings = Settings { mix, users, ..Settings::new(5, 0, Rate::Calls(0.5)) };
        let mut played = Self::default();
        for (id, event) in (1..).zip(Generator::new(&settings)) {
            let about = event.about;
            if about.at_micros > END_MICROS {
                break;
            }
            for (packet, _) in hep::packets(&event.hep, 0).flatten() {
                if about.kind == Kind::Rtcp {
                    let (call_id, row) = reported(id, &packet).expect("a report of a call");
                    played.reports.entry(call_id).or_default().push(row);
                } else if let Some(call_id) = add(&mut played.calls, &packet) {
                    played.scenarios.insert(call_id, about.scenario);
                }
            }
        }
        fold(&mut played.calls);
        played
    }

    /// What is found in a call by its messages and by what was reported of its media.
    fn findings(&self, call_id: &str, seized: &[Seized], until: i64) -> Vec<Finding> {
        let messages = messages(seized);
        let agreed = Agreed::of(&messages);
        let mut reports: Vec<Report<'_>> =
            self.reports.get(call_id).into_iter().flatten().flat_map(Row::reports).collect();
        reports.extend(messages.iter().flat_map(|message| rtp_stats(message, &agreed)));
        let streams = streams(&reports, &agreed);
        Call::read(&messages, until).with_streams(&streams).findings()
    }
}

fn is_good(scenario: Scenario) -> bool {
    matches!(
        scenario,
        Scenario::Good | Scenario::Busy | Scenario::Cancel | Scenario::Register | Scenario::Options
    )
}

/// The rules that spoke about calls of this kind, and how many calls there were.
fn shown(scenario: Scenario, users: u32) -> (BTreeSet<&'static str>, usize) {
    let played = Played::of(Mix::of(&[(scenario, 1)]).expect("a mix"), users);
    let mut ids = BTreeSet::new();
    let mut count = 0;
    for (call_id, seized) in &played.calls {
        if messages(seized)[0].at > BEGUN_MICROS_MAX {
            continue;
        }
        count += 1;
        for finding in played.findings(call_id, seized, LATER) {
            assert!(!is_good(scenario) || finding.severity == Severity::Info, "{finding:#?}");
            ids.insert(finding.id);
        }
    }
    (ids, count)
}

#[track_caller]
fn check(scenario: Scenario, wanted: &[&str]) {
    let (ids, count) = shown(scenario, USERS);
    assert!(count > 100, "{count} calls");
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), wanted, "{scenario:?}");
}

#[test]
fn good_calls_have_no_fault() {
    check(Scenario::Good, &["WHO_HUNG_UP"]);
    check(Scenario::Busy, &[]);
    check(Scenario::Register, &[]);
    check(Scenario::Options, &[]);
}

#[test]
fn poor_media_is_found() {
    check(Scenario::PoorMedia, &["JITTER_HIGH", "QUALITY_LOW", "WHO_HUNG_UP"]);
}

#[test]
fn failed_calls_show_why() {
    check(Scenario::Cancel, &["ABANDONED"]);
    check(Scenario::NoAnswer, &["NO_RESPONSE", "RING_TIMEOUT"]);
    check(Scenario::NotFound, &["NO_ROUTE_404"]);
    check(Scenario::ServerError, &["DOWNSTREAM_503"]);
}

/// What is found in a fault beside the rule that it is named after, and beside who hung up.
const BESIDE: &[(&str, &[&str])] = &[
    ("trying_only", &["ABANDONED"]),
    ("timeout_408", &["TRYING_ONLY"]),
    ("masked_cause", &["NO_ROUTE_404"]),
    ("cancel_lost", &["ABANDONED"]),
    ("udp_fragment", &["NO_RESPONSE"]),
    ("rate_limited", &["DOWNSTREAM_503"]),
    ("contact_limit", &["DOWNSTREAM_503"]),
    ("fax_t38_fail", &["REINVITE_488"]),
    ("scanner", &["FORBIDDEN_403"]),
];

#[test]
fn faults_show_what_they_are_named_after() {
    let mut wrong = Vec::new();
    for fault in Fault::all() {
        let (mut ids, count) = shown(Scenario::Fault(fault), FAULT_USERS);
        ids.remove("WHO_HUNG_UP");
        assert!(count > 100, "{}: {count} calls", fault.name());
        let beside = BESIDE.iter().find(|(name, _)| *name == fault.name()).map_or(&[][..], |(_, ids)| ids);
        let own = fault.name().to_uppercase();
        let wanted: BTreeSet<&str> = beside.iter().copied().chain([own.as_str()]).collect();
        if ids.iter().copied().collect::<BTreeSet<&str>>() != wanted {
            wrong.push(format!("{}: {ids:?} in {count} calls", fault.name()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What somebody sees who tries the demo: it has played twenty minutes when it starts.
#[test]
fn the_demo_shows_every_rule_within_twenty_minutes() {
    let played = Played::of(Mix::demo(), USERS);
    let mut ids = BTreeSet::new();
    for (call_id, seized) in &played.calls {
        let scenario = played.scenarios[call_id];
        // Those that are still going on have not come to their end.
        for finding in played.findings(call_id, seized, END_MICROS) {
            assert!(!is_good(scenario) || finding.severity == Severity::Info, "{scenario:?} {finding:#?}");
            ids.insert(finding.id);
        }
    }
    let missing: Vec<&str> = RULES.iter().map(|rule| rule.id).filter(|id| !ids.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?} in {} calls", played.calls.len());
}
