//! Figures of minutes, read back from their rows, are those of the calls.

use std::collections::BTreeMap;

use calls::State;
use calls::kpi::{By, Kpi, MINUTE, Minute, Over, PREFIX_DIGITS, Sketch, Talking, Told, family, prefix};
use model::{Record, Value};
use proptest::prelude::*;

const BEGIN: i64 = 1_795_300_020_000_000;

#[derive(Clone, Debug)]
struct Call {
    state: State,
    status: i64,
    cause: Option<i64>,
    pdd: i64,
    /// From the answer, if there was one.
    talk: Option<i64>,
    src: u8,
    callee: String,
    agent: Option<&'static str>,
}

impl Call {
    fn over<'a>(&'a self, src: &'a str) -> Over<'a> {
        Over {
            told: Told {
                state: self.state,
                status: Some(self.status),
                cause: self.cause,
                pdd: Some(self.pdd),
                ring: Some(self.pdd / 2),
                talk: self.talk,
                is_answered: self.talk.is_some(),
                disconnect_delay: self.talk.map(|talk| talk % 500_000),
                messages: 3 + self.pdd.unsigned_abs() % 9,
                retransmissions: self.pdd.unsigned_abs() % 3,
            },
            talked: self.talk.map(|talk| (BEGIN + self.pdd, BEGIN + self.pdd + talk)),
            src: Some(src),
            dst: Some("203.0.113.1"),
            callee: Some(&self.callee),
            user_agent: self.agent,
            answered_by: self.agent.filter(|_| self.talk.is_some()),
        }
    }
}

fn call() -> impl Strategy<Value = Call> {
    let fate = prop_oneof![
        (0_i64..20_000_000_000).prop_map(|talk| (State::Ended, 200, Some(talk))),
        prop_oneof![Just(404_i64), Just(408), Just(480), Just(486), Just(503), Just(603)]
            .prop_map(|status| (State::Failed, status, None)),
        Just((State::Cancelled, 487, None)),
        Just((State::Redirected, 302, None)),
        Just((State::Ringing, 180, None)),
    ];
    let agents =
        prop_oneof![Just(None), Just(Some("Asterisk PBX 18.4.0")), Just(Some("Yealink SIP-T46S 66.85"))];
    let cause = prop_oneof![Just(None), Just(Some(16_i64)), Just(Some(34))];
    (fate, cause, 0_i64..30_000_000, 0_u8..40, "[+]49[0-9]{4,8}|[0-9]{2,6}|[a-c]{1,3}", agents).prop_map(
        |((state, status, talk), cause, pdd, src, callee, agent)| Call {
            state,
            status,
            cause,
            pdd,
            talk,
            src,
            callee,
            agent,
        },
    )
}

fn number(record: &Record<'_>, name: &str) -> u64 {
    match record.value(name) {
        Value::Int(number) => u64::try_from(number).expect("a count"),
        other => panic!("{name}: {other:?}"),
    }
}

fn text(record: &Record<'_>, name: &str) -> Option<String> {
    match record.value(name) {
        Value::Text(text) => Some(text.into_owned()),
        _ => None,
    }
}

/// The figures of a row.
fn read(record: &Record<'_>) -> (Kpi, BTreeMap<i64, i64>) {
    let count = |name| number(record, name);
    let bytes = |name: &str| match record.value(name) {
        Value::Bytes(bytes) => bytes.into_owned(),
        other => panic!("{name}: {other:?}"),
    };
    let sketch = |name| Sketch::of_bytes(&bytes(name)).expect("a sketch");
    let kpi = Kpi {
        attempts: count("attempts"),
        open: count("open"),
        redirected: count("redirected"),
        answered: count("answered_calls"),
        completed: count("completed"),
        effective: count("effective"),
        delivered: count("delivered"),
        ineffective: count("ineffective"),
        abandoned: count("abandoned"),
        conversations: count("conversations"),
        short: count("short"),
        talk: count("talk"),
        messages: count("messages"),
        retransmissions: count("retransmissions"),
        pdd: sketch("pdd_sketch"),
        failed_pdd: sketch("failed_pdd_sketch"),
        disconnect_delay: sketch("disconnect_delay_sketch"),
    };
    let talking = Talking::of_bytes(&bytes("talking")).expect("minutes");
    (kpi, talking.of(record.common.ts.0).collect())
}

/// The same of the calls themselves, by group.
fn counted(
    calls: &[Call],
    key: impl Fn(&Call) -> Option<String>,
) -> BTreeMap<Option<String>, (Kpi, BTreeMap<i64, i64>)> {
    let mut groups: BTreeMap<Option<String>, (Kpi, BTreeMap<i64, i64>)> = BTreeMap::new();
    for call in calls {
        let over = call.over("");
        let (kpi, talking) = groups.entry(key(call)).or_default();
        kpi.add(&over.told);
        let (mut at, end) = over.talked.unwrap_or_default();
        while at < end {
            let minute = Minute::around(at);
            let until = end.min(minute + MINUTE);
            *talking.entry(minute).or_default() += until - at;
            at = until;
        }
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_of_a_minute_say_what_its_calls_do(calls in prop::collection::vec(call(), 1..80)) {
        let sources: Vec<String> = calls.iter().map(|call| format!("192.0.2.{}", call.src)).collect();
        let mut minute = Minute::new(BEGIN);
        calls.iter().zip(&sources).for_each(|(call, src)| minute.add(&call.over(src)));
        prop_assert_eq!(minute.calls(), calls.len() as u64);
        let records = minute.into_records(1, BEGIN + 7 * MINUTE);
        for by in By::ALL {
            let own = records.iter().filter(|record| text(record, "grouped_by").as_deref() == Some(by.as_str()));
            let told: BTreeMap<Option<String>, _> = own
                .map(|record| {
                    let src = record.common.src_ip.map(|ip| ip.to_string());
                    (text(record, "group_key").or(src), read(record))
                })
                .collect();
            let expected = counted(&calls, |call| match by {
                By::All => None,
                By::Trunk => Some(format!("192.0.2.{}", call.src)),
                By::Prefix => prefix(&call.callee, PREFIX_DIGITS),
                By::UserAgent => call.agent.map(|agent| family(agent).to_owned()),
                By::AnsweredBy => call.agent.filter(|_| call.talk.is_some()).map(|agent| family(agent).to_owned()),
                By::Status => Some(call.status.to_string()),
            });
            prop_assert_eq!(told, expected, "{:?}", by);
        }
    }
}
