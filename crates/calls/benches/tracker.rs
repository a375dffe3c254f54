//! What it costs to follow calls as their messages arrive, and to keep those that go on: `cargo xtask bench calls`.
//!
//! `BENCH_SECONDS` of lifelike traffic at `BENCH_CALLS_PER_SECOND`, then `BENCH_OPEN` calls that were answered and not
//! ended.

#[path = "../tests/it/arrivals.rs"]
mod arrivals;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/captured.rs"]
mod captured;

use std::fs;

use arrivals::Arrival;
use calls::{Limits, Row, Tracker};
use captured::{Calls, add, messages};
use traffic::{Generator, Mix, Rate, Scenario, Settings};

const SECOND: i64 = 1_000_000;

/// How often the server looks for rows that are due.
const TICK: i64 = SECOND / 10;

/// Some moment, so that no time is below zero.
const START: i64 = 1_700_000_000 * SECOND;

fn main() {
    let rate = number("BENCH_CALLS_PER_SECOND", 100.0);
    follow(rate, number("BENCH_SECONDS", 300.0));
    keep(rate, number("BENCH_OPEN", 200_000.0) as usize);
}

/// The whole mix: its packets that are no SIP, or of no call, cost the tracker next to nothing.
fn follow(rate: f64, seconds: f64) {
    let mut traffic = Traffic::new(&Settings::new(7, START, Rate::Calls(rate)));
    let mut tracker = Tracker::new(Limits::default());
    let mut spent = 0;
    let (mut taken, mut rows) = (0, 0);
    while traffic.now < START + (seconds * SECOND as f64) as i64 {
        let arrivals = traffic.next_tick();
        taken += arrivals.len();
        let mut due = Vec::new();
        let begun = cpu_nanos();
        take(&mut tracker, &arrivals, traffic.now, &mut due);
        spent += cpu_nanos() - begun;
        rows += due.len();
    }
    println!(
        "{} packets, {taken} of them SIP, {rows} rows, {} calls open at the end",
        traffic.packets,
        tracker.open()
    );
    println!("{:.2} us a packet, {:.2} us a SIP message", per(spent, traffic.packets), per(spent, taken));
}

/// Calls in conversation, as many as are asked for.
fn keep(rate: f64, wanted: usize) {
    let mix = Mix::of(&[(Scenario::Good, 1)]).expect("a mix");
    let mut traffic = Traffic::new(&Settings { mix, ..Settings::new(7, START, Rate::Calls(rate * 10.0)) });
    let mut tracker = Tracker::new(Limits { open_max: wanted * 2, ..Limits::default() });
    let mut due = Vec::new();
    let (mut kept, mut spent) = (0, 0);
    while tracker.open() < wanted {
        let mut arrivals = traffic.next_tick();
        arrivals.retain(|arrival| arrival.fields[2].as_deref() != Some("BYE"));
        kept += arrivals.len();
        let begun = cpu_nanos();
        take(&mut tracker, &arrivals, traffic.now, &mut due);
        spent += cpu_nanos() - begun;
        due.clear();
    }
    // The last of them ring, and are answered.
    let begun = cpu_nanos();
    for _ in 0..QUIET_TICKS {
        traffic.now += TICK;
        tracker.due(traffic.now, &mut due);
    }
    spent += cpu_nanos() - begun;
    let open = tracker.open().max(1);
    println!(
        "{open} calls open: {} MB of messages, {:.0} B a call; {:.2} us a SIP message",
        tracker.bytes() / 1_000_000,
        tracker.bytes() as f64 / open as f64,
        per(spent, kept)
    );
}

/// After a minute without a message all that go on are quiet.
const QUIET_TICKS: usize = 600;

fn take(tracker: &mut Tracker, arrivals: &[Arrival], now: i64, due: &mut Vec<Row>) {
    for arrival in arrivals {
        tracker.take(&arrival.sighting());
    }
    tracker.due(now, due);
}

struct Traffic {
    generator: Generator,
    now: i64,
    packets: usize,
    /// It belongs to the next tick.
    early: Option<Arrival>,
}

impl Traffic {
    fn new(settings: &Settings) -> Self {
        Self { generator: Generator::new(settings), now: START, packets: 0, early: None }
    }

    /// The SIP messages of the next tick, numbered in their order.
    fn next_tick(&mut self) -> Vec<Arrival> {
        self.now += TICK;
        let mut arrivals: Vec<Arrival> = self.early.take().into_iter().collect();
        loop {
            let event = self.generator.next().expect("traffic never ends");
            let at = event.about.at_micros;
            for (packet, _) in hep::packets(&event.hep, 0).flatten() {
                self.packets += 1;
                let mut alone = Calls::new();
                if add(&mut alone, &packet).is_none() {
                    continue;
                }
                for message in alone.values().flat_map(|seized| messages(seized)) {
                    let mut arrival = Arrival::of(&message, at);
                    arrival.id = self.packets as i64 + 65_536;
                    arrivals.push(arrival);
                }
            }
            if at > self.now {
                break;
            }
        }
        if arrivals.last().is_some_and(|last| last.received > self.now) {
            self.early = arrivals.pop();
        }
        arrivals
    }
}

/// Time on the processor: others may have it meanwhile.
fn cpu_nanos() -> u64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    told.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("a number first")
}

/// Microseconds for each.
fn per(spent: u64, count: usize) -> f64 {
    spent as f64 / 1e3 / count.max(1) as f64
}

fn number(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
