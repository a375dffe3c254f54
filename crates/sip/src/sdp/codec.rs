use crate::bytes::{head, number, number_u32, split_once, tail, trim};

use super::line::Lines;
use super::media::Formats;

/// One codec of a media line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec<'a> {
    /// The format as the media line names it: the payload type for RTP.
    pub format: &'a [u8],
    /// The encoding name: of the `rtpmap` line, else of RFC 3551, else the format itself.
    pub name: &'a [u8],
    /// What follows the name and its slash: `clock rate[/channels]`.
    parameters: &'a [u8],
}

impl Codec<'_> {
    /// The RTP clock in Hz, where known.
    pub fn clock_rate(&self) -> Option<u32> {
        number_u32(split_once(self.parameters, b'/').0)
    }

    /// Audio channels, where written.
    pub fn channels(&self) -> Option<u32> {
        split_once(self.parameters, b'/').1.and_then(number_u32)
    }
}

/// The codecs of a media line, in its order.
#[derive(Clone, Copy, Debug)]
pub struct Codecs<'a> {
    formats: Formats<'a>,
    /// The lines of the media from the first `rtpmap` on.
    maps: Lines<'a>,
    /// Behind the `rtpmap` line found last: they mostly come in the order of the formats.
    ahead: Lines<'a>,
    /// How often the search may start again. Without a limit, a hostile description of many formats and many lines
    /// would cost their product.
    restarts: u32,
}

/// More than the formats of any real media line that have no `rtpmap` or stand in another order than theirs.
const RESTARTS_MAX: u32 = 64;

impl<'a> Codecs<'a> {
    #[inline]
    pub(crate) fn new(formats: Formats<'a>, maps: Lines<'a>) -> Self {
        Self { formats, maps, ahead: maps, restarts: RESTARTS_MAX }
    }

    /// The `rtpmap` value of `format`, searched from where the last one was, then from the start.
    #[inline]
    fn rtpmap(&mut self, format: &[u8]) -> Option<&'a [u8]> {
        let found = next_rtpmap(&mut self.ahead, format);
        if found.is_some() || self.restarts == 0 {
            return found;
        }
        self.restarts -= 1;
        self.ahead = self.maps;
        next_rtpmap(&mut self.ahead, format)
    }
}

impl<'a> Iterator for Codecs<'a> {
    type Item = Codec<'a>;

    #[inline]
    fn next(&mut self) -> Option<Codec<'a>> {
        let format = self.formats.next()?;
        Some(match self.rtpmap(format) {
            Some(encoding) => {
                let slash = encoding.iter().position(|&byte| byte == b'/').unwrap_or(encoding.len());
                Codec { format, name: head(encoding, slash), parameters: tail(encoding, slash + 1) }
            }
            None => {
                let (name, parameters) = fixed(format);
                Codec { format, name, parameters }
            }
        })
    }
}

/// Steps to the `rtpmap` line of `format`, or to the end, and gives what follows the payload type.
#[inline]
fn next_rtpmap<'a>(ahead: &mut Lines<'a>, format: &[u8]) -> Option<&'a [u8]> {
    while let Some((kind, start, end)) = ahead.step() {
        if kind != b'a' {
            continue;
        }
        let Some(rest) = ahead.text(start, end).strip_prefix(b"a=rtpmap:") else { continue };
        let same = rest.iter().zip(format).take_while(|(byte, other)| byte == other).count();
        if same == format.len()
            && let [b' ' | b'\t', encoding @ ..] = tail(rest, same)
        {
            return Some(trim(encoding));
        }
    }
    None
}

/// The encoding name of a payload type that needs no `rtpmap` (RFC 3551 6).
pub fn encoding_name(payload_type: u8) -> Option<&'static [u8]> {
    assigned(payload_type.into()).map(|(name, _)| name)
}

/// The encoding of the payload types that need no `rtpmap`, else the format itself.
#[cold]
fn fixed(format: &[u8]) -> (&[u8], &[u8]) {
    number(format).and_then(assigned).unwrap_or((format, b""))
}

/// RFC 3551 6.
fn assigned(payload_type: u64) -> Option<(&'static [u8], &'static [u8])> {
    let (name, parameters): (&[u8], &[u8]) = match payload_type {
        0 => (b"PCMU", b"8000"),
        3 => (b"GSM", b"8000"),
        4 => (b"G723", b"8000"),
        5 => (b"DVI4", b"8000"),
        6 => (b"DVI4", b"16000"),
        7 => (b"LPC", b"8000"),
        8 => (b"PCMA", b"8000"),
        9 => (b"G722", b"8000"),
        10 => (b"L16", b"44100/2"),
        11 => (b"L16", b"44100/1"),
        12 => (b"QCELP", b"8000"),
        13 => (b"CN", b"8000"),
        14 => (b"MPA", b"90000"),
        15 => (b"G728", b"8000"),
        16 => (b"DVI4", b"11025"),
        17 => (b"DVI4", b"22050"),
        18 => (b"G729", b"8000"),
        25 => (b"CelB", b"90000"),
        26 => (b"JPEG", b"90000"),
        28 => (b"nv", b"90000"),
        31 => (b"H261", b"90000"),
        32 => (b"MPV", b"90000"),
        33 => (b"MP2T", b"90000"),
        34 => (b"H263", b"90000"),
        _ => return None,
    };
    Some((name, parameters))
}
