//! What holds whatever is measured, whenever it is looked at.

use std::collections::BTreeMap;

use alerts::{Engine, Reading, Silence, What};
use model::Micros;
use proptest::prelude::*;

use crate::{at, rule, sample};

/// A look after some seconds, backwards too: what three groups have, if anything.
fn look() -> impl Strategy<Value = (i64, Option<Vec<Option<u8>>>)> {
    let pause = prop_oneof![8 => 1..40_i64, 1 => -600..0_i64, 1 => 100..5_000_i64];
    let values = proptest::option::weighted(0.9, prop::collection::vec(proptest::option::of(0..20_u8), 3));
    (pause, values)
}

proptest! {
    #[test]
    fn alerts_begin_and_end_in_turn_and_are_told_alike(
        looks in prop::collection::vec(look(), 1..120),
        hold in 0..60_i64,
        keep in 0..60_i64,
        silenced in proptest::option::of((0..1_000_i64, 1..2_000_i64)),
    ) {
        let mut rule = rule();
        rule.by = Some("src_ip".to_owned());
        (rule.hold, rule.keep) = (hold * Micros::SECOND, keep * Micros::SECOND);
        let mut engine = Engine::default();
        if let Some((from, length)) = silenced {
            engine.silence(Silence {
                of: rule.name.clone(),
                until: at(from + length),
                comment: String::new(),
                by: String::new(),
                made: at(from),
            });
        }
        let mut now = 0;
        // Of each alert: whether it fires, whether people think so.
        let mut known: BTreeMap<String, (bool, bool)> = BTreeMap::new();
        for (pause, values) in looks {
            now += pause;
            let reading = match values {
                None => Reading::Unknown,
                Some(values) => Reading::Values(
                    values
                        .iter()
                        .enumerate()
                        .filter_map(|(key, value)| Some(sample(&key.to_string(), f64::from((*value)?))))
                        .collect(),
                ),
            };
            let mut events = engine.pass(at(now));
            events.extend(engine.look(&rule, reading, at(now)));
            for event in events {
                let (fires, told) = known.entry(event.alert.id.clone()).or_default();
                match event.what {
                    What::Firing => {
                        prop_assert!(!*fires, "it began twice");
                        (*fires, *told) = (true, event.tell);
                    }
                    What::Unsilenced => {
                        prop_assert!(*fires && !*told && event.tell);
                        *told = true;
                    }
                    What::Resolved(_) => {
                        prop_assert!(*fires, "it ended before it began");
                        prop_assert_eq!(event.tell, *told, "who knows of the beginning hears of the end");
                        (*fires, *told) = (false, false);
                    }
                }
            }
            let fires: Vec<String> = engine.kept().map(|kept| kept.alert.id).collect();
            let expected: Vec<String> =
                known.iter().filter(|(_, (fires, _))| *fires).map(|(id, _)| id.clone()).collect();
            prop_assert_eq!(fires, expected);
        }
    }

    /// Seen without a gap, it fires if and only if the condition has held for as long as was asked.
    #[test]
    fn it_never_fires_before_its_time(values in prop::collection::vec(0..20_u8, 1..100), hold in 0..120_i64) {
        let mut rule = rule();
        rule.hold = hold * Micros::SECOND;
        rule.keep = Micros::DAY;
        let mut engine = Engine::default();
        let mut since = None;
        let mut has_fired = false;
        for (look, value) in values.into_iter().enumerate() {
            let second = i64::try_from(look).expect("few") * 15;
            let events = engine.look(&rule, crate::value(f64::from(value)), at(second));
            since = if value > 10 { since.or(Some(second)) } else { None };
            let due = since.is_some_and(|since| second - since >= hold);
            if !has_fired {
                prop_assert_eq!(!events.is_empty(), due);
                has_fired = due;
            }
        }
    }
}
