//! Calls followed as their messages arrive end as they do when they are read at once.

use std::collections::{BTreeMap, BTreeSet};

use calls::{CALLS, Call, Limits, REGISTRATIONS, Row, Tracker};
use model::Value;
use proptest::prelude::*;
use traffic::{Fault, Generator, Mix, Rate, Scenario, Settings};

use crate::arrivals::Arrival;
use crate::captured::{Calls, add, fold, messages};

const SECOND: i64 = 1_000_000;

/// Messages of some minutes of lifelike traffic, in the order of their time, numbered.
fn traffic(mix: Option<Mix>, seconds: i64) -> (Vec<Arrival>, Calls) {
    let mut settings = Settings::new(5, 0, Rate::Calls(1.0));
    if let Some(mix) = mix {
        settings.mix = mix;
    }
    let mut generator = Generator::new(&settings);
    let mut calls = Calls::new();
    loop {
        let event = generator.next().expect("traffic never ends");
        if event.about.at_micros > seconds * SECOND {
            break;
        }
        for (packet, _) in hep::packets(&event.hep, 0).flatten() {
            add(&mut calls, &packet);
        }
    }
    fold(&mut calls);
    let mut all: Vec<Arrival> = calls
        .values()
        .flat_map(|seized| messages(seized))
        .map(|message| Arrival::of(&message, message.at))
        .collect();
    all.sort_by_key(|message| message.at);
    for (id, message) in all.iter_mut().enumerate() {
        message.id = id as i64 + 65_536;
    }
    (all, calls)
}

/// Hands all in, looking twice a second, and long enough after the last. What is asked for is there at once.
fn follow(tracker: &mut Tracker, all: &[Arrival]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut now = all.first().map_or(0, |first| first.received);
    for (place, message) in all.iter().enumerate() {
        while now < message.received {
            now += SECOND / 2;
            tracker.due(now, &mut rows);
        }
        tracker.take(&message.sighting());
        for call_id in tracker.strangers() {
            let earlier = all[..=place].iter().filter(|earlier| earlier.call_id == call_id);
            earlier.for_each(|earlier| tracker.take_past(&earlier.sighting()));
            tracker.past_is_there(&call_id);
        }
    }
    for _ in 0..600 {
        now += SECOND / 2;
        tracker.due(now, &mut rows);
    }
    rows
}

fn value(row: &Row, name: &str) -> Value<'static> {
    row.value(name).into_owned()
}

