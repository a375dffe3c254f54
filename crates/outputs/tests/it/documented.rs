//! docs/metrics.md says what the code says.

use std::path::Path;

use outputs::metrics::{Metric, metrics};

/// One row of its tables.
fn row(metric: &Metric) -> String {
    let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    let unit = metric.unit().unwrap_or("");
    format!(
        "| `{}` | {} | {unit} | {} | {} |",
        metric.name,
        metric.kind.as_str(),
        labels.join(", "),
        metric.help
    )
}

/// With `UPDATE=1` the rows are written anew, each where a row of its name stands.
#[test]
fn every_metric_is_documented_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let text = std::fs::read_to_string(&path).expect("docs/metrics.md");
    let name_of = |line: &str| line.strip_prefix("| `")?.split('`').next().map(str::to_owned);
    let declared = metrics();
    if std::env::var_os("UPDATE").is_some() {
        let lines = text.lines().map(|line| {
            let metric = declared.iter().find(|metric| name_of(line).as_deref() == Some(metric.name));
            metric.map_or_else(|| line.to_owned(), |metric| row(metric))
        });
        let lines: Vec<String> = lines.collect();
        std::fs::write(&path, lines.join("\n") + "\n").expect("written");
    }
    let is_metric = |line: &&str| {
        let name = name_of(line).unwrap_or_default();
        ["rhapsode_", "process_", "heplify_"].iter().any(|prefix| name.starts_with(prefix))
    };
    let text = std::fs::read_to_string(&path).expect("docs/metrics.md");
    let documented: Vec<&str> = text.lines().filter(is_metric).collect();
    let expected: Vec<String> = declared.iter().map(|metric| row(metric)).collect();
    assert_eq!(documented, expected, "UPDATE=1 cargo nextest run --release -p outputs documented");
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for metric in metrics().into_iter().filter(|metric| !metric.name.starts_with("heplify_")) {
        let Metric { name, kind, help, .. } = metric;
        assert_eq!(name.ends_with("_total"), *kind == outputs::metrics::Kind::Counter, "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert!(!help.is_empty() && !help.contains(['\\', '\n', '"', '|']), "{name}: {help}");
    }
}
