//! A small corpus keeps what is published in docs/legs.md from getting worse.

use calls::legs::judge;
use traffic::legs::{LegSettings, Links, Shape};

use super::measure::{Corpus, Score, rules};

fn score(links: Links, seed: u64) -> Score {
    let start_micros = 1_700_000_000_000_000;
    let settings = LegSettings { seed, start_micros, calls_per_second: 50.0, links, shape: None };
    let corpus = Corpus::new(&settings, 40.0);
    let judge = judge(corpus.legs.clone(), rules());
    let scores = corpus.score(&judge);
    // Every shape is among them.
    assert!(Shape::ALL.iter().all(|shape| scores.contains_key(&Some(*shape))), "{scores:?}");
    scores[&None]
}

#[track_caller]
fn check(links: Links, precision_min: f64, recall_min: f64) {
    for seed in [1, 2, 3] {
        let score = score(links, seed);
        let (precision, recall) = (score.precision(), score.recall());
        assert!(precision >= precision_min && recall >= recall_min, "{precision:.4} {recall:.4} {score:?}");
    }
}

#[test]
fn with_linking_headers() {
    check(Links::Headers, 0.995, 0.99);
}

/// The goal.
#[test]
fn without_linking_headers() {
    check(Links::Services, 0.99, 0.95);
}

/// Transfers, pickups and conferences that leave no trace are missed; what is joined is right.
#[test]
fn without_anything() {
    check(Links::Nothing, 0.99, 0.7);
}
