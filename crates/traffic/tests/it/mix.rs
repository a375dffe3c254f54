//! The figures of the default mix, which benches and disk estimates rest on.

use std::collections::BTreeMap;

use traffic::{Generator, Kind, Rate, Settings};

const START: i64 = 1_790_000_000_000_000;
const MESSAGES: usize = 400_000;

#[test]
fn the_default_mix_is_the_one_that_benches_rest_on() {
    let mut generator = Generator::new(&Settings::new(1, START, Rate::Messages(5_000.0)));
    let mut counts: BTreeMap<Kind, (u64, u64)> = BTreeMap::new();
    let mut registers = (0, 0);
    let mut packet = Vec::new();
    for _ in 0..MESSAGES {
        packet.clear();
        let about = generator.append(&mut packet);
        let entry = counts.entry(about.kind).or_default();
        entry.0 += 1;
        entry.1 += about.payload_bytes as u64;
        if about.kind == Kind::Request("REGISTER") {
            registers = (registers.0 + 1, registers.1 + about.payload_bytes);
        }
    }
    let total: u64 = counts.values().map(|(count, _)| count).sum();
    let bytes: u64 = counts.values().map(|(_, bytes)| bytes).sum();
    let shares: Vec<String> = counts
        .iter()
        .map(|(kind, (count, bytes))| {
            format!("{kind:?} {:.1} % {} B", *count as f64 * 100.0 / total as f64, bytes / count)
        })
        .collect();
    let shown = format!("mean {:.1} B\n{}", bytes as f64 / total as f64, shares.join("\n"));

    let mean = bytes as f64 / total as f64;
    assert!((mean / 599.0 - 1.0).abs() < 0.02, "{shown}");
    for (kind, share, size) in [
        (Kind::Rtcp, 15.9, 377),
        (Kind::Reply(200), 23.6, 627),
        (Kind::Request("REGISTER"), 15.3, 686),
        (Kind::Request("INVITE"), 6.6, 1_291),
        (Kind::Request("OPTIONS"), 0.0, 482),
    ] {
        let (count, bytes) = counts.get(&kind).copied().unwrap_or_default();
        let found = count as f64 * 100.0 / total as f64;
        assert!(
            share == 0.0 || (found - share).abs() < 1.0,
            "{kind:?} is {found:.1} %, not {share}\n{shown}"
        );
        let found = bytes / count.max(1);
        assert!(found.abs_diff(size) * 100 / size < 6, "{kind:?} has {found} B, not {size}\n{shown}");
    }
}

#[test]
fn the_rate_asked_for_is_the_rate_that_comes() {
    let rate = 2_000.0;
    let mut generator = Generator::new(&Settings::new(3, START, Rate::Messages(rate)));
    let mut packet = Vec::new();
    let mut last = START;
    let count = 200_000;
    for _ in 0..count {
        packet.clear();
        last = generator.append(&mut packet).at_micros;
    }
    let found = f64::from(count) * 1e6 / (last - START) as f64;
    assert!((found / rate - 1.0).abs() < 0.05, "{found:.0} messages a second instead of {rate}");
}
