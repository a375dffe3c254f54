//! RTCP packets as the reports that are in them, by the columns of their records.

use std::collections::BTreeMap;

use calls::End;
use calls::media::{By, Figures, Jitter, Kind, Report};
use model::{Micros, Record, Value};
use protocols::{Arrival, Corrections, Protocols};

use crate::captured::LATER;

/// The Call-ID that RTCP came with, and what it says.
pub(crate) fn reported(id: i64, packet: &hep::Packet<'_>) -> Option<(String, Row)> {
    let arrival = Arrival {
        id,
        received: Micros(LATER),
        sender: "192.0.2.9".parse().expect("an address"),
        listener: "udp",
        corrections: Corrections::default(),
    };
    let record = Protocols::built_in().understand(packet, &arrival);
    match (record.table.name, &record.common.call_id) {
        ("rtcp", Some(call_id)) => Some((call_id.clone().into_owned(), row(&record))),
        _ => None,
    }
}

/// The columns of an RTCP record that are read here.
#[derive(Debug)]
pub(crate) struct Row {
    id: i64,
    at: i64,
    ends: [(String, i32); 2],
    numbers: BTreeMap<&'static str, i64>,
    fraction: Option<f64>,
    /// VoIP metrics (RFC 3611 4.7) under the names of heplify.
    metrics: serde_json::Value,
}

const COLUMNS: [&str; 10] = [
    "ssrc",
    "source_ssrc",
    "packets",
    "ntp_time",
    "packets_lost",
    "highest_sequence",
    "jitter",
    "last_sr",
    "delay_since_last_sr",
    "octets",
];

fn row(record: &Record<'_>) -> Row {
    let common = &record.common;
    let end = |ip: Option<std::net::IpAddr>, port: Option<i32>| {
        (ip.map(|ip| ip.to_string()).unwrap_or_default(), port.unwrap_or(0))
    };
    let numbers = COLUMNS.iter().filter_map(|column| match record.value(column) {
        Value::Int(number) => Some((*column, number)),
        _ => None,
    });
    Row {
        id: common.id,
        at: common.ts.0,
        ends: [end(common.src_ip, common.src_port), end(common.dst_ip, common.dst_port)],
        numbers: numbers.collect(),
        fraction: match record.value("fraction_lost") {
            Value::Float(percent) => Some(percent),
            _ => None,
        },
        metrics: metrics(record),
    }
}

/// Beside the columns, `extra` has what stood in the packet.
fn metrics(record: &Record<'_>) -> serde_json::Value {
    let extra: Option<serde_json::Value> =
        record.extra.as_deref().and_then(|extra| serde_json::from_str(extra).ok());
    let metrics = extra.and_then(|mut extra| Some(extra.pointer_mut("/reports/0/voip_metrics")?.take()));
    metrics.unwrap_or_default()
}

impl Row {
    pub(crate) fn reports(&self) -> Vec<Report<'_>> {
        let number = |name: &str| self.numbers.get(name).copied();
        let ssrc = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
        let [src, dst] = &self.ends;
        let common = Report {
            id: self.id,
            at: self.at,
            src: End { ip: Some(&src.0), port: Some(src.1) },
            dst: End { ip: Some(&dst.0), port: Some(dst.1) },
            ..Report::default()
        };
        let sent = Report {
            kind: Kind::SenderReport,
            by: By::Sender,
            ssrc: ssrc("ssrc"),
            figures: Figures {
                packets: number("packets"),
                ntp_time: number("ntp_time"),
                octets: number("octets"),
                ..Figures::default()
            },
            ..common
        };
        let received = Report {
            ssrc: ssrc("source_ssrc"),
            reporter_ssrc: ssrc("ssrc"),
            figures: Figures {
                fraction_lost_percent: self.fraction,
                packets_lost: number("packets_lost"),
                highest_sequence: number("highest_sequence"),
                jitter: number("jitter").map(Jitter::Units),
                last_sr: number("last_sr"),
                delay_since_last_sr: number("delay_since_last_sr"),
                ..Figures::default()
            },
            ..common
        };
        let measured = Report {
            kind: Kind::VoipMetrics,
            ssrc: self.metrics["ssrc"].as_u64().and_then(|number| u32::try_from(number).ok()),
            figures: self.figures(),
            ..received
        };
        [sent, received, measured]
            .into_iter()
            .filter(|report| match report.kind {
                Kind::SenderReport => report.figures.packets.is_some(),
                _ => report.ssrc.is_some(),
            })
            .collect()
    }

    fn figures(&self) -> Figures<'_> {
        let number = |name: &str| self.metrics[name].as_f64();
        let of_256 = |name: &str| number(name).map(|rate| rate * 100.0 / 256.0);
        Figures {
            loss_percent: of_256("loss_rate"),
            discard_percent: of_256("discard_rate"),
            burst_density_percent: of_256("burst_density"),
            burst_duration_ms: number("burst_duration"),
            gap_density_percent: of_256("gap_density"),
            gap_duration_ms: number("gap_duration"),
            round_trip_ms: number("round_trip_delay"),
            end_system_ms: number("end_system_delay"),
            r_factor: number("r_factor"),
            mos_lq: number("mos_lq"),
            mos_cq: number("mos_cq"),
            signal_level: number("signal_level"),
            noise_level: number("noise_level"),
            echo_return_loss: number("rerl"),
            ..Figures::default()
        }
    }
}
