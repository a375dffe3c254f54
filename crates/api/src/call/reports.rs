//! Rows as reports on media, of the room `calls`: the tables `rtcp` and `report`, and SIP that holds a report.
//!
//! Columns hold the first block of an RTCP packet and the worse direction of a quality report; `extra` has the rest.

use calls::End;
use calls::media::{By, Figures, Jitter, Kind, Report};
use serde_json::Value;

use crate::row::{Cell, Row};

/// Blocks read of one RTCP packet: a header counts no more than 31 (RFC 3550 6.4.1), a compound may have several.
const BLOCKS_MAX: usize = 64;

/// Names under which agents write the VoIP metrics.
const METRICS: [&str; 4] =
    ["voip_metrics", "report_blocks_xr", "Extended_report_information", "extended_report_information"];

/// A row with its `extra` read: what reports borrow from.
pub(super) struct Told<'r> {
    row: &'r Row,
    extra: Value,
}

impl<'r> Told<'r> {
    /// `None` for rows that hold no report.
    pub(super) fn of(row: &'r Row) -> Option<Self> {
        let extra = row.extra.as_deref();
        let may_report = match row.table.name {
            "rtcp" | "report" => true,
            "sip" => extra.is_some_and(|extra| extra.contains("\"report\"")),
            _ => false,
        };
        let extra = may_report.then(|| extra.and_then(|extra| serde_json::from_str(extra).ok()))?;
        Some(Self { row, extra: extra.unwrap_or(Value::Null) })
    }

