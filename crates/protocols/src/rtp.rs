//! RTP (RFC 3550 5.1): the header of a media packet. What it carries is no concern of a search and stays in `raw`.

use hep::Packet;
use media::rtp;
use model::{Field, Kind, Rows, Table, Unit, Value};

use crate::flags::{BAD_RTP, NOT_RTP};
use crate::summary::Summary;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "rtp",
    hep_types: &[4],
    table: &TABLE,
    doc: "RTP packets, as agents send that capture media",
    understand,
};

static TABLE: Table = Table {
    name: "rtp",
    doc: "RTP packets: their headers in columns",
    // Fifty a second for each stream, and rarely asked for later.
    retention_days: 3,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "The header in a line"),
        Field::new("rtp_version", Kind::Int16, "Version, 2 (RFC 3550 5.1)"),
        Field::new("payload_type", Kind::Int16, "Payload type (RFC 3550 5.1)").facet(),
        Field::new(
            "codecs",
            Kind::Text,
            "Codec that the payload type stands for, if it is one of the fixed ones (RFC 3551 6)",
        )
        .facet(),
        Field::new("ssrc", Kind::Int64, "SSRC of the stream (RFC 3550 5.1)"),
        Field::new("sequence", Kind::Int32, "Sequence number (RFC 3550 5.1)"),
        Field::new("rtp_timestamp", Kind::Int64, "Sampling instant in units of the RTP clock (RFC 3550 5.1)"),
        Field::new("marker", Kind::Bool, "Marker: begins a talk spurt or ends a frame (RFC 3551 4.1)"),
        Field::new(
            "extension",
            Kind::Int32,
            "Profile number of the header extension (RFC 3550 5.3.1), 48862 for RFC 8285",
        ),
        Field::new("media_size", Kind::Int32, "Bytes of media, without header and padding").unit(Unit::Bytes),
    ],
};

/// The fixed part of the header.
const HEADER_LENGTH: usize = 12;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let bytes: &[u8] = &packet.payload;
    if bytes.is_empty() {
        return;
    }
    if rtp::is_rtcp(bytes) {
        return draft.flag(NOT_RTP);
    }
    match rtp::Packet::parse(bytes) {
        Ok(read) => columns(&read, true, draft),
        Err(rtp::Refusal::Version(_)) => draft.flag(NOT_RTP),
        // Agents cut packets to save bandwidth: what the header announces may be gone, itself it is not.
        Err(_) => {
            draft.flag(BAD_RTP);
            let Some(mut fixed) = bytes.first_chunk::<HEADER_LENGTH>().copied() else { return };
            fixed[0] &= 0xc0;
            if let Ok(read) = rtp::Packet::parse(&fixed) {
                columns(&read, false, draft);
            }
        }
    }
}

/// In the order of the table.
fn columns(read: &rtp::Packet<'_>, is_whole: bool, draft: &mut Draft<'_>) {
    let name = sip::sdp::encoding_name(read.payload_type).and_then(|name| std::str::from_utf8(name).ok());
    let payload_type = format!("payload type {}", read.payload_type);
    let summary = Summary::of("RTP")
        .word(name.unwrap_or(&payload_type))
        .word(&format!("ssrc {:#010x}", read.ssrc))
        .word(&format!("sequence {} timestamp {}", read.sequence, read.timestamp))
        .word(if read.marker { "marker" } else { "" });
    draft.push(summary.finish());
    draft.push(2);
    draft.push(i64::from(read.payload_type));
    draft.push(name);
    draft.push(i64::from(read.ssrc));
    draft.push(i64::from(read.sequence));
    draft.push(i64::from(read.timestamp));
    draft.values.push(Value::Bool(read.marker));
    draft.push(read.extension.map(|(profile, _)| i64::from(profile)));
    draft.push(i64::try_from(read.payload.len()).ok().filter(|_| is_whole));
    let contributors: Vec<String> = read.contributors().map(|ssrc| ssrc.to_string()).collect();
    if !contributors.is_empty() {
        draft.extra.json("csrc", &format!("[{}]", contributors.join(",")));
    }
}
