//! How many legs are joined that belong together, and how many that do not: `cargo xtask bench legs`.
//!
//! Calls of several minutes at 50 a second, made with the truth beside them (`traffic::legs`).
//! `BENCH_SECONDS` and `BENCH_CALLS_PER_SECOND` change the size, `BENCH_SEED` the calls.

#[path = "../tests/it/legs/measure.rs"]
mod measure;

use std::time::Instant;

use calls::legs::judge;
use measure::{Corpus, Score, rules};
use traffic::legs::{LegSettings, Links, Shape};

fn main() {
    let seconds = number("BENCH_SECONDS", 300.0);
    let rate = number("BENCH_CALLS_PER_SECOND", 50.0);
    let seed = number("BENCH_SEED", 7.0) as u64;
    println!("calls of {seconds} s at {rate} a second, seed {seed}");
    for (links, about) in [
        (Links::Headers, "with linking headers"),
        (
            Links::Services,
            "without linking headers; REFER, Replaces and isfocus where a service is made of them",
        ),
        (Links::Nothing, "without anything: services by feature codes"),
    ] {
        let settings = LegSettings {
            seed,
            start_micros: 1_700_000_000_000_000,
            calls_per_second: rate,
            links,
            shape: None,
        };
        let corpus = Corpus::new(&settings, seconds);
        let legs = corpus.legs.len();
        let begun = Instant::now();
        let judge = judge(corpus.legs.clone(), rules());
        let took = begun.elapsed();
        println!("\n{about}\n");
        println!(
            "| calls | number | legs | pairs | precision | recall | wrong | missed | of these possible |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        let scores = corpus.score(&judge);
        for shape in Shape::ALL {
            if let Some(score) = scores.get(&Some(shape)) {
                line(shape.name(), score);
            }
        }
        if let Some(score) = scores.get(&None) {
            line("all", score);
        }
        println!("\n{:.1} us a leg to judge", took.as_secs_f64() * 1e6 / legs as f64);
        if std::env::var_os("BENCH_FAULTS").is_some() {
            for edge in corpus.faults(&judge).iter().take(40) {
                println!("{edge:?}\n  {:?}\n  {:?}", judge.leg(&edge.from), judge.leg(&edge.to));
            }
        }
    }
}

fn line(name: &str, score: &Score) {
    let Score { calls, legs, right, wrong, missed, possible } = score;
    let pairs = right + missed;
    let share = |share: f64| if pairs == 0 { "-".to_owned() } else { format!("{share:.4}") };
    let (precision, recall) = (share(score.precision()), share(score.recall()));
    println!(
        "| {name} | {calls} | {legs} | {pairs} | {precision} | {recall} | {wrong} | {missed} | {possible} |"
    );
}

fn number(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
