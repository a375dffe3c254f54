//! What the call's session descriptions agree on: which codec a stream has, hence its clock and its parameters.

use media::emodel;
use sip::sdp::Media;

use super::gather::{Group, is_same};
use crate::message::{End, Message, words};

/// Descriptions' media lines that are kept of one call: each leg has a few, each hold some more.
const LINES_MAX: usize = 256;
const MEDIA_MAX: usize = 16;
const CODECS_MAX: usize = 64;

/// What the E-model needs of a codec.
type TableCodec = &'static emodel::Codec;

/// The media lines of a call's offers and answers.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    lines: Vec<Line>,
}

/// One media line as one side wrote it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) kind: String,
    ip: String,
    port: i32,
    call_id: String,
    /// Of the side that wrote it.
    tag: Option<String>,
    /// Its place in the description.
    place: usize,
    is_answer: bool,
    codecs: Vec<LineCodec>,
}

#[derive(Clone, Debug, PartialEq)]
struct LineCodec {
    payload_type: Option<u8>,
    name: String,
    clock_rate: Option<u32>,
    /// G.729 without annex B has no comfort noise, and other parameters.
    is_without_annex_b: bool,
}

/// The codec of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamCodec {
    /// As it was told.
    pub name: String,
    /// Hz.
    pub clock_rate: Option<u32>,
    pub source: CodecSource,
    /// What the E-model knows of it.
    pub table: Option<TableCodec>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecSource {
    /// A report names it.
    Reported,
    /// The answer of the call's session descriptions has it first.
    Agreed,
}

impl CodecSource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Agreed => "agreed",
        }
    }
}

impl Agreed {
    /// From the messages of a call, in time order. Only those with a description are read.
    pub fn of<'m, 'a: 'm>(messages: impl IntoIterator<Item = &'m Message<'a>>) -> Self {
        let mut agreed = Self::default();
        for message in messages {
            if agreed.lines.len() >= LINES_MAX {
                break;
            }
            if !message.raw.is_empty()
                && matches!(message.method, Some("INVITE" | "ACK" | "UPDATE" | "PRACK"))
            {
                agreed.add(message);
            }
        }
        agreed
    }

    fn add(&mut self, message: &Message<'_>) {
        let Some(description) = message.sip().sdp() else { return };
        let tag = if message.is_request() { message.from_tag } else { message.to_tag };
        // A description in a reply answers, unless the request had none; which side offered makes no difference here.
        let call_id = message.call_id.unwrap_or_default();
        let is_answer = !message.is_request()
            || message.is("ACK") && self.lines.iter().any(|line| line.call_id == call_id);
        for (place, media) in description.media().take(MEDIA_MAX).enumerate() {
            let Some(port) = media.port.filter(|port| *port != 0) else { continue };
            let Some(connection) = media.connection() else { continue };
            self.lines.push(Line {
                kind: words(media.kind).into_owned(),
                ip: words(connection.address).into_owned(),
                port: i32::from(port),
                call_id: call_id.to_owned(),
                tag: tag.map(str::to_owned),
                place,
                is_answer,
                codecs: codecs(&media),
            });
        }
    }

    /// Where a side wants its audio, by its tag: as it said first, before anybody rewrote it.
    pub(super) fn audio_end(&self, tag: &str) -> Option<End<'_>> {
        let own = self.lines.iter().find(|line| line.kind == "audio" && line.tag.as_deref() == Some(tag))?;
        Some(End { ip: Some(&own.ip), port: Some(own.port) })
    }

    /// The media line that a stream goes to, or else comes from. Where no address fits but all that was agreed is one kind
    /// of media, the first line stands for all.
    pub(super) fn line(&self, group: &Group<'_, '_>) -> Option<&Line> {
        let at = |end: End<'_>| {
            let is_own = |line: &&Line| {
                end.port.is_some() && is_same(end, End { ip: Some(&line.ip), port: Some(line.port) })
            };
            self.lines.iter().find(is_own)
        };
        let places = group.accounts.iter().map(|account| account.place);
        let found = at(group.to).or_else(|| at(group.from)).or_else(|| places.into_iter().find_map(at));
        found.or_else(|| {
            let first = self.lines.first()?;
            self.lines.iter().all(|line| line.kind == first.kind).then_some(first)
        })
    }

    pub(super) fn codec(&self, group: &Group<'_, '_>, line: Option<&Line>) -> Option<StreamCodec> {
        let decided = line.map(|line| self.decided(line)).unwrap_or_default();
        let own = group.accounts.iter().flat_map(|account| &account.reports);
        let mut told = own.chain(&group.sent).map(|report| &report.figures);
        let named = told.clone().find_map(|figures| figures.codec);
        if let Some(name) = named {
            let table = known(name, false);
            let same = decided.iter().find(|codec| is_alike(&codec.name, name));
            return Some(StreamCodec {
                name: words(name.as_bytes()).into_owned(),
                clock_rate: same.and_then(|codec| codec.clock_rate).or_else(|| usual_clock_rate(name)),
                source: CodecSource::Reported,
                table: same.and_then(LineCodec::table).or(table),
            });
        }
        if let Some(number) = told.find_map(|figures| figures.payload_type) {
            let own = decided.iter().find(|codec| codec.payload_type == Some(number));
            if let Some(codec) = own {
                return Some(codec.stream(CodecSource::Reported));
            }
            let name = sip::sdp::encoding_name(number).and_then(|name| std::str::from_utf8(name).ok());
            if let Some(name) = name {
                return Some(StreamCodec {
                    name: name.to_owned(),
                    clock_rate: usual_clock_rate(name),
                    source: CodecSource::Reported,
                    table: known(name, false),
                });
            }
        }
        decided.first().map(|codec| codec.stream(CodecSource::Agreed))
    }

    /// The codecs of a line that carry media: those of the answer in its place, of the first one that there was; without an
    /// answer, of the offer if it has but one.
    fn decided(&self, line: &Line) -> Vec<LineCodec> {
        let is_media = |codec: &&LineCodec| {
            !matches!(codec.name.as_str(), "TELEPHONE-EVENT" | "CN" | "RED" | "RTX" | "ULPFEC" | "TONE")
        };
        let answer = self
            .lines
            .iter()
            .find(|other| other.is_answer && other.call_id == line.call_id && other.place == line.place);
        let of = |line: &Line| line.codecs.iter().filter(is_media).cloned().collect::<Vec<_>>();
        match answer {
            Some(answer) => of(answer),
            None => Some(of(line)).filter(|codecs| codecs.len() == 1).unwrap_or_default(),
        }
    }
}

