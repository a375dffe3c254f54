//! docs/quality.md is the fixture: each of its rows is computed and compared.

use calls::media::{Figures, Problem, computed};
use media::emodel::{self, Band, CODECS, Confidence};

use super::{block, metrics, one, problems};

const PAGE: &str = include_str!("../../../../../docs/quality.md");

/// The rows of the table with this head.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let mut lines = PAGE.lines().skip_while(|line| !line.starts_with(head));
    assert!(lines.next().is_some(), "no table {head}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn band(band: Band) -> &'static str {
    match band {
        Band::Narrow => "NB",
        Band::Wide => "WB",
        Band::Full => "FB",
    }
}

#[test]
fn scores() {
    let rows = table("| Codec | Ppl %");
    assert!(rows.len() >= 30, "{} rows", rows.len());
    for row in rows {
        let [codec, loss, burst, delay, kind, wanted_band, r, mos] = row[..] else { panic!("{row:?}") };
        let codec = emodel::codec(codec).expect("a codec of the table");
        let delay = (delay != "-").then(|| number(delay));
        let scores = computed(codec, number(loss), number(burst), delay);
        let score = if kind == "CQ" { scores.conversation.expect("a delay") } else { scores.listening };
        assert_eq!(
            (format!("{:.2}", score.r), format!("{:.2}", score.mos), band(score.band)),
            (r.to_owned(), mos.to_owned(), wanted_band),
            "{row:?}"
        );
    }
}

#[test]
fn codecs() {
    let rows = table("| Codec | Band |");
    assert_eq!(rows.len(), CODECS.len());
    for (row, codec) in rows.iter().zip(&CODECS) {
        let confidence = match codec.confidence {
            Confidence::Published => "published",
            Confidence::Estimated => "estimated",
        };
        let wanted =
            [codec.name, band(codec.band), &codec.ie.to_string(), &codec.bpl.to_string(), confidence];
        assert_eq!(row[..], wanted);
    }
}

#[test]
fn burst_ratios() {
    let rows = table("| Burst density %");
    assert_eq!(rows.len(), 6);
    for row in rows {
        let [burst_density, burst, gap_density, gap, ratio] = row[..] else { panic!("{row:?}") };
        let stream = one(&[metrics(
            5,
            Figures {
                burst_density_percent: Some(number(burst_density)),
                burst_duration_ms: Some(number(burst)),
                gap_density_percent: Some(number(gap_density)),
                gap_duration_ms: Some(number(gap)),
                ..Figures::default()
            },
        )]);
        let found = stream.burst_ratio.map(|ratio| format!("{ratio:.2}"));
        assert_eq!(found.as_deref(), Some(ratio), "{row:?}");
    }
}

#[test]
fn counters() {
    let rows = table("| Reports | Expected");
    assert_eq!(rows.len(), 11);
    for row in rows {
        let [reports, expected, lost, loss, wanted] = row[..] else { panic!("{row:?}") };
        let mut told = Vec::new();
        for (place, report) in (1_i64..).zip(reports.split(' ')) {
            let (sequence, lost) = report.split_once('/').expect("sequence/lost");
            told.push(block(place * 5, sequence.parse().expect("a number"), lost.parse().expect("a number")));
        }
        let stream = one(&told);
        let mut found = problems(&stream);
        found.retain(|name| *name != "clock_rate_assumed");
        let found = if found.is_empty() { "-".to_owned() } else { found.join(", ") };
        let counts =
            [stream.packets_expected, stream.packets_lost].map(|count| count.map(|count| count.to_string()));
        let percent = stream.loss_percent.map(|percent| format!("{percent:.2}"));
        let [found_expected, found_lost] = counts.map(Option::unwrap_or_default);
        assert_eq!(
            [found_expected, found_lost, percent.unwrap_or_default(), found],
            [expected, lost, loss, wanted].map(str::to_owned),
            "{row:?}"
        );
    }
}

#[test]
fn problems_are_all_named() {
    let rows = table("| Problem |");
    let named: Vec<(&str, &str)> = rows.iter().map(|row| (row[0].trim_matches('`'), row[1])).collect();
    let known: Vec<_> = Problem::ALL.iter().map(|problem| (problem.as_str(), problem.message())).collect();
    assert_eq!(named, known);
}
