use alerts::{Engine, Silence};
use model::Micros;

use crate::{at, course, rule, value, words};

fn silence(of: &str, until: Micros) -> Silence {
    Silence { of: of.to_owned(), until, comment: "works".to_owned(), by: "admin".to_owned(), made: at(0) }
}

#[test]
fn what_is_silenced_is_told_when_the_silence_ends_if_it_still_fires() {
    let mut engine = Engine::default();
    engine.silence(silence("failures", at(60)));
    assert_eq!(course(&mut engine, &rule(), &[(15, value(11.0))]), [(15, "firing, untold")]);
    assert!(engine.pass(at(59)).is_empty());
    assert_eq!(engine.pass(at(60)).iter().map(words).collect::<Vec<_>>(), ["unsilenced"]);
    assert!(engine.silences().is_empty());
    assert_eq!(course(&mut engine, &rule(), &[(75, value(1.0))]), [(75, "resolved")]);
}

#[test]
fn who_was_not_told_of_the_beginning_is_not_told_of_the_end() {
    let mut engine = Engine::default();
    engine.silence(silence("failures", at(600)));
    let happened = course(&mut engine, &rule(), &[(0, value(11.0)), (15, value(1.0))]);
    assert_eq!(happened, [(0, "firing, untold"), (15, "resolved, untold")]);
}

#[test]
fn who_was_told_of_the_beginning_is_told_of_the_end_though_it_is_silenced() {
    let mut engine = Engine::default();
    course(&mut engine, &rule(), &[(0, value(11.0))]);
    let id = engine.alerts().next().expect("it fires").id.clone();
    engine.silence(silence(&id, at(600)));
    assert_eq!(course(&mut engine, &rule(), &[(15, value(1.0))]), [(15, "resolved")]);
}

#[test]
fn a_silence_covers_one_alert_or_all_of_a_rule_and_can_be_taken_back() {
    let mut engine = Engine::default();
    engine.silence(silence("another", at(600)));
    assert_eq!(course(&mut engine, &rule(), &[(0, value(11.0))]), [(0, "firing")]);
    engine.silence(silence("failures", at(600)));
    engine.silence(silence("failures", at(900)));
    assert_eq!(engine.silences().len(), 2, "the newer one of the same takes the place of the older");
    let alert = engine.alerts().next().expect("it fires").clone();
    assert_eq!(engine.silence_of(&alert, at(700)).map(|silence| silence.until), Some(at(900)));
    assert!(engine.unsilence("failures") && !engine.unsilence("failures"));
    assert!(engine.silence_of(&alert, at(1)).is_none());
}
