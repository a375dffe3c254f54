use alerts::{Condition, Engine, Figure, NO_DATA_MAX, Phase, Reading, What, Why};
use model::Micros;

use crate::{at, course, rule, sample, value};

#[test]
fn without_a_duration_it_fires_and_ends_at_once() {
    let mut engine = Engine::default();
    let looks = [(0, value(10.0)), (15, value(11.0)), (30, value(12.0)), (45, value(10.0)), (60, value(0.0))];
    assert_eq!(course(&mut engine, &rule(), &looks), [(15, "firing"), (45, "resolved")]);
    assert_eq!(engine.alerts().count(), 0);
}

#[test]
fn it_fires_once_the_condition_has_held_for_long_enough() {
    let mut rule = rule();
    rule.hold = 30 * Micros::SECOND;
    let mut engine = Engine::default();
    assert_eq!(course(&mut engine, &rule, &[(0, value(11.0)), (15, value(11.0))]), []);
    let alert = engine.alerts().next().expect("it is pending");
    assert_eq!((alert.phase, alert.pending_since, alert.firing_since), (Phase::Pending, at(0), None));
    assert_eq!(course(&mut engine, &rule, &[(30, value(11.0))]), [(30, "firing")]);
    assert_eq!(engine.alerts().next().and_then(|alert| alert.firing_since), Some(at(30)));

    let mut engine = Engine::default();
    let looks = [(0, value(11.0)), (15, value(11.0)), (29, value(1.0)), (30, value(11.0)), (45, value(11.0))];
    assert_eq!(course(&mut engine, &rule, &looks), [], "it held twice for 15 s, and never for 30");
}

#[test]
fn what_flaps_is_told_once_with_an_ending_that_waits() {
    let mut rule = rule();
    rule.keep = 60 * Micros::SECOND;
    let flapping: Vec<(i64, Reading)> =
        (0..40).map(|look| (look * 15, value(if look % 2 == 0 { 11.0 } else { 9.0 }))).collect();
    let mut engine = Engine::default();
    assert_eq!(course(&mut engine, &rule, &flapping), [(0, "firing")]);
    let calm: Vec<(i64, Reading)> = (40..50).map(|look| (look * 15, value(1.0))).collect();
    let happened = course(&mut engine, &rule, &calm);
    assert_eq!(happened, [(645, "resolved")], "60 s after 585, when it was found to be below first");
}

#[test]
fn between_two_bounds_it_stays_as_it_is() {
    let mut rule = rule();
    rule.condition = Condition { above: Some(10.0), until: Some(5.0), ..Condition::default() };
    let looks = [(0, value(8.0)), (15, value(11.0)), (30, value(8.0)), (45, value(6.0)), (60, value(5.0))];
    assert_eq!(course(&mut Engine::default(), &rule, &looks), [(15, "firing"), (60, "resolved")]);
    rule.condition = Condition { below: Some(50.0), until: Some(60.0), ..Condition::default() };
    let looks = [(0, value(55.0)), (15, value(49.0)), (30, value(59.0)), (45, value(60.0))];
    assert_eq!(course(&mut Engine::default(), &rule, &looks), [(15, "firing"), (45, "resolved")]);
}

#[test]
fn no_data_is_not_zero() {
    let mut rule = rule();
    rule.figure = Figure::Asr;
    rule.condition = Condition { below: Some(40.0), ..Condition::default() };
    let nothing = || Reading::Values(Vec::new());
    let mut engine = Engine::default();
    assert_eq!(course(&mut engine, &rule, &[(0, nothing()), (15, value(f64::NAN))]), []);
    let looks = [(30, value(20.0)), (45, nothing()), (60, Reading::Unknown), (75, value(80.0))];
    assert_eq!(course(&mut engine, &rule, &looks), [(30, "firing"), (75, "resolved")]);
}

#[test]
fn what_has_no_data_for_long_ends_and_says_why() {
    let mut rule = rule();
    rule.figure = Figure::Asr;
    let mut engine = Engine::default();
    course(&mut engine, &rule, &[(0, value(11.0))]);
    let mut ended = Vec::new();
    for look in 1..=NO_DATA_MAX / rule.every {
        let second = look * 15;
        ended.extend(
            engine.look(&rule, Reading::Values(Vec::new()), at(second)).into_iter().map(|e| (second, e.what)),
        );
    }
    assert_eq!(ended, [(NO_DATA_MAX / Micros::SECOND, What::Resolved(Why::NoData))]);
}

