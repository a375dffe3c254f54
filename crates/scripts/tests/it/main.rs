//! Scripts through the public door: what they change, and what they cannot do.

mod heplify;
mod limits;
mod ours;

use std::time::Duration;

use hep::Packet;
use protocols::Protocols;
use scripts::{Limits, LoadError, Outcome, Report, Scripts, Settings, Source, arrival};

fn settings(texts: &[&str]) -> Settings {
    let source = |(place, text): (usize, &&str)| Source {
        path: format!("/etc/rhapsode/scripts/{place}.lua"),
        text: (*text).to_owned(),
    };
    Settings {
        sources: texts.iter().enumerate().map(source).collect(),
        hep_types: protocols::scripted::HEP_TYPES_DEFAULT.to_vec(),
        // Time is no limit of these tests, which may run on a busy machine; it has a test of its own.
        limits: Limits { time_max: Duration::from_secs(60), ..Limits::default() },
    }
}

fn load(text: &str) -> Result<Scripts, LoadError> {
    Scripts::load(&settings(&[text]), 1, None)
}

fn report(scripts: &Scripts) -> Report {
    let (frame, seconds) = scripts::sample();
    let (packet, _) = hep::decode(&frame, seconds).expect("a packet");
    scripts.report(&packet, &frame, &arrival(seconds), Protocols::built_in())
}

/// Runs one script over the sample.
fn run(text: &str) -> Report {
    report(&load(text).expect("it loads"))
}

/// What a script prints for the sample, and that nothing goes wrong.
fn printed(text: &str) -> String {
    let report = run(text);
    assert_eq!(report.errors, [""; 0]);
    report.prints.join("\n")
}

/// What a replay makes of the packet that scripts left, by column; `extra` included.
fn row(report: &Report, columns: &[&str]) -> Vec<String> {
    let Outcome::Changed(frame) = &report.outcome else { panic!("not changed: {report:?}") };
    let (packet, _) = hep::decode(frame, 0).expect("a packet");
    row_of(&packet, columns)
}

fn row_of(packet: &Packet<'_>, columns: &[&str]) -> Vec<String> {
    let record = Protocols::built_in().understand(packet, &arrival(packet.seconds.unwrap_or(0)));
    let text = |column: &&str| match record.value(column) {
        model::Value::Null => "null".to_owned(),
        model::Value::Text(text) => text.into_owned(),
        model::Value::Int(number) => number.to_string(),
        model::Value::TextList(list) => list.join(","),
        other => format!("{other:?}"),
    };
    columns.iter().map(text).collect()
}
