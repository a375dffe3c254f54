//! RTCP as it was on the wire.

use media::rtcp::extended::{Block, Extended};
use media::rtcp::{Chunk, Compound, Report, ReportBlock, SourceDescription};

use super::Columns;
use crate::Draft;
use crate::extra::Extra;
use crate::flags::BAD_RTCP;
use crate::voip_metrics::VoipMetrics;

/// Packets and blocks written to `extra`: five times what fits into a packet of an Ethernet, so a real one is whole.
const LISTED_MAX: usize = 320;

pub(super) fn read<'a>(payload: &'a [u8], draft: &mut Draft<'a>) -> Columns {
    let compound = Compound::read(payload);
    if !compound.problems.is_empty() {
        draft.flag(BAD_RTCP);
    }
    further(&compound, draft);
    let metrics = compound.reports.iter().find_map(voip_metrics).unwrap_or_default();
    let cname = descriptions(&compound).flat_map(|description| &description.chunks).find_map(Chunk::cname);
    let cname = cname.map(|name| draft.text(name).into_owned());
    // A sender or receiver report says more than anything in front of it.
    let is_report = |report: &&Report<'_>| matches!(report, Report::Sender(_) | Report::Receiver(_));
    let main = compound.reports.iter().find(is_report).or(compound.reports.first());
    // Behind the end of a cut packet everything reads as zero.
    let is_whole = compound.problems.is_empty();
    let known = |number: u32| (is_whole || number != 0).then_some(i64::from(number));
    let mut columns = Columns { ssrc: main.and_then(ssrc).and_then(known), ..Columns::default() };
    if let Some(Report::Sender(report)) = main {
        columns.ntp_time = report.time.unix_micros().filter(|micros| *micros > 0);
        columns.rtp_timestamp = known(report.rtp_timestamp);
        columns.packets = known(report.packets);
        columns.octets = known(report.octets);
    }
    columns.report_type = main.map(|report| report.packet_type().into());
    if let Some(block) = main.and_then(|report| blocks(report).first()) {
        columns.source_ssrc = Some(block.ssrc.into());
        columns.fraction_lost = Some(block.loss_percent());
        columns.packets_lost = Some(block.packets_lost.into());
        columns.highest_sequence = Some(block.highest_sequence.into());
        columns.jitter = Some(block.jitter.into());
        columns.last_sr = Some(block.last_sender_report.into());
        columns.delay_since_last_sr = Some(block.delay_since.into());
    }
    columns.round_trip = metrics.round_trip_milliseconds;
    columns.r_factor = metrics.r_factor;
    columns.mos = metrics.mos();
    columns.cname = cname;
    columns
}

/// Who speaks.
fn ssrc(report: &Report<'_>) -> Option<u32> {
    Some(match report {
        Report::Sender(report) => report.ssrc,
        Report::Receiver(report) => report.ssrc,
        Report::Extended(report) => report.ssrc,
        Report::App(app) => app.ssrc,
        Report::Bye(bye) => *bye.sources.first()?,
        Report::SourceDescription(description) => description.chunks.first()?.ssrc,
        // Feedback (RFC 4585 6.1).
        Report::Other { packet_type: 205 | 206, body, .. } => u32::from_be_bytes(*body.first_chunk()?),
        _ => return None,
    })
}

fn descriptions<'c, 'a>(compound: &'c Compound<'a>) -> impl Iterator<Item = &'c SourceDescription<'a>> {
    compound.reports.iter().filter_map(|report| match report {
        Report::SourceDescription(description) => Some(description),
        _ => None,
    })
}

fn voip_metrics(report: &Report<'_>) -> Option<VoipMetrics> {
    let Report::Extended(report) = report else { return None };
    report.blocks.iter().find_map(|block| match block {
        Block::Voip(metrics) => Some(VoipMetrics::from(metrics)),
        _ => None,
    })
}

/// All packets of the compound, under the names that rtpengine gives them, if the columns do not hold it all.
fn further(compound: &Compound<'_>, draft: &mut Draft<'_>) {
    let mut packets: Vec<&Report<'_>> = compound.reports.iter().collect();
    packets.retain(|report| !matches!(report, Report::SourceDescription(_)));
    let is_all_in_columns = match packets.as_slice() {
        [] => true,
        [Report::Sender(report)] => report.blocks.len() < 2 && report.extension.is_empty(),
        [Report::Receiver(report)] => report.blocks.len() < 2 && report.extension.is_empty(),
        _ => false,
    };
    if !is_all_in_columns {
        let mut listed = 0;
        packets.retain(|report| {
            listed += 1 + blocks(report).len();
            listed <= LISTED_MAX
        });
        draft.extra.json("reports", &list(packets.into_iter().map(report)));
    }
    let items = || {
        let chunks = descriptions(compound).flat_map(|description| &description.chunks);
        chunks.flat_map(|chunk| chunk.items.iter().map(|item| (chunk.ssrc, item)))
    };
    if items().nth(1).is_some() {
        let items = items().map(|(ssrc, item)| {
            let mut object = Extra::default();
            object.integer("sdes_chunk_ssrc", ssrc.into());
            object.integer("type", item.kind.into());
            object.text("text", &String::from_utf8_lossy(item.text));
            object
        });
        draft.extra.json("sdes", &format!("[{}]", list(items)));
    }
}

