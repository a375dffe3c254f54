//! How long answers take: cold, warm, and while traffic comes in.
//!
//! `cargo xtask bench search`. The set spans a day of event time whatever its size, so one of 100 million is a day of
//! 1,157 messages a second. Questions go through the HTTP API of the built program; every answer is checked.
//!
//! - cold: a process that has just started, and none of its files in the page cache (of this machine: what lies below
//!   a virtual disk is out of reach);
//! - warm: one process, each time another call, user, hour or day than before;
//! - with ingest: the same while the generator sends at live time over UDP.
//!
//! Environment: `BENCH_MESSAGES` (default 10,000,000; the goals are for ten times as many), `BENCH_DATA` (where the set is
//! kept for the next time), `BENCH_RATE` (messages a second of ingest, default 20,000; 0 leaves that part out).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use testkit::server::{Options, Server};
use traffic::{Generator, Rate, Settings};

use crate::process::Process;
use crate::questions::{self, Question, VARIANTS};
use crate::set::Set;
use crate::{BINARY, disk, machine, send, setting};

const DAY: Duration = Duration::from_secs(86_400);

/// What the goals are for.
const GOAL_MESSAGES: u64 = 100_000_000;

/// Cold answers of a question: each needs a start of the server.
const COLD: usize = 3;

/// Asked before the clock runs, so that footers are read and code is in memory.
const WARM_UP: usize = 6;

/// Ingest runs this long before questions are asked: longer than rows stay hot.
const INGEST_BEFORE: Duration = Duration::from_secs(60);

/// The generator of ingest makes other calls than that of the set, by the same users.
const INGEST_SEED: u64 = 2;

pub(crate) fn run() -> Result<()> {
    let messages = setting("BENCH_MESSAGES", 10_000_000)?;
    let rate = setting("BENCH_RATE", 20_000)?;
    println!("{}", machine()?);
    let set = Set::obtain(messages, DAY)?;
    let copy = set.copy()?;
    let questions = questions::all(&set.facts)?;

    let cold = cold(&copy.data, &questions)?;
    let server = Server::start(Options::new(BINARY, &copy.data)?)?;
    let process = Process(server.process_id());
    let warm = warm(&server, &questions)?;
    println!("largest resident memory of the server {} MiB", process.peak_memory_bytes()? >> 20);
    let busy = match rate {
        0 => None,
        rate => Some(with_ingest(&server, rate, || warm_while_busy(&server, &questions))?),
    };
    print(&questions, messages, &cold, &warm, busy.as_deref());
    let store = &server.get("/api/v1/status")?["store"];
    println!("busy: while {rate} messages a second came in; {} files at the end", store["lake_files"]);
    println!("goals are for {GOAL_MESSAGES} messages, this was {messages}");
    Ok(())
}

/// The answers to one question.
struct Measured {
    /// Sorted.
    times: Vec<Duration>,
    /// Of the server, for each answer.
    cpu: Duration,
}

impl Measured {
    fn new(mut times: Vec<Duration>, cpu_seconds: f64) -> Self {
        times.sort_unstable();
        let cpu = Duration::from_secs_f64(cpu_seconds / times.len().max(1) as f64);
        Self { times, cpu }
    }

    /// The time that this share of the answers did not exceed.
    fn quantile(&self, share: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }
}

fn cold(data: &Path, questions: &[Question]) -> Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for question in questions {
        let mut times = Vec::new();
        let mut cpu_seconds = 0.0;
        // Not those with which the warm ones begin, so that no file is warm for being the newest.
        for ask in question.asks.iter().step_by(VARIANTS / COLD) {
            let server = Server::start(Options::new(BINARY, data)?)?;
            let process = Process(server.process_id());
            disk::forget(data)?;
            let cpu_before = process.cpu_seconds()?;
            times.push(ask.put(&server).context(question.name)?);
            cpu_seconds += process.cpu_seconds()? - cpu_before;
            server.terminate()?;
        }
        measured.push(Measured::new(times, cpu_seconds));
    }
    Ok(measured)
}

