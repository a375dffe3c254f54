use crate::bytes::{head, is_blank, number, split_word, sub, tail};

use super::attributes::{Attributes, Direction};
use super::codec::Codecs;
use super::line::Lines;
use super::{Connection, Description};

/// One media description (RFC 8866 5.14): a `m=` line and what follows up to the next.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    /// `audio`, `video`, `image`, `application`.
    pub kind: &'a [u8],
    /// The port; 0 refuses or ends the media (RFC 3264 6).
    pub port: Option<u16>,
    /// How many ports, where more than one is asked for (`49170/2`).
    pub port_count: Option<u16>,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl`.
    pub protocol: &'a [u8],
    /// The formats as written: payload types for RTP.
    pub formats: &'a [u8],
    /// The value of the `m=` line.
    pub raw: &'a [u8],
    /// The lines after the `m=` line.
    block: &'a [u8],
    session: Description<'a>,
    /// The value of the connection line of this media, else of the session.
    connection: Option<&'a [u8]>,
    /// The block from its first `rtpmap` line on.
    maps: &'a [u8],
}

impl<'a> Media<'a> {
    /// Where to send this media: its own connection line, else that of the session.
    #[inline]
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.connection.map(Connection::parse)
    }

    /// The lines after the `m=` line.
    pub fn lines(&self) -> Lines<'a> {
        Lines::of_part(self.block, self.session.raw)
    }

    /// The attributes of this media. Those of the session count too where the media is silent: see
    /// [`Media::attribute`].
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.lines())
    }

    /// The value of the attribute called `name`: of the media, else of the session; empty for a flag.
    pub fn attribute(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.attributes().value(name).or_else(|| self.session.attributes().value(name))
    }

    /// The formats one by one.
    #[inline]
    pub fn formats(&self) -> Formats<'a> {
        Formats { rest: self.formats }
    }

    /// The codecs, in the order of the formats, named by `rtpmap` or by the fixed list of RFC 3551.
    #[inline]
    pub fn codecs(&self) -> Codecs<'a> {
        Codecs::new(self.formats(), Lines::of_part(self.maps, self.session.raw))
    }

    /// The format parameters of payload type `format` (RFC 8866 6.15).
    pub fn fmtp(&self, format: &[u8]) -> Option<&'a [u8]> {
        self.attributes().find_map(|attribute| {
            let (key, value) = split_word(attribute.value.filter(|_| attribute.name == b"fmtp")?);
            (key == format).then_some(value)
        })
    }

    /// Packet time in milliseconds (RFC 8866 6.4), if it is a whole number.
    pub fn ptime_milliseconds(&self) -> Option<u32> {
        self.attribute(b"ptime").and_then(crate::bytes::number_u32)
    }

    /// Direction (RFC 8866 6.7): of the media, else of the session, else `sendrecv`.
    pub fn direction(&self) -> Direction {
        let named =
            |mut attributes: Attributes<'a>| attributes.find_map(|attribute| Direction::of(attribute.name));
        named(self.attributes())
            .or_else(|| named(self.session.attributes()))
            .unwrap_or(Direction::SendReceive)
    }

    /// The port of RTCP where it is not the next one (RFC 3605), if it is a number.
    pub fn rtcp_port(&self) -> Option<u16> {
        let (port, _address) = split_word(self.attribute(b"rtcp")?);
        port_number(port)
    }

    /// Whether RTCP shares the port (RFC 5761).
    pub fn is_rtcp_mux(&self) -> bool {
        self.attributes().value(b"rtcp-mux").is_some()
    }

    /// Reads the value of a `m=` line.
    #[inline]
    fn parse(value: &'a [u8], session: Description<'a>) -> Self {
        let (kind, rest) = split_blank(value);
        let (ports, rest) = split_blank(rest);
        let (protocol, formats) = split_blank(rest);
        let (port, port_count) = match ports.iter().position(|&byte| byte == b'/') {
            None => (port_number(ports), None),
            Some(slash) => (port_number(head(ports, slash)), port_number(tail(ports, slash + 1))),
        };
        Self {
            kind,
            port,
            port_count,
            protocol,
            formats,
            raw: value,
            block: &[],
            session,
            connection: None,
            maps: &[],
        }
    }
}

#[inline]
fn port_number(digits: &[u8]) -> Option<u16> {
    number(digits).and_then(|port| u16::try_from(port).ok())
}

/// Splits at the first blank; the blanks before the first word go.
#[inline]
fn split_blank(text: &[u8]) -> (&[u8], &[u8]) {
    let mut text = text;
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    match text.iter().position(|&byte| is_blank(byte)) {
        Some(end) => (head(text, end), tail(text, end + 1)),
        None => (text, &[]),
    }
}

/// The formats of a media line.
#[derive(Clone, Copy, Debug)]
pub struct Formats<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Formats<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (word, rest) = split_blank(self.rest);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

/// The media of a description.
#[derive(Clone, Copy, Debug)]
pub struct MediaIter<'a> {
    session: Description<'a>,
    /// The value of the connection line of the session.
    connection: Option<&'a [u8]>,
    lines: Lines<'a>,
    /// The value of the `m=` line met last.
    next: Option<&'a [u8]>,
}

impl<'a> MediaIter<'a> {
    #[inline]
    pub(crate) fn new(session: Description<'a>) -> Self {
        let mut lines = session.lines();
        let mut connection = None;
        let mut next = None;
        while let Some((kind, start, end)) = lines.step() {
            if kind == b'm' {
                next = Some(lines.value(start, end));
                break;
            } else if kind == b'c' && connection.is_none() {
                connection = Some(lines.value(start, end));
            }
        }
        Self { session, connection, lines, next }
    }
}

impl<'a> Iterator for MediaIter<'a> {
    type Item = Media<'a>;

    /// Reads the lines up to the next `m=` line once, and remembers what nearly everybody asks for.
    #[inline]
    fn next(&mut self) -> Option<Media<'a>> {
        let mut media = Media::parse(self.next.take()?, self.session);
        let mut lines = self.lines;
        let block = lines.at();
        let (mut block_end, mut maps) = (block, None);
        while let Some((kind, start, end)) = lines.step() {
            match kind {
                b'a' if maps.is_none() && tail(self.session.raw, start).starts_with(b"a=rtpmap:") => {
                    maps = Some(start);
                }
                b'c' if media.connection.is_none() => media.connection = Some(lines.value(start, end)),
                b'm' => {
                    self.next = Some(lines.value(start, end));
                    break;
                }
                _ => {}
            }
            block_end = lines.at();
        }
        self.lines = lines;
        media.block = sub(self.session.raw, block, block_end);
        media.maps = maps.map_or(&[], |maps| sub(self.session.raw, maps, block_end));
        media.connection = media.connection.or(self.connection);
        Some(media)
    }
}