    pub(super) fn reports(&self) -> Vec<Report<'_>> {
        match self.row.table.name {
            "rtcp" => self.of_rtcp(),
            "report" => self.of_report(),
            _ => self.of_sip(),
        }
    }

    fn common(&self) -> Report<'_> {
        let row = self.row;
        Report {
            id: row.id,
            at: row.ts.0,
            src: End { ip: row.src_ip.as_deref(), port: row.src_port },
            dst: End { ip: row.dst_ip.as_deref(), port: row.dst_port },
            ..Report::default()
        }
    }

    fn of_rtcp(&self) -> Vec<Report<'_>> {
        let row = self.row;
        let own = row.int("ssrc").and_then(ssrc);
        let (common, mut reports) = (self.common(), Vec::new());
        if row.int("packets").is_some() || time(row, "ntp_time").is_some() {
            reports.push(Report {
                kind: Kind::SenderReport,
                by: By::Sender,
                ssrc: own,
                figures: Figures {
                    packets: row.int("packets"),
                    octets: row.int("octets"),
                    ntp_time: time(row, "ntp_time"),
                    ..Figures::default()
                },
                ..common
            });
        }
        let receiver = Report { by: By::Receiver, reporter_ssrc: own, ..common };
        let first = row.int("source_ssrc").and_then(ssrc);
        if first.is_some() {
            let figures = Figures {
                fraction_lost_percent: float(row, "fraction_lost"),
                packets_lost: row.int("packets_lost"),
                highest_sequence: row.int("highest_sequence"),
                jitter: row.int("jitter").map(Jitter::Units),
                last_sr: row.int("last_sr"),
                delay_since_last_sr: row.int("delay_since_last_sr"),
                ..Figures::default()
            };
            reports.push(Report { kind: Kind::ReportBlock, ssrc: first, figures, ..receiver });
        }
        let packets = list(&self.extra["reports"]);
        let blocks = packets.clone().flat_map(|packet| list(any(packet, &["report_blocks", "Reports"])));
        for block in blocks.clone().take(BLOCKS_MAX) {
            let about = whole(any(block, &["source_ssrc", "SSRC"])).and_then(ssrc);
            if about.is_some() && about != first && block["type"] != 7 {
                reports.push(Report {
                    kind: Kind::ReportBlock,
                    ssrc: about,
                    figures: of_block(block),
                    ..receiver
                });
            }
        }
        let metrics = packets.flat_map(|packet| METRICS.iter().map(|name| &packet[*name])).chain(blocks);
        let metrics = metrics.filter(|metrics| has_metrics(metrics)).take(BLOCKS_MAX);
        let known = reports.len();
        for metrics in metrics {
            let about = whole(any(metrics, &["ssrc", "identifier", "id", "SSRC"])).and_then(ssrc).or(first);
            reports.push(Report {
                kind: Kind::VoipMetrics,
                ssrc: about,
                figures: of_metrics(metrics),
                ..receiver
            });
        }
        // A score without metrics is the agent's own estimate.
        if reports.len() == known && float(row, "mos").is_some() {
            let figures = Figures { mos: float(row, "mos"), ..Figures::default() };
            reports.push(Report {
                kind: Kind::Agent,
                ssrc: first.or(own),
                is_interval: true,
                figures,
                ..receiver
            });
        }
        reports
    }

    /// The table's columns, or each of the streams where there are two.
    fn of_report(&self) -> Vec<Report<'_>> {
        let row = self.row;
        let occasion = row.text("occasion");
        let fields = &self.extra["fields"];
        let metrics = METRICS.iter().map(|name| &fields[*name]).find(|metrics| has_metrics(metrics));
        if let Some(metrics) = metrics {
            let figures = of_metrics(metrics);
            let ssrc = row.int("ssrc").and_then(ssrc);
            return vec![Report {
                kind: Kind::VoipMetrics,
                by: By::Receiver,
                ssrc,
                figures,
                ..self.common()
            }];
        }
        let is_quality =
            matches!(occasion, Some("session" | "interval" | "alert")) || row.text("peer").is_some();
        let kind = match row.text("kind") {
            _ if is_quality => Kind::QualityReport,
            Some("horaclifix") => Kind::BorderController,
            Some("qos") => Kind::Server,
            _ => Kind::Agent,
        };
        let told = Words { kind, occasion, reporter: row.text("reporter"), peer: row.text("peer") };
        match self.extra["streams"].as_array() {
            Some(streams) => streams.iter().map(|stream| self.of_stream(&told, stream)).collect(),
            None => vec![self.of_columns(&told, fields)],
        }
    }

    /// A quality report inside a SIP message.
    fn of_sip(&self) -> Vec<Report<'_>> {
        let report = &self.extra["report"];
        let told = Words {
            kind: Kind::QualityReport,
            occasion: report["occasion"].as_str(),
            reporter: report["reporter"].as_str(),
            peer: report["peer"].as_str(),
        };
        list(&report["streams"]).map(|stream| self.of_stream(&told, stream)).collect()
    }

    fn of_stream<'t>(&'t self, told: &Words<'t>, stream: &'t Value) -> Report<'t> {
        let number = |name: &str| stream[name].as_f64();
        let text = |name: &str| stream[name].as_str();
        let figures = Figures {
            packets: whole(&stream["packets"]),
            packets_lost: whole(&stream["packets_lost"]),
            loss_percent: number("loss"),
            discard_percent: number("discard"),
            jitter: number("jitter_mean").map(Jitter::Millis),
            jitter_max_ms: number("jitter_max"),
            round_trip_ms: number("round_trip"),
            one_way_ms: number("latency"),
            r_factor: number("r_factor"),
            mos: number("mos"),
            mos_lq: number("mos_lq"),
            mos_cq: number("mos_cq"),
            codec: text("codecs"),
            ..Figures::default()
        };
        let ends = (text("stream_src"), text("stream_dst"));
        self.put_together(told, text("direction"), ends, whole(&stream["ssrc"]), figures, &stream["fields"])
    }

    fn of_columns<'t>(&'t self, told: &Words<'t>, fields: &'t Value) -> Report<'t> {
        let row = self.row;
        let figures = Figures {
            packets: row.int("packets"),
            packets_lost: row.int("packets_lost"),
            loss_percent: float(row, "loss"),
            discard_percent: float(row, "discard"),
            jitter: float(row, "jitter_mean").map(Jitter::Millis),
            jitter_max_ms: float(row, "jitter_max"),
            round_trip_ms: row.int("round_trip").map(|millis| millis as f64),
            one_way_ms: float(row, "latency"),
            r_factor: float(row, "r_factor"),
            mos: float(row, "mos"),
            mos_lq: float(row, "mos_lq"),
            mos_cq: float(row, "mos_cq"),
            codec: row.text("codecs"),
            ..Figures::default()
        };
        let ends = (row.text("stream_src"), row.text("stream_dst"));
        self.put_together(told, row.text("direction"), ends, row.int("ssrc"), figures, fields)
    }

    fn put_together<'t>(
        &'t self,
        told: &Words<'t>,
        direction: Option<&str>,
        (stream_src, stream_dst): (Option<&'t str>, Option<&'t str>),
        about: Option<i64>,
        figures: Figures<'t>,
        fields: &Value,
    ) -> Report<'t> {
        let field = |name: &str| {
            let (_, value) = fields.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            number(value)
        };
        let is_quality = told.kind == Kind::QualityReport;
        let has_kind = figures.mos_lq.is_some() || figures.mos_cq.is_some();
        let figures = Figures {
            // The column stands for one of the others.
            mos: figures.mos.filter(|_| !has_kind),
            // What phones call the delay of one direction is from mouth to ear.
            is_one_way_whole: is_quality,
            burst_density_percent: field("BLD"),
            burst_duration_ms: field("BD"),
            gap_density_percent: field("GLD"),
            gap_duration_ms: field("GD"),
            end_system_ms: field("ESD"),
            signal_level: field("SL"),
            noise_level: field("NL"),
            echo_return_loss: field("RERL"),
            payload_type: field("PT")
                .filter(|number| (0.0..128.0).contains(number))
                .map(|number| number as u8),
            ..figures
        };
        let common = self.common();
        // How the report itself travels says nothing of the media, but for the host that sends it.
        let is_sent_by_end = is_quality || told.kind == Kind::BorderController;
        let host = End { port: None, ..common.src };
        let (src, dst) = match (is_sent_by_end, direction) {
            (false, _) => (common.src, common.dst),
            (true, Some("out")) => (End::default(), host),
            (true, _) => (host, End::default()),
        };
        Report {
            kind: told.kind,
            by: if is_sent_by_end { By::Receiver } else { By::Between },
            src,
            dst,
            stream_src: stream_src.map(end),
            stream_dst: stream_dst.map(end),
            ssrc: about.and_then(ssrc),
            // What an end tells of the other direction the other end has told it.
            reporter: match direction {
                Some("out") if is_quality => told.peer.or(told.reporter),
                _ => told.reporter,
            },
            is_interval: matches!(told.occasion, Some("interval" | "alert" | "periodic")),
            figures,
            ..common
        }
    }
}