fn warm(server: &Server, questions: &[Question]) -> Result<Vec<Measured>> {
    let process = Process(server.process_id());
    let mut measured = Vec::new();
    for question in questions {
        let (before, asks) = question.asks.split_at(WARM_UP);
        for ask in before {
            ask.put(server).context(question.name)?;
        }
        let cpu_before = process.cpu_seconds()?;
        let times = asks.iter().map(|ask| ask.put(server)).collect::<Result<_>>();
        let times = times.context(question.name)?;
        measured.push(Measured::new(times, process.cpu_seconds()? - cpu_before));
    }
    Ok(measured)
}

fn warm_while_busy(server: &Server, questions: &[Question]) -> Result<Vec<Measured>> {
    std::thread::sleep(INGEST_BEFORE);
    warm(server, questions)
}

/// Does something while traffic comes in at this rate, and says what became of that traffic.
fn with_ingest<T>(server: &Server, rate: u64, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let stop = AtomicBool::new(false);
    let before = server.totals()?;
    let (done, sent) = std::thread::scope(|threads| {
        let sender = threads.spawn(|| ingest(&server.options.hep_udp, rate, &stop));
        let done = work();
        stop.store(true, Ordering::Relaxed);
        (done, sender.join().map_err(|_| anyhow!("the sender panicked")))
    });
    let (done, sent) = (done?, sent??);
    let totals = server.wait_for_received(0)?;
    let stored = totals.stored - before.stored;
    ensure!(totals.stored == totals.received, "not all was stored: {:?}", totals.causes);
    println!("{sent} messages came in meanwhile, {} of them were lost on the way", sent - stored);
    Ok(done)
}

/// Sends until told to stop; how many.
fn ingest(to: &str, rate: u64, stop: &AtomicBool) -> Result<u64> {
    let mut sender = send::Sender::Udp(send::udp(to)?);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    let generator = Generator::new(&Settings::new(INGEST_SEED, now, Rate::Messages(rate as f64)));
    let mut sent = 0;
    let packets = (0..).zip(generator.map(|event| event.hep)).take_while(|_| !stop.load(Ordering::Relaxed));
    send::paced(&mut sender, rate, packets, |_| {
        sent += 1;
        Ok(())
    })?;
    Ok(sent)
}

fn print(
    questions: &[Question],
    messages: u64,
    cold: &[Measured],
    warm: &[Measured],
    busy: Option<&[Measured]>,
) {
    println!("\nmilliseconds; p50 and p95 of {} answers, cold: the middle of {COLD}", VARIANTS - WARM_UP);
    println!(
        "{:<28}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}  goal",
        "", "cold", "CPU", "warm p50", "p95", "CPU", "busy p50", "p95", "ratio"
    );
    for (place, ((question, cold), warm)) in questions.iter().zip(cold).zip(warm).enumerate() {
        let p50 = warm.quantile(0.5);
        let goal = question.goal.map_or_else(String::new, |goal| {
            let verdict = match (p50 <= goal, messages >= GOAL_MESSAGES) {
                (false, _) => "NOT met",
                (true, true) => "met",
                (true, false) => "met by fewer messages",
            };
            format!("{} {verdict}", goal.as_millis())
        });
        let busy = busy.and_then(|busy| busy.get(place));
        let busy_at = |share| busy.map_or_else(String::new, |busy| shown(busy.quantile(share)));
        let ratio = busy.map_or_else(String::new, |busy| {
            format!("{:.1}", busy.quantile(0.5).as_secs_f64() / p50.as_secs_f64())
        });
        println!(
            "{:<28}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{ratio:>9}  {goal}",
            question.name,
            shown(cold.quantile(0.5)),
            shown(cold.cpu),
            shown(p50),
            shown(warm.quantile(0.95)),
            shown(warm.cpu),
            busy_at(0.5),
            busy_at(0.95),
        );
    }
}

fn shown(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 100.0 { format!("{milliseconds:.1}") } else { format!("{milliseconds:.0}") }
}
