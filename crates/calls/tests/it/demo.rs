//! The calls that the demo plays: each kind shows what happened to it, and nothing else.

use std::collections::BTreeSet;

use calls::{Call, Severity};
use traffic::{Generator, Mix, Rate, Scenario, Settings};

use crate::captured::{Calls, LATER, add, fold, messages};

/// Of some twenty minutes, so that the calls of the first ten have come to their end.
const END_MICROS: i64 = 1_200_000_000;
const BEGUN_MICROS_MAX: i64 = 600_000_000;

/// The rules that spoke about calls of this kind, and how many calls there were.
fn shown(scenario: Scenario) -> (BTreeSet<&'static str>, usize) {
    let mix = Mix::of(&[(scenario, 1)]).expect("a mix");
    let mut generator = Generator::new(&Settings { mix, ..Settings::new(5, 0, Rate::Calls(0.5)) });
    let mut calls = Calls::new();
    loop {
        let event = generator.next().expect("traffic never ends");
        if event.about.at_micros > END_MICROS {
            break;
        }
        hep::packets(&event.hep, 0).flatten().for_each(|(packet, _)| add(&mut calls, &packet));
    }
    fold(&mut calls);
    let mut ids = BTreeSet::new();
    let mut count = 0;
    for seized in calls.values() {
        let messages = messages(seized);
        if messages[0].at > BEGUN_MICROS_MAX {
            continue;
        }
        count += 1;
        for finding in Call::read(&messages, LATER).findings() {
            let is_good =
                matches!(scenario, Scenario::Good | Scenario::Busy | Scenario::Cancel | Scenario::PoorMedia);
            assert!(!is_good || finding.severity == Severity::Info, "{finding:#?}");
            ids.insert(finding.id);
        }
    }
    (ids, count)
}

#[track_caller]
fn check(scenario: Scenario, wanted: &[&str]) {
    let (ids, count) = shown(scenario);
    assert!(count > 100, "{count} calls");
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), wanted, "{scenario:?}");
}

#[test]
fn good_calls_have_no_fault() {
    check(Scenario::Good, &["WHO_HUNG_UP"]);
    check(Scenario::PoorMedia, &["WHO_HUNG_UP"]);
    check(Scenario::Busy, &[]);
    check(Scenario::Register, &[]);
    check(Scenario::Options, &[]);
}

#[test]
fn failed_calls_show_why() {
    check(Scenario::Cancel, &["ABANDONED"]);
    check(Scenario::NoAnswer, &["NO_RESPONSE", "RING_TIMEOUT"]);
    check(Scenario::NotFound, &["NO_ROUTE_404"]);
    check(Scenario::ServerError, &["DOWNSTREAM_503"]);
}
