use core::ops::ControlFlow;

use crate::bytes::{number, split_word};

use super::attributes::{Attributes, Direction};
use super::codec::Codecs;
use super::line::{Line, Lines};
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
    lines: Lines<'a>,
    session: Description<'a>,
    session_connection: Option<&'a [u8]>,
}

impl<'a> Media<'a> {
    /// Where to send this media: its own connection line, else that of the session.
    #[inline]
    pub fn connection(&self) -> Option<Connection<'a>> {
        let own = self.lines().find(|line| line.kind == b'c').map(|line| line.value);
        own.or(self.session_connection).map(Connection::parse)
    }

    /// The lines after the `m=` line.
    #[inline]
    pub fn lines(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        self.lines.take_while(|line| line.kind != b'm')
    }

    /// The attributes of this media. Those of the session count too where the media is silent: see
    /// [`Media::attribute`].
    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.lines)
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
        Codecs::new(self.formats(), self.lines)
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

    fn parse(
        value: &'a [u8],
        lines: Lines<'a>,
        session: Description<'a>,
        connection: Option<&'a [u8]>,
    ) -> Self {
        let (kind, rest) = split_word(value);
        let (ports, rest) = split_word(rest);
        let (protocol, formats) = split_word(rest);
        let (port, count) = crate::bytes::split_once(ports, b'/');
        Self {
            kind,
            port: port_number(port),
            port_count: count.and_then(port_number),
            protocol,
            formats,
            raw: value,
            lines,
            session,
            session_connection: connection,
        }
    }
}

fn port_number(digits: &[u8]) -> Option<u16> {
    number(digits).and_then(|port| u16::try_from(port).ok())
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
        let (word, rest) = split_word(self.rest);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

/// The media of a description.
#[derive(Clone, Copy, Debug)]
pub struct MediaIter<'a> {
    session: Description<'a>,
    connection: Option<&'a [u8]>,
    lines: Lines<'a>,
    started: bool,
}

impl<'a> MediaIter<'a> {
    #[inline]
    pub(crate) fn new(session: Description<'a>) -> Self {
        Self { session, connection: None, lines: session.lines(), started: false }
    }
}

impl<'a> Iterator for MediaIter<'a> {
    type Item = Media<'a>;

    #[inline]
    fn next(&mut self) -> Option<Media<'a>> {
        let Self { session, connection, lines, started } = self;
        let found = lines.try_for_each(|line| match line.kind {
            b'm' => ControlFlow::Break(line.value),
            b'c' if !*started && connection.is_none() => {
                *connection = Some(line.value);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        });
        let ControlFlow::Break(value) = found else { return None };
        *started = true;
        Some(Media::parse(value, *lines, *session, *connection))
    }
}
