//! What a session description (RFC 8866) says that rules compare. Bounded whatever the description holds.

use std::borrow::Cow;

use sip::sdp::{Attribute, Attributes, Crypto, Direction, Media};

use crate::message::{Message, words};

/// Media lines and codecs that are read of one description: real ones have fewer.
const MEDIA_MAX: usize = 16;
const CODECS_MAX: usize = 64;
/// SDES suites of one media line: RFC 4568 and its successors name fewer.
const CRYPTOS_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream<'a> {
    /// `audio`, `video`.
    pub(crate) kind: Cow<'a, str>,
    pub(crate) address: Option<Cow<'a, str>>,
    pub(crate) port: Option<u16>,
    pub(crate) direction: Direction,
    pub(crate) codecs: Vec<Codec<'a>>,
    /// ICE (RFC 8839) finds its own addresses.
    pub(crate) has_ice: bool,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `UDPTL`, in upper case.
    pub(crate) protocol: Cow<'a, str>,
    /// Packet time, and the longest that is taken, in milliseconds (RFC 8866 6.4, 6.5).
    pub(crate) ptime: Option<u32>,
    pub(crate) ptime_max: Option<u32>,
    /// Suites of SDES keys with their tags (RFC 4568).
    pub(crate) cryptos: Vec<(Option<u32>, Cow<'a, str>)>,
    /// The certificate of DTLS-SRTP is named (RFC 8122).
    pub(crate) has_fingerprint: bool,
    /// `actpass`, `active`, `passive` (RFC 4145).
    pub(crate) setup: Option<Cow<'a, str>>,
    /// The default address is none of the candidates (RFC 8839 5.1).
    pub(crate) has_ice_mismatch: bool,
    /// Candidates are named, or follow later (RFC 8840).
    pub(crate) has_candidates: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codec<'a> {
    /// As the media line names it: the payload type for RTP.
    pub(crate) format: Cow<'a, str>,
    /// In upper case: names do not distinguish case (RFC 8866 6.6).
    pub(crate) name: Cow<'a, str>,
    pub(crate) clock_rate: Option<u32>,
}

impl Stream<'_> {
    /// A media line with port 0 is refused (RFC 3264 6).
    pub(crate) fn is_refused(&self) -> bool {
        self.port == Some(0)
    }
}

/// The streams of the message's session description; `None` if it has none.
pub(crate) fn streams<'a>(message: &Message<'a>) -> Option<Vec<Stream<'a>>> {
    // Most messages end with their headers: no need to read them. Some bodies end with an empty line, too.
    if message.raw.ends_with(b"\r\n\r\n")
        && memchr::memmem::find(&message.raw, b"\r\n\r\n") == Some(message.raw.len() - 4)
    {
        return None;
    }
    let description = message.sip().sdp()?;
    Some(description.media().take(MEDIA_MAX).map(|media| stream(&media, description.attributes())).collect())
}

fn stream<'a>(media: &Media<'a>, of_session: Attributes<'a>) -> Stream<'a> {
    let mut said = Said::default();
    for attribute in media.attributes() {
        said.note(attribute);
        if let Some(crypto) = attribute.value.filter(|_| attribute.name == b"crypto").map(Crypto::parse)
            && said.cryptos.len() < CRYPTOS_MAX
        {
            said.cryptos.push((crypto.tag, upper(crypto.suite)));
        }
    }
    // What the media is silent about, the session says for all.
    for attribute in of_session {
        said.note(attribute);
    }
    Stream {
        kind: words(media.kind),
        address: media.connection().map(|connection| words(connection.address)),
        port: media.port,
        direction: said.direction.unwrap_or(Direction::SendReceive),
        codecs: media
            .codecs()
            .take(CODECS_MAX)
            .map(|codec| Codec {
                format: words(codec.format),
                name: upper(codec.name),
                clock_rate: codec.clock_rate(),
            })
            .collect(),
        has_ice: said.has_ice,
        protocol: upper(media.protocol),
        ptime: said.ptime.and_then(number),
        ptime_max: said.ptime_max.and_then(number),
        cryptos: said.cryptos,
        has_fingerprint: said.has_fingerprint,
        setup: said.setup.map(lower),
        has_ice_mismatch: said.has_ice_mismatch,
        has_candidates: said.has_candidate
            || said.ice_options.is_some_and(|options| words(options).contains("trickle")),
    }
}

/// Attributes, each as it is said first: a description has dozens, and is walked once.
#[derive(Default)]
struct Said<'a> {
    direction: Option<Direction>,
    ptime: Option<&'a [u8]>,
    ptime_max: Option<&'a [u8]>,
    setup: Option<&'a [u8]>,
    ice_options: Option<&'a [u8]>,
    has_ice: bool,
    has_fingerprint: bool,
    has_ice_mismatch: bool,
    has_candidate: bool,
    cryptos: Vec<(Option<u32>, Cow<'a, str>)>,
}

impl<'a> Said<'a> {
    fn note(&mut self, attribute: Attribute<'a>) {
        let value = attribute.value.unwrap_or_default();
        match attribute.name {
            b"ptime" => _ = self.ptime.get_or_insert(value),
            b"maxptime" => _ = self.ptime_max.get_or_insert(value),
            b"setup" => _ = self.setup.get_or_insert(value),
            b"ice-options" => _ = self.ice_options.get_or_insert(value),
            b"ice-ufrag" => self.has_ice = true,
            b"fingerprint" => self.has_fingerprint = true,
            b"ice-mismatch" => self.has_ice_mismatch = true,
            b"candidate" => self.has_candidate = true,
            name => self.direction = self.direction.or_else(|| Direction::of(name)),
        }
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

fn upper(bytes: &[u8]) -> Cow<'_, str> {
    let text = words(bytes);
    // As it is written mostly.
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Cow::Owned(text.to_ascii_uppercase())
    } else {
        text
    }
}

fn lower(bytes: &[u8]) -> Cow<'_, str> {
    let text = words(bytes);
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        text
    }
}

/// Tones and comfort noise go beside a codec, they are none to talk with.
pub(crate) fn carries_voice(codec: &Codec<'_>) -> bool {
    !matches!(&*codec.name, "TELEPHONE-EVENT" | "CN" | "RED" | "RTX" | "ULPFEC" | "TONE")
}

/// `PCMA, PCMU`, each once.
pub(crate) fn names<'b, 'a: 'b>(codecs: impl IntoIterator<Item = &'b Codec<'a>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for codec in codecs {
        if !names.iter().any(|name| *name == codec.name) {
            names.push(codec.name.clone().into_owned());
        }
    }
    names
}