fn blocks<'r>(report: &'r Report<'_>) -> &'r [ReportBlock] {
    match report {
        Report::Sender(report) => &report.blocks,
        Report::Receiver(report) => &report.blocks,
        _ => &[],
    }
}

fn report(report: &Report<'_>) -> Extra {
    let mut object = Extra::default();
    object.integer("type", report.packet_type().into());
    match report {
        Report::Sender(report) => {
            object.integer("ssrc", report.ssrc.into());
            let mut sender = Extra::default();
            sender.integer("ntp_timestamp_sec", report.time.seconds().into());
            sender.integer("ntp_timestamp_usec", report.time.fraction().into());
            sender.integer("rtp_timestamp", report.rtp_timestamp.into());
            sender.integer("packets", report.packets.into());
            sender.integer("octets", report.octets.into());
            object.json("sender_information", &sender.finish().unwrap_or_default());
            object.json("report_blocks", &list(report.blocks.iter().map(block)));
        }
        Report::Receiver(report) => {
            object.integer("ssrc", report.ssrc.into());
            object.json("report_blocks", &list(report.blocks.iter().map(block)));
        }
        Report::Extended(report) => extended(report, &mut object),
        Report::Bye(bye) => {
            let sources: Vec<String> = bye.sources.iter().map(u32::to_string).collect();
            object.json("sources", &format!("[{}]", sources.join(",")));
            if let Some(reason) = bye.reason {
                object.text("reason", &String::from_utf8_lossy(reason));
            }
        }
        Report::App(app) => {
            object.integer("ssrc", app.ssrc.into());
            object.integer("subtype", app.subtype.into());
            object.text("name", &String::from_utf8_lossy(&app.name));
        }
        // Feedback (RFC 4585 6.1): the format stands where others have a count.
        Report::Other { packet_type: 205 | 206, count, body } => {
            object.integer("format", (*count).into());
            let words = body.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
            for (key, ssrc) in ["ssrc", "source_ssrc"].into_iter().zip(words) {
                object.integer(key, ssrc.into());
            }
        }
        _ => {}
    }
    object
}

fn block(block: &ReportBlock) -> Extra {
    let mut object = Extra::default();
    object.integer("source_ssrc", block.ssrc.into());
    object.integer("fraction_lost", block.fraction_lost.into());
    object.integer("packets_lost", block.packets_lost.into());
    object.integer("highest_seq_no", block.highest_sequence.into());
    object.integer("ia_jitter", block.jitter.into());
    object.integer("lsr", block.last_sender_report.into());
    object.integer("dlsr", block.delay_since.into());
    object
}

/// RFC 3611, under the names that heplify gives the VoIP metrics.
fn extended(report: &Extended<'_>, object: &mut Extra) {
    object.integer("ssrc", report.ssrc.into());
    let metrics = report.blocks.iter().find_map(|block| match block {
        Block::Voip(metrics) => Some(metrics),
        _ => None,
    });
    if let Some(metrics) = metrics {
        let mut voip = Extra::default();
        for (key, value) in [
            ("ssrc", i64::from(metrics.ssrc)),
            ("loss_rate", metrics.loss_rate.into()),
            ("discard_rate", metrics.discard_rate.into()),
            ("burst_density", metrics.burst_density.into()),
            ("gap_density", metrics.gap_density.into()),
            ("burst_duration", metrics.burst_duration_ms.into()),
            ("gap_duration", metrics.gap_duration_ms.into()),
            ("round_trip_delay", metrics.round_trip_delay_ms.into()),
            ("end_system_delay", metrics.end_system_delay_ms.into()),
            ("signal_level", metrics.signal_level.into()),
            ("noise_level", metrics.noise_level.into()),
            ("rerl", metrics.echo_return_loss.into()),
            ("gmin", metrics.gap_minimum.into()),
            ("r_factor", metrics.r_factor.into()),
            ("ext_r_factor", metrics.external_r_factor.into()),
            ("mos_lq", metrics.mos_lq.into()),
            ("mos_cq", metrics.mos_cq.into()),
            ("rx_config", metrics.receiver_configuration.into()),
            ("jb_nominal", metrics.buffer_nominal_ms.into()),
            ("jb_maximum", metrics.buffer_maximum_ms.into()),
            ("jb_abs_max", metrics.buffer_absolute_maximum_ms.into()),
        ] {
            voip.integer(key, value);
        }
        object.json("voip_metrics", &voip.finish().unwrap_or_default());
    }
    let kinds: Vec<String> =
        report.blocks.iter().take(LISTED_MAX).map(|block| kind(block).to_string()).collect();
    object.json("blocks", &format!("[{}]", kinds.join(",")));
}

/// Block type (RFC 3611 3).
fn kind(block: &Block<'_>) -> u8 {
    match block {
        Block::ReferenceTime(_) => 4,
        Block::Dlrr(_) => 5,
        Block::Statistics(_) => 6,
        Block::Voip(_) => 7,
        Block::Other { kind, .. } => *kind,
        _ => 0,
    }
}

fn list(objects: impl Iterator<Item = Extra>) -> String {
    let objects: Vec<String> = objects.take(LISTED_MAX).filter_map(Extra::finish).collect();
    format!("[{}]", objects.join(","))
}
