use crate::bytes::{number, number_u32, split_word};

use super::line::{Line, Lines};
use super::media::Formats;

/// One codec of a media line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec<'a> {
    /// The format as the media line names it: the payload type for RTP.
    pub format: &'a [u8],
    /// The encoding name: of the `rtpmap` line, else of RFC 3551, else the format itself.
    pub name: &'a [u8],
    /// The RTP clock in Hz, where known.
    pub clock_rate: Option<u32>,
    /// Audio channels, where written.
    pub channels: Option<u32>,
}

/// The codecs of a media line, in its order.
#[derive(Clone, Copy, Debug)]
pub struct Codecs<'a> {
    formats: Formats<'a>,
    /// All lines of the media.
    lines: Lines<'a>,
    /// Behind the `rtpmap` line found last: they mostly come in the order of the formats.
    ahead: Lines<'a>,
}

impl<'a> Codecs<'a> {
    #[inline]
    pub(crate) fn new(formats: Formats<'a>, lines: Lines<'a>) -> Self {
        Self { formats, lines, ahead: lines }
    }

    /// The `rtpmap` value of `format`, searched from where the last one was, then from the start.
    #[inline]
    fn rtpmap(&mut self, format: &[u8]) -> Option<&'a [u8]> {
        let mut ahead = self.ahead;
        if let Some(value) = next_rtpmap(&mut ahead, format) {
            self.ahead = ahead;
            return Some(value);
        }
        let mut all = self.lines;
        next_rtpmap(&mut all, format)
    }
}

impl<'a> Iterator for Codecs<'a> {
    type Item = Codec<'a>;

    #[inline]
    fn next(&mut self) -> Option<Codec<'a>> {
        let format = self.formats.next()?;
        Some(match self.rtpmap(format) {
            Some(value) => {
                let mut parts = value.splitn(3, |&byte| byte == b'/');
                let mut part = || parts.next();
                let name = part().unwrap_or_default();
                Codec {
                    format,
                    name,
                    clock_rate: part().and_then(number_u32),
                    channels: part().and_then(number_u32),
                }
            }
            None => fixed(format),
        })
    }
}

/// Steps to the `rtpmap` line of `format` and gives what follows the payload type.
#[inline]
fn next_rtpmap<'a>(lines: &mut Lines<'a>, format: &[u8]) -> Option<&'a [u8]> {
    for line in lines.by_ref() {
        match line {
            Line { kind: b'm', .. } => return None,
            Line { kind: b'a', value, .. } => {
                let Some(rest) = value.strip_prefix(b"rtpmap:") else { continue };
                let (key, encoding) = split_word(rest);
                if key == format {
                    return Some(encoding);
                }
            }
            _ => {}
        }
    }
    None
}

/// The payload types that need no `rtpmap` (RFC 3551 6).
fn fixed(format: &[u8]) -> Codec<'_> {
    let (name, clock_rate) = match number(format) {
        Some(0) => ("PCMU", 8000),
        Some(3) => ("GSM", 8000),
        Some(4) => ("G723", 8000),
        Some(5) => ("DVI4", 8000),
        Some(6) => ("DVI4", 16_000),
        Some(7) => ("LPC", 8000),
        Some(8) => ("PCMA", 8000),
        Some(9) => ("G722", 8000),
        Some(10 | 11) => ("L16", 44_100),
        Some(12) => ("QCELP", 8000),
        Some(13) => ("CN", 8000),
        Some(14) => ("MPA", 90_000),
        Some(15) => ("G728", 8000),
        Some(16) => ("DVI4", 11_025),
        Some(17) => ("DVI4", 22_050),
        Some(18) => ("G729", 8000),
        Some(25) => ("CelB", 90_000),
        Some(26) => ("JPEG", 90_000),
        Some(28) => ("nv", 90_000),
        Some(31) => ("H261", 90_000),
        Some(32) => ("MPV", 90_000),
        Some(33) => ("MP2T", 90_000),
        Some(34) => ("H263", 90_000),
        _ => return Codec { format, name: format, clock_rate: None, channels: None },
    };
    Codec { format, name: name.as_bytes(), clock_rate: Some(clock_rate), channels: None }
}
