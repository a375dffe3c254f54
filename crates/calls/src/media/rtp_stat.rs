use super::Agreed;
use super::report::{By, Figures, Jitter, Kind, Report};
use crate::message::{End, Message};

/// What phones say at the end of a call in `X-RTP-Stat` of a BYE or its answer: one report on what they received, one on
/// what they sent.
///
/// The media's own addresses are those of the session descriptions, as the header is passed on by proxies.
pub fn rtp_stats<'a>(message: &Message<'a>, agreed: &'a Agreed) -> Vec<Report<'a>> {
    if message.raw.is_empty() || !matches!(message.method, Some("BYE")) {
        return Vec::new();
    }
    let read = message.sip();
    let Some(stat) = read.rtp_stat() else { return Vec::new() };
    let (own_tag, other_tag) = match message.is_request() {
        true => (message.from_tag, message.to_tag),
        false => (message.to_tag, message.from_tag),
    };
    let end = |tag: Option<&str>| tag.and_then(|tag| agreed.audio_end(tag));
    // Several numbers: of here first, then of the other side.
    let number = |name: &str| {
        let value = stat.value(name.as_bytes())?;
        let text = std::str::from_utf8(value).ok()?;
        text.split([',', '/']).next()?.trim().parse::<f64>().ok()
    };
    let whole = |name: &str| number(name).filter(|number| number.abs() < 9e15).map(|number| number as i64);
    let text = |name: &str| stat.value(name.as_bytes()).and_then(|value| std::str::from_utf8(value).ok());
    let common = Report {
        id: message.id,
        at: message.at,
        kind: Kind::RtpStat,
        src: End { port: None, ..message.src },
        dst: End { port: None, ..message.dst },
        reporter: own_tag,
        ..Report::default()
    };
    let received = Report {
        by: By::Receiver,
        stream_src: end(other_tag),
        stream_dst: end(own_tag),
        figures: Figures {
            packets: whole("PR"),
            octets: whole("OR"),
            packets_lost: whole("PL"),
            jitter: number("JI").map(Jitter::Millis),
            codec: text("DE").filter(|name| !name.is_empty()),
            ..Figures::default()
        },
        ..common
    };
    let sent = Report {
        by: By::Sender,
        stream_src: end(own_tag),
        stream_dst: end(other_tag),
        figures: Figures {
            packets: whole("PS"),
            octets: whole("OS"),
            codec: text("EN").filter(|name| !name.is_empty()),
            ..Figures::default()
        },
        ..common
    };
    [received, sent].into_iter().filter(|report| report.figures.packets.is_some()).collect()
}
