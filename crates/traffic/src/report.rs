//! What the media relay and the proxy say beside SIP: RTCP as JSON in rtpengine's dialect, and log lines.

use crate::identity::{derived, purpose, push_decimal};
use crate::scenario::Scenario;
use crate::script::Line;
use crate::session::{Parties, REPORT_EVERY_MICROS, Session};

/// From 1900, where NTP counts from, to 1970.
const NTP_EPOCH_SECONDS: i64 = 2_208_988_800;
const PACKETS_PER_SECOND: u64 = 50;
const OCTETS_PER_PACKET: u64 = 160;
/// Of so many reports the first of each side names its source (RFC 3550 section 6.3.9 lets names come less often).
const SDES_EVERY: u16 = 8;
/// RFC 3550 section 12.1.
const SENDER_REPORT: u64 = 200;
const RECEIVER_REPORT: u64 = 201;

/// Appends a sender report of one party, with what it says about the other's stream.
pub(crate) fn append_rtcp(session: &Session, report: u16, at_micros: i64, out: &mut Vec<u8>) {
    let of_caller = session.report_is_callers(report);
    let (own, other) = if of_caller {
        (purpose::STREAM_CALLER, purpose::STREAM_CALLEE)
    } else {
        (purpose::STREAM_CALLEE, purpose::STREAM_CALLER)
    };
    let own_source = derived(session.identity, own) & 0xffff_ffff;
    let other_source = derived(session.identity, other) & 0xffff_ffff;
    let packets = packets_sent(session, at_micros);
    let chance = derived(session.identity, 1_000 + u64::from(report));
    let media = Media::of(session.scenario, own_source, chance, packets);
    // The last report of the other side came somewhere in the interval before this one.
    let held = Some(chance % (REPORT_EVERY_MICROS as u64 / 2));
    let said = Said { own_source, other_source, sent: Some(packets), heard: packets, held, media };
    append_report(&said, at_micros, out);
    if report % SDES_EVERY < 2 {
        out.pop();
        let mut pair = |text: &str, number: u64| push_pair(out, text, number);
        pair(",\"sdes_report_count\":1,\"sdes_information\":[{\"sdes_chunk_ssrc\":", own_source);
        pair(",\"type\":1,\"text\":\"", own_source);
        out.extend_from_slice(b"@media\"}]}");
    }
}

/// How many packets a side has sent since the talk began.
pub(crate) fn packets_sent(session: &Session, at_micros: i64) -> u64 {
    let talked_micros = (at_micros - session.answered_micros).max(0) as u64;
    talked_micros * PACKETS_PER_SECOND / 1_000_000
}

/// What a sender or receiver report says (RFC 3550 section 6.4).
pub(crate) struct Said {
    pub(crate) own_source: u64,
    pub(crate) other_source: u64,
    /// Packets of its own; `None` of who sends none.
    pub(crate) sent: Option<u64>,
    /// Packets of the other, with those that were lost.
    pub(crate) heard: u64,
    /// For how many microseconds it has held the other's last report; `None` if it got none.
    pub(crate) held: Option<u64>,
    pub(crate) media: Media,
}

/// Appends it as JSON in rtpengine's dialect.
pub(crate) fn append_report(said: &Said, at_micros: i64, out: &mut Vec<u8>) {
    let seconds = at_micros.div_euclid(1_000_000) + NTP_EPOCH_SECONDS;
    let fraction = (at_micros.rem_euclid(1_000_000) as u64) << 32;
    let fraction = fraction / 1_000_000;
    let last = said.held.map_or(0, |held| {
        (((seconds as u64) << 16) | (fraction >> 16)).wrapping_sub((held << 16) / 1_000_000) & 0xffff_ffff
    });

    let mut pair = |text: &str, number: u64| push_pair(out, text, number);
    if let Some(packets) = said.sent {
        pair("{\"sender_information\":{\"ntp_timestamp_sec\":", seconds as u64);
        pair(",\"ntp_timestamp_usec\":", fraction);
        pair(",\"octets\":", packets * OCTETS_PER_PACKET);
        pair(",\"rtp_timestamp\":", packets * OCTETS_PER_PACKET + (said.own_source >> 4));
        pair(",\"packets\":", packets);
        pair("},\"ssrc\":", said.own_source);
        pair(",\"type\":", SENDER_REPORT);
    } else {
        pair("{\"ssrc\":", said.own_source);
        pair(",\"type\":", RECEIVER_REPORT);
    }
    pair(",\"report_count\":1,\"report_blocks\":[{\"source_ssrc\":", said.other_source);
    pair(",\"highest_seq_no\":", said.heard + (said.other_source & 0x7fff));
    pair(",\"fraction_lost\":", said.media.fraction_lost);
    pair(",\"ia_jitter\":", said.media.jitter);
    pair(",\"packets_lost\":", said.media.packets_lost);
    pair(",\"lsr\":", last);
    pair(",\"dlsr\":", (said.held.unwrap_or(0) << 16) / 1_000_000);
    out.extend_from_slice(b"}]}");
}

pub(crate) fn push_pair(out: &mut Vec<u8>, text: &str, number: u64) {
    out.extend_from_slice(text.as_bytes());
    push_decimal(out, number);
}

/// How well the other side is heard.
pub(crate) struct Media {
    /// Of 256.
    pub(crate) fraction_lost: u64,
    pub(crate) packets_lost: u64,
    /// In units of the 8 kHz clock.
    pub(crate) jitter: u64,
}

impl Media {
    fn of(scenario: Scenario, stream: u64, chance: u64, packets: u64) -> Self {
        if scenario == Scenario::PoorMedia {
            // Each stream has its own loss, around which reports vary: the total never goes back.
            let mean = 8 + stream % 44;
            return Self {
                fraction_lost: mean * 3 / 4 + chance % (mean / 2),
                packets_lost: packets * mean / 256,
                jitter: 200 + (chance >> 8) % 700,
            };
        }
        let fraction_lost = u64::from(chance.is_multiple_of(16));
        Self { fraction_lost, packets_lost: packets / 2_000, jitter: 4 + (chance >> 8) % 36 }
    }
}

/// Appends a line as the proxy logs it when a call fails.
pub(crate) fn append_log(line: Line, parties: Parties<'_>, out: &mut Vec<u8>) {
    let (head, tail) = match line {
        Line::GatewayRefused => ("WARNING: route(FAIL): ", " answered 503, no other gateway left for "),
        Line::NoReply => ("ERROR: route(FAIL): ", " did not reply to 6 INVITEs in 30 s, giving up on "),
        Line::NotRegistered => {
            ("NOTICE: route(LOCATION): ", " was the last contact, none registered now for ")
        }
    };
    let (host, callee) = (&parties.callee.host, &parties.callee.number);
    for part in [head, host, tail, callee, " called by ", &parties.caller.number] {
        out.extend_from_slice(part.as_bytes());
    }
}