fn codecs(media: &Media<'_>) -> Vec<LineCodec> {
    let codecs = media.codecs().take(CODECS_MAX).map(|codec| {
        let payload_type = std::str::from_utf8(codec.format).ok().and_then(|format| format.parse().ok());
        let parameters = media.fmtp(codec.format).map(|parameters| words(parameters).to_ascii_lowercase());
        LineCodec {
            payload_type,
            name: words(codec.name).to_ascii_uppercase(),
            clock_rate: codec.clock_rate(),
            is_without_annex_b: parameters.is_some_and(|text| text.replace(' ', "").contains("annexb=no")),
        }
    });
    codecs.collect()
}

impl LineCodec {
    fn table(&self) -> Option<TableCodec> {
        known(&self.name, self.is_without_annex_b)
    }

    fn stream(&self, source: CodecSource) -> StreamCodec {
        StreamCodec { name: self.name.clone(), clock_rate: self.clock_rate, source, table: self.table() }
    }
}

fn is_alike(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || known(one, false).is_some_and(|table| known(other, false) == Some(table))
}

/// The codec's parameters, by its name in SDP or as phones write it: `G.711`, `G711U`, `g722`.
fn known(name: &str, is_without_annex_b: bool) -> Option<TableCodec> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    let usual = match plain.to_ascii_uppercase().as_str() {
        "G711" | "G711U" | "G711A" | "ULAW" | "ALAW" | "G711ULAW" | "G711ALAW" => "PCMU",
        "G729" if is_without_annex_b => return emodel::named("G.729"),
        "G729" | "G729A" | "G729AB" => "G729",
        "G7231" => "G723",
        "G722" => "G722",
        "AMRWB" => "AMR-WB",
        _ => name,
    };
    emodel::codec(usual)
}

/// RFC 3551 6, RFC 7587 4.1, RFC 4867 8; not all name theirs.
fn usual_clock_rate(name: &str) -> Option<u32> {
    let name = name.to_ascii_uppercase();
    match name.as_str() {
        "OPUS" => Some(48_000),
        "AMR-WB" | "EVS" => Some(16_000),
        _ => known(&name, false).map(|_| 8_000),
    }
}