fn texts(value: &Value<'_>) -> BTreeSet<String> {
    match value {
        Value::TextList(texts) => texts.iter().map(ToString::to_string).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn rows_say_what_all_messages_together_say() {
    let (all, calls) = traffic(None, 900);
    let mut tracker = Tracker::new(Limits::default());
    let rows = follow(&mut tracker, &all);
    let last_at = all.last().expect("traffic").at;
    let mut ended: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.is_open) {
        let before = ended.insert(row.call_id(), row);
        // A registration is renewed under its Call-ID, each time as one of its own.
        assert!(before.is_none() || std::ptr::eq(row.table, &REGISTRATIONS), "{} ended twice", row.call_id());
    }
    let mut compared = 0;
    for (call_id, seized) in &calls {
        let messages = messages(seized);
        let is_call = messages.iter().any(|message| message.method == Some("INVITE"));
        if !is_call || messages.last().is_none_or(|last| last.at > last_at - 240 * SECOND) {
            continue;
        }
        let whole = Call::read(&messages, i64::MAX / 2);
        let session = whole.session();
        let Some(row) = ended.get(call_id.as_str()) else {
            assert_eq!(session.state.as_str(), "answered", "{call_id} has no row");
            continue;
        };
        compared += 1;
        assert!(std::ptr::eq(row.table, &CALLS));
        assert_eq!(value(row, "state"), Value::from(session.state.as_str()), "{call_id}");
        assert_eq!(value(row, "status"), Value::from(session.status), "{call_id}");
        assert_eq!(value(row, "pdd"), Value::from(session.request_delay), "{call_id}");
        assert_eq!(value(row, "talk"), Value::from(session.duration), "{call_id}");
        assert_eq!(value(row, "messages"), Value::Int(messages.len() as i64), "{call_id}");
        let found: BTreeSet<String> = whole.findings().iter().map(|finding| finding.id.to_owned()).collect();
        assert_eq!(texts(&value(row, "finding")), found, "{call_id}");
    }
    assert!(compared > 300, "{compared} calls");
}

#[test]
fn rows_of_faults_say_what_all_their_messages_say() {
    let faults: Vec<(Scenario, u32)> = Fault::all().map(|fault| (Scenario::Fault(fault), 1)).collect();
    let (all, calls) = traffic(Some(Mix::of(&faults).expect("a mix")), 1_800);
    let rows = follow(&mut Tracker::new(Limits::default()), &all);
    let last_at = all.last().expect("traffic").at;
    let mut ended: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.is_open) {
        ended.entry(row.call_id()).or_default().extend(texts(&value(row, "finding")));
    }
    let (mut compared, mut differences) = (0, BTreeMap::new());
    for (call_id, seized) in &calls {
        let messages = messages(seized);
        let Some(found) = ended.get(call_id.as_str()) else { continue };
        if messages.last().is_none_or(|last| last.at > last_at - 240 * SECOND) {
            continue;
        }
        let whole = Call::read(&messages, i64::MAX / 2).findings();
        let whole: BTreeSet<String> = whole.iter().map(|finding| finding.id.to_owned()).collect();
        compared += 1;
        // Each time a registration is renewed has a row of its own: what lies between two is said by the page alone.
        let is_of_two = |name: &&String| matches!(name.as_str(), "REG_EXPIRED" | "REG_NAT_SHORT");
        for name in whole.symmetric_difference(found).filter(|name| !is_of_two(name)) {
            *differences.entry(name.clone()).or_insert(0) += 1;
        }
    }
    assert!(compared > 300, "{compared} calls");
    assert_eq!(differences, BTreeMap::new(), "of {compared}");
}

/// One registration, begun at this time: its REGISTER with credentials and what is answered.
fn registered(of: &[Arrival], times: i64, at: i64, status: i64) -> [Arrival; 2] {
    let find = |is_reply: bool| {
        let mut own = of.iter().rev().filter(|message| message.status.is_some() == is_reply);
        own.next().expect("a registration").clone()
    };
    let (mut request, mut reply) = (find(false), find(true));
    reply.status = Some(status);
    for (place, message) in [&mut request, &mut reply].into_iter().enumerate() {
        message.id = 65_536 + times * 2 + place as i64;
        message.at = at + place as i64 * 1_000;
        message.received = message.at;
        message.cseq = Some(times + 1);
        message.fields[5] = Some(format!("z9hG4bK{times}"));
    }
    [request, reply]
}

fn registration() -> Vec<Arrival> {
    let (all, _) = traffic(Some(Mix::of(&[(Scenario::Register, 1)]).expect("a mix")), 60);
    let call_id = all[0].call_id.clone();
    all.into_iter().filter(|message| message.call_id == call_id).collect()
}

#[test]
fn a_registration_that_failed_goes_on_when_it_is_tried_again() {
    let own = registration();
    let begin = own[0].received;
    let all: Vec<Arrival> =
        [registered(&own, 0, begin, 503), registered(&own, 1, begin + 10 * SECOND, 200)].concat();
    let rows = follow(&mut Tracker::new(Limits::default()), &all);
    let ended: Vec<&Row> = rows.iter().filter(|row| !row.is_open).collect();
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(value(ended[0], "state"), Value::from("done"));
    assert_eq!(value(ended[0], "messages"), Value::Int(4));
}