#[test]
fn what_could_not_be_measured_ends_nothing() {
    let mut engine = Engine::default();
    let mut looks = vec![(0, value(11.0))];
    looks.extend((1..2_000).map(|look| (look * 15, Reading::Unknown)));
    assert_eq!(course(&mut engine, &rule(), &looks), [(0, "firing")]);
    assert_eq!(course(&mut engine, &rule(), &[(30_000, value(1.0))]), [(30_000, "resolved")]);
}

#[test]
fn a_group_that_is_gone_counts_zero_where_counting_is_asked() {
    let mut rule = rule();
    rule.by = Some("src_ip".to_owned());
    let both = Reading::Values(vec![sample("a", 11.0), sample("b", 12.0)]);
    let one = Reading::Values(vec![sample("b", 12.0)]);
    let mut engine = Engine::default();
    assert_eq!(course(&mut engine, &rule, &[(0, both)]), [(0, "firing"), (0, "firing")]);
    assert_eq!(course(&mut engine, &rule, &[(15, one)]), [(15, "resolved")]);
    assert_eq!(engine.alerts().map(|alert| alert.labels["src_ip"].as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn time_that_nobody_looked_at_does_not_count() {
    let mut rule = rule();
    rule.hold = 5 * Micros::MINUTE;
    // The machine slept for an hour.
    let looks = [(0, value(11.0)), (15, value(11.0)), (3_615, value(11.0)), (3_630, value(11.0))];
    let mut engine = Engine::default();
    assert_eq!(course(&mut engine, &rule, &looks), []);
    let looks: Vec<(i64, Reading)> = (243..=262).map(|look| (look * 15, value(11.0))).collect();
    assert_eq!(course(&mut engine, &rule, &looks), [(3_915, "firing")], "five minutes after the gap");
}

#[test]
fn a_clock_that_goes_back_neither_makes_nor_ends_an_alert() {
    let mut rule = rule();
    (rule.hold, rule.keep) = (30 * Micros::SECOND, 30 * Micros::SECOND);
    let mut engine = Engine::default();
    let looks = [(1_000, value(11.0)), (10, value(11.0)), (25, value(11.0))];
    assert_eq!(course(&mut engine, &rule, &looks), [], "15 s have been seen");
    assert_eq!(course(&mut engine, &rule, &[(40, value(11.0))]), [(40, "firing")]);
    let looks = [(55, value(1.0)), (-900, value(1.0)), (-885, value(1.0))];
    assert_eq!(course(&mut engine, &rule, &looks), []);
    assert_eq!(course(&mut engine, &rule, &[(-870, value(1.0))]), [(-870, "resolved")]);
}

#[test]
fn a_restart_neither_repeats_nor_forgets() {
    let mut engine = Engine::default();
    course(&mut engine, &rule(), &[(0, value(11.0))]);
    let kept: Vec<_> = engine.kept().collect();
    assert_eq!(kept.len(), 1);
    let mut again = Engine::restore(kept.clone(), Vec::new(), at(3_600));
    assert_eq!(course(&mut again, &rule(), &[(3_600, value(12.0))]), [], "people know");
    assert_eq!(course(&mut again, &rule(), &[(3_615, value(1.0))]), [(3_615, "resolved")]);
    let mut again = Engine::restore(kept, Vec::new(), at(3_600));
    let events = again.keep_rules(&[], at(3_600));
    assert_eq!(events.iter().map(|event| event.what).collect::<Vec<_>>(), [What::Resolved(Why::RuleGone)]);
}

#[test]
fn alerts_of_a_rule_are_bounded_and_the_rest_is_counted() {
    let mut rule = rule();
    rule.by = Some("src_ip".to_owned());
    let many = (0..250).map(|number| sample(&number.to_string(), 11.0)).collect();
    let mut engine = Engine::default();
    engine.look(&rule, Reading::Values(many), at(0));
    assert_eq!((engine.alerts().count(), engine.beyond("failures")), (alerts::ALERTS_OF_RULE_MAX, 150));
}