/// What a quality report says of itself.
struct Words<'t> {
    kind: Kind,
    occasion: Option<&'t str>,
    reporter: Option<&'t str>,
    peer: Option<&'t str>,
}

fn of_block(block: &Value) -> Figures<'_> {
    let number = |names: &[&str]| whole(any(block, names));
    Figures {
        fraction_lost_percent: number(&["fraction_lost", "FractionLost"])
            .filter(|fraction| (0..256).contains(fraction))
            .map(|fraction| fraction as f64 * 100.0 / 256.0),
        packets_lost: number(&["packets_lost", "TotalLost"]),
        highest_sequence: number(&["highest_seq_no", "LastSequenceNumber"]),
        jitter: number(&["ia_jitter", "Jitter"]).map(Jitter::Units),
        last_sr: number(&["lsr", "LastSenderReport"]),
        delay_since_last_sr: number(&["dlsr", "Delay"]),
        ..Figures::default()
    }
}

/// heplify writes metrics for every packet, all zero where there were none.
fn has_metrics(metrics: &Value) -> bool {
    let names = [
        "loss_rate",
        "LossRate",
        "discard_rate",
        "DiscardRate",
        "r_factor",
        "RFactor",
        "R_fact",
        "mos_lq",
        "MOSLQ",
        "MOS_LQ",
        "round_trip_delay",
        "RoundTripDelay",
    ];
    let has_loss = ["loss_rate", "LossRate"].iter().any(|name| !metrics[*name].is_null());
    has_loss && names.iter().any(|name| number(&metrics[*name]).is_some_and(|number| number != 0.0))
}