#[test]
fn a_renewal_that_fails_soon_is_no_part_of_the_one_that_succeeded() {
    let own = registration();
    let begin = own[0].received;
    let all: Vec<Arrival> =
        [registered(&own, 0, begin, 200), registered(&own, 1, begin + 20 * SECOND, 503)].concat();
    let mut tracker = Tracker::new(Limits::default());
    let rows = follow(&mut tracker, &all);
    let ended: Vec<Value<'static>> =
        rows.iter().filter(|row| !row.is_open).map(|row| value(row, "state")).collect();
    assert_eq!(ended, [Value::from("done"), Value::from("failed")]);
}

#[test]
fn what_never_falls_quiet_is_told_all_the_same() {
    let own = registration();
    let begin = own[0].received;
    let mut tracker = Tracker::new(Limits::default());
    let mut rows = Vec::new();
    for times in 0..10 {
        let at = begin + times * SECOND;
        registered(&own, times, at, 200).iter().for_each(|message| tracker.take(&message.sighting()));
        tracker.due(at + SECOND / 2, &mut rows);
    }
    let told = rows.last().expect("a row within ten seconds");
    assert!(told.is_open);
    assert!(tracker.oldest_untold().is_some_and(|id| id > 65_536), "what was told needs no log");
}

#[test]
fn a_call_is_shown_within_a_second_and_a_half_and_told_once_to_its_end() {
    let mix = Mix::of(&[(Scenario::Good, 1)]).expect("a mix");
    let (all, _) = traffic(Some(mix), 300);
    let call_id = &all[0].call_id;
    let own: Vec<Arrival> = all.iter().filter(|message| message.call_id == *call_id).cloned().collect();
    let mut tracker = Tracker::new(Limits::default());
    tracker.take(&own[0].sighting());
    let mut rows = Vec::new();
    tracker.due(own[0].received + SECOND, &mut rows);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].is_open);
    assert_eq!(value(&rows[0], "state"), Value::from("calling"));
    assert_eq!(rows[0].id, own[0].id);
    let rows = follow(&mut tracker, &own[1..]);
    let ended: Vec<&Row> = rows.iter().filter(|row| !row.is_open).collect();
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].id, value(ended[0], "state")), (own[0].id, Value::from("ended")));
    assert_eq!(tracker.open(), 0);
    assert_eq!(tracker.oldest_untold(), None);
}

#[test]
fn what_came_late_is_asked_for_and_joined() {
    let mix = Mix::of(&[(Scenario::Busy, 1)]).expect("a mix");
    let (all, _) = traffic(Some(mix), 60);
    let call_id = &all[0].call_id;
    let mut own: Vec<Arrival> = all.iter().filter(|message| message.call_id == *call_id).cloned().collect();
    let mut late = own.pop().expect("messages");
    let mut tracker = Tracker::new(Limits::default());
    let rows = follow(&mut tracker, &own);
    let first = rows.last().expect("a row");
    assert!(!first.is_open);
    late.received += 600 * SECOND;
    tracker.take(&late.sighting());
    assert_eq!(tracker.strangers(), std::slice::from_ref(call_id));
    assert_eq!(tracker.waiting().count(), 1);
    let mut rows = Vec::new();
    tracker.due(late.received + 10 * SECOND, &mut rows);
    assert!(rows.is_empty(), "what a part of the messages says is not told");
    assert_eq!(tracker.oldest_untold(), Some(late.id));
    own.iter().for_each(|message| tracker.take_past(&message.sighting()));
    // Found together with what had been asked about.
    tracker.take_past(&late.sighting());
    tracker.past_is_there(call_id);
    tracker.due(late.received + 100 * SECOND, &mut rows);
    let last = rows.last().expect("a row");
    assert!(!last.is_open);
    assert_eq!(last.id, first.id, "it takes the place of the first");
    assert_eq!(value(last, "messages"), Value::Int(own.len() as i64 + 1));
}

