//! Rules, states and silences, by what goes in and what comes out.

mod baseline;
mod evidence;
mod laws;
mod silences;
mod states;

use alerts::{
    Condition, Engine, Event, Evidence, Figure, Labels, Page, Past, Reading, Rule, Sample, Severity, What,
};
use model::Micros;

const START: i64 = 1_795_231_200_000_000;

fn at(seconds: i64) -> Micros {
    Micros(START + seconds * Micros::SECOND)
}

#[test]
fn a_rule_is_about_the_alarms_it_names_or_all_but_those() {
    let about = |written: &[&str], name: &str| {
        let alarms = written.iter().map(|name| (*name).to_owned()).collect();
        Rule { alarms, ..rule() }.is_about_alarm(name)
    };
    assert!(about(&[], "disk_low") && about(&["settle", "disk_low"], "disk_low"));
    assert!(!about(&["settle"], "disk_low") && !about(&["!disk_low"], "disk_low"));
    assert!(about(&["!disk_low"], "settle") && !about(&["settle", "!settle"], "settle"));
}

/// Above 10, looked at every 15 s.
fn rule() -> Rule {
    Rule {
        name: "failures".to_owned(),
        summary: "Calls fail".to_owned(),
        figure: Figure::Messages,
        query: Some("status in 500..599".to_owned()),
        by: None,
        alarms: Vec::new(),
        window: 5 * Micros::MINUTE,
        attempts_min: 0,
        heard_for: 0,
        condition: Condition { above: Some(10.0), ..Condition::default() },
        every: 15 * Micros::SECOND,
        hold: 0,
        keep: 0,
        severity: Severity::Warning,
        labels: Labels::new(),
        to: Vec::new(),
    }
}

fn sample(key: &str, value: f64) -> Sample {
    let labels =
        if key.is_empty() { Labels::new() } else { Labels::from([("src_ip".to_owned(), key.to_owned())]) };
    Sample { labels, value, past: Past::default(), note: None, evidence: Evidence::page(Page::Calls) }
}

fn value(value: f64) -> Reading {
    Reading::Values(vec![sample("", value)])
}

/// Looks at these seconds with these values; what happened, as words with the second.
fn course(engine: &mut Engine, rule: &Rule, looks: &[(i64, Reading)]) -> Vec<(i64, &'static str)> {
    let mut happened = Vec::new();
    for (second, reading) in looks {
        let events = engine.look(rule, reading.clone(), at(*second));
        happened.extend(events.iter().map(|event| (*second, words(event))));
    }
    happened
}

fn words(event: &Event) -> &'static str {
    match (event.what, event.tell) {
        (What::Firing, true) => "firing",
        (What::Firing, false) => "firing, untold",
        (What::Unsilenced, _) => "unsilenced",
        (What::Resolved(_), true) => "resolved",
        (What::Resolved(_), false) => "resolved, untold",
    }
}
