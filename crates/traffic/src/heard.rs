//! Reports of media that something is wrong with, one line of a ladder each:
//!
//! ```text
//! 15000 p>a rtcp
//! in    b>p rtcp lost=40 jitter=480
//! in    b>p xr rerl=12
//! ```
//!
//! A party reports how it hears the other one; the relay reports how it hears the party whom it tells. `rtcp` is a report of
//! RFC 3550 with `lost=` of a thousand packets and `jitter=` in units of the 8 kHz clock, `xr` the VoIP metrics of RFC 3611
//! 4.7, good but for those named.

use crate::identity::{derived, purpose};
use crate::report::{self, Media, Said, push_pair};
use crate::session::Session;

/// One report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Between relay and caller, else between relay and callee.
    pub(crate) at_caller: bool,
    pub(crate) by_relay: bool,
    /// Of a thousand, as in each report before.
    lost: u64,
    jitter: u64,
    /// Of an extended report: name and value.
    metrics: Option<Vec<(&'static str, &'static str)>>,
}

/// What is good, under the names and in the order of heplify. 127 stands for what is not available.
const METRICS: [(&str, &str); 20] = [
    ("loss_rate", "0"),
    ("discard_rate", "0"),
    ("burst_density", "0"),
    ("gap_density", "0"),
    ("burst_duration", "0"),
    ("gap_duration", "0"),
    ("round_trip_delay", "45"),
    ("end_system_delay", "60"),
    ("signal_level", "-18"),
    ("noise_level", "-65"),
    ("rerl", "55"),
    ("gmin", "16"),
    ("r_factor", "92"),
    ("ext_r_factor", "127"),
    ("mos_cq", "4.3"),
    ("mos_lq", "4.4"),
    ("rx_config", "240"),
    ("jb_nominal", "40"),
    ("jb_maximum", "60"),
    ("jb_abs_max", "200"),
];

impl Heard {
    /// Reads a line without its gap; `None` if it is no report.
    ///
    /// # Panics
    /// If a report cannot be read: ladders are part of the program, and a test reads each.
    pub(crate) fn read(line: &'static str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (hop, kind) = (words.next()?, words.next()?);
        let mut metrics = match kind {
            "rtcp" => None,
            "xr" => Some(METRICS.to_vec()),
            _ => return None,
        };
        let (at_caller, by_relay) = match hop {
            "a>p" => (true, false),
            "p>a" => (true, true),
            "b>p" => (false, false),
            "p>b" => (false, true),
            _ => panic!("no hop {hop} in {line:?}"),
        };
        let (mut lost, mut jitter) = (0, 12);
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("no value {word:?}"));
            let number = || value.parse().unwrap_or_else(|_| panic!("{value:?} is no number"));
            let metric = metrics.iter_mut().flatten().find(|(known, _)| *known == name);
            match (name, metric) {
                (_, Some(metric)) => metric.1 = value,
                ("lost", None) => lost = number(),
                ("jitter", None) => jitter = number(),
                _ => panic!("unknown word {word:?}"),
            }
        }
        Some(Self { at_caller, by_relay, lost, jitter, metrics })
    }

    /// Appends it as JSON: plain reports as rtpengine writes them, metrics as heplify does.
    pub(crate) fn append(&self, session: &Session, at_micros: i64, out: &mut Vec<u8>) {
        let (here, there, relay) = if self.at_caller {
            (purpose::STREAM_CALLER, purpose::STREAM_CALLEE, purpose::RELAY_TO_CALLER)
        } else {
            (purpose::STREAM_CALLEE, purpose::STREAM_CALLER, purpose::RELAY_TO_CALLEE)
        };
        let (own, heard) = if self.by_relay { (relay, here) } else { (here, there) };
        let source = |purpose| derived(session.identity, purpose) & 0xffff_ffff;
        let (own_source, other_source) = (source(own), source(heard));
        if let Some(metrics) = &self.metrics {
            push_pair(out, "{\"ssrc\":", own_source);
            push_pair(
                out,
                ",\"type\":207,\"report_count\":0,\"report_blocks\":null,\"voip_metrics\":{\"ssrc\":",
                other_source,
            );
            for (name, value) in metrics {
                for part in [",\"", name, "\":", value] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
            push_pair(out, "},\"sdes_ssrc\":", 0);
            out.push(b'}');
            return;
        }
        let packets = report::packets_sent(session, at_micros);
        let media = Media {
            fraction_lost: self.lost * 256 / 1_000,
            packets_lost: packets * self.lost / 1_000,
            jitter: self.jitter,
        };
        // A relay sends no media of its own.
        let sent = (!self.by_relay).then_some(packets);
        let said = Said { own_source, other_source, sent, heard: packets, held: None, media };
        report::append_report(&said, at_micros, out);
    }
}