#[test]
fn calls_beyond_the_bound_are_told_without_a_verdict() {
    let mix = Mix::of(&[(Scenario::NoAnswer, 1)]).expect("a mix");
    let (all, _) = traffic(Some(mix), 600);
    let mut tracker = Tracker::new(Limits { open_max: 10, recent_max: 10 });
    let mut rows = Vec::new();
    for message in &all {
        tracker.take(&message.sighting());
        tracker.due(message.received, &mut rows);
        assert!(tracker.open() <= 11, "{}", tracker.open());
    }
    let evicted = tracker.counts().evicted;
    assert!(evicted > 0);
    let told_early = rows.iter().filter(|row| !row.is_open && value(row, "finding") == Value::Null).count();
    assert!(told_early as u64 >= evicted, "{told_early} of {evicted}");
}

#[test]
fn an_endless_dialog_stays_bounded() {
    let (all, _) = traffic(Some(Mix::of(&[(Scenario::Good, 1)]).expect("a mix")), 60);
    let mut tracker = Tracker::new(Limits::default());
    let invite = all.iter().find(|message| message.fields[2].as_deref() == Some("INVITE")).expect("one");
    tracker.take(&invite.sighting());
    let mut info = invite.clone();
    info.fields[2] = Some("INFO".to_owned());
    info.fields[4] = Some("tag".to_owned());
    for at in 0..20_000_i64 {
        info.id += 1;
        info.at += SECOND;
        info.received += 1;
        info.cseq = Some(at);
        tracker.take(&info.sighting());
    }
    let mut bye = info.clone();
    bye.fields[2] = Some("BYE".to_owned());
    bye.id += 1;
    tracker.take(&bye.sighting());
    assert!(tracker.counts().beyond > 18_000);
    assert!(tracker.bytes() < 3 << 20, "{}", tracker.bytes());
    let mut rows = Vec::new();
    tracker.due(bye.received + 60 * SECOND, &mut rows);
    let row = rows.last().expect("a row");
    assert_eq!(value(row, "state"), Value::from("ended"), "what ends it is kept");
    assert_eq!(value(row, "messages"), Value::Int(20_002));
}

/// What an open call takes, among many.
#[test]
fn an_open_call_takes_less_than_two_hundred_bytes_a_message() {
    let mix = Mix::of(&[(Scenario::Good, 1)]).expect("a mix");
    let (all, _) = traffic(Some(mix), 900);
    let mut tracker = Tracker::new(Limits::default());
    let mut seen = 0;
    let calls: BTreeSet<&str> = all.iter().map(|message| message.call_id.as_str()).collect();
    for message in all.iter().filter(|message| message.fields[2].as_deref() != Some("BYE")) {
        tracker.take(&message.sighting());
        seen += 1;
    }
    let mut rows = Vec::new();
    let last = all.last().expect("traffic").received;
    for step in 1..40 {
        tracker.due(last + step * SECOND, &mut rows);
    }
    let open = tracker.open();
    let bytes = tracker.bytes();
    println!("{open} of {} calls open, {seen} messages: {} bytes each", calls.len(), bytes / open);
    assert!(open > 400 && bytes < 200 * seen, "{bytes} bytes of {seen} messages in {open} calls");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Capture points on the way of a call are not in step.
    #[test]
    fn the_order_of_arrival_does_not_matter(delays in prop::collection::vec(0..3 * SECOND, 64)) {
        let (all, _) = traffic(Some(Mix::of(&[(Scenario::Good, 1)]).expect("a mix")), 20);
        let call_id = &all[0].call_id;
        let own: Vec<Arrival> = all.iter().filter(|message| message.call_id == *call_id).cloned().collect();
        let mut late = own.clone();
        for (message, delay) in late.iter_mut().zip(&delays) {
            message.received += delay;
        }
        late.sort_by_key(|message| message.received);
        // Ids follow arrival.
        for (place, message) in late.iter_mut().enumerate() {
            message.id = 65_536 + place as i64;
        }
        let last = |all: &[Arrival]| {
            let rows = follow(&mut Tracker::new(Limits::default()), all);
            let row = rows.last().expect("a row").clone();
            ["state", "status", "pdd", "talk", "messages", "finding"].map(|name| value(&row, name).into_owned())
        };
        prop_assert_eq!(last(&late), last(&own));
    }
}