/// RFC 3611 4.7 under the names of heplify, captagent and Pion.
fn of_metrics(metrics: &Value) -> Figures<'_> {
    let named = |names: &[&str]| number(any(metrics, names));
    let of_256 = |value: Option<f64>| {
        value.filter(|rate| (0.0..256.0).contains(rate)).map(|rate| rate * 100.0 / 256.0)
    };
    // Some print the sign, some the byte.
    let level = |value: Option<f64>| value.map(|level| if level > 127.0 { level - 256.0 } else { level });
    let tenths = |value: Option<f64>| {
        value.filter(|score| *score > 0.0).map(|score| if score <= 5.0 { score } else { score / 10.0 })
    };
    let (mos_lq, mos_cq) =
        (tenths(named(&["mos_lq", "MOSLQ", "MOS_LQ"])), tenths(named(&["mos_cq", "MOSCQ", "MOS_CQ"])));
    let r_factor = named(&["r_factor", "RFactor", "R_fact"]);
    Figures {
        loss_percent: of_256(named(&["loss_rate", "LossRate"])),
        discard_percent: of_256(named(&["discard_rate", "DiscardRate"])),
        burst_density_percent: of_256(named(&["burst_density", "BurstDensity", "burst_rate"])),
        gap_density_percent: of_256(named(&["gap_density", "GapDensity", "gap_rate"])),
        burst_duration_ms: named(&["burst_duration", "BurstDuration"]),
        gap_duration_ms: named(&["gap_duration", "GapDuration"]),
        round_trip_ms: named(&["round_trip_delay", "RoundTripDelay"]).filter(|millis| *millis > 0.0),
        end_system_ms: named(&["end_system_delay", "EndSystemDelay", "end_sys_delay"]),
        signal_level: level(named(&["signal_level", "SignalLevel", "signal_lev"]))
            .filter(|level| *level != 0.0),
        noise_level: level(named(&["noise_level", "NoiseLevel", "noise_lev"])).filter(|level| *level != 0.0),
        echo_return_loss: named(&["rerl", "RERL"]).filter(|level| *level > 0.0),
        r_factor: r_factor.filter(|factor| *factor > 0.0 || mos_lq.is_some()),
        mos_lq,
        mos_cq,
        ..Figures::default()
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_array().map_or(&[][..], Vec::as_slice).iter()
}

fn any<'v>(value: &'v Value, names: &[&str]) -> &'v Value {
    names.iter().map(|name| &value[*name]).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

/// Agents write numbers as texts too.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite())
}

fn whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| number(value).filter(|number| number.abs() < 9e15).map(|number| number.round() as i64))
}

fn ssrc(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

fn float(row: &Row, field: &str) -> Option<f64> {
    match row.cell(field)? {
        Cell::Float(number) => Some(*number),
        Cell::Int(number) => Some(*number as f64),
        _ => None,
    }
}

fn time(row: &Row, field: &str) -> Option<i64> {
    match row.cell(field)? {
        Cell::Time(time) => Some(time.0),
        _ => None,
    }
}

/// `192.0.2.1:4000`, `[2001:db8::1]:4000`, or the address alone.
fn end(text: &str) -> End<'_> {
    let split = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').map(|(ip, rest)| (ip, rest.strip_prefix(':'))),
        None if text.matches(':').count() == 1 => text.split_once(':').map(|(ip, port)| (ip, Some(port))),
        None => None,
    };
    match split {
        Some((ip, port)) => End { ip: Some(ip), port: port.and_then(|port| port.parse().ok()) },
        None => End { ip: Some(text), port: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_as_they_are_written() {
        let read = |text| (end(text).ip, end(text).port);
        assert_eq!(read("192.0.2.1:4000"), (Some("192.0.2.1"), Some(4000)));
        assert_eq!(read("[2001:db8::1]:4000"), (Some("2001:db8::1"), Some(4000)));
        assert_eq!(read("2001:db8::1"), (Some("2001:db8::1"), None));
        assert_eq!(read("192.0.2.1"), (Some("192.0.2.1"), None));
    }
}
