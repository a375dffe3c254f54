//! What a session description (RFC 8866) says that rules compare. Bounded whatever the description holds.

use sip::sdp::{Direction, Media};

use crate::message::{Message, words};

/// Media lines and codecs that are read of one description: real ones have fewer.
const MEDIA_MAX: usize = 16;
const CODECS_MAX: usize = 64;
/// SDES suites of one media line: RFC 4568 and its successors name fewer.
const CRYPTOS_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    /// `audio`, `video`.
    pub(crate) kind: String,
    pub(crate) address: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) direction: Direction,
    pub(crate) codecs: Vec<Codec>,
    /// ICE (RFC 8839) finds its own addresses.
    pub(crate) has_ice: bool,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `UDPTL`, in upper case.
    pub(crate) protocol: String,
    /// Packet time, and the longest that is taken, in milliseconds (RFC 8866 6.4, 6.5).
    pub(crate) ptime: Option<u32>,
    pub(crate) ptime_max: Option<u32>,
    /// Suites of SDES keys with their tags (RFC 4568).
    pub(crate) cryptos: Vec<(Option<u32>, String)>,
    /// The certificate of DTLS-SRTP is named (RFC 8122).
    pub(crate) has_fingerprint: bool,
    /// `actpass`, `active`, `passive` (RFC 4145).
    pub(crate) setup: Option<String>,
    /// The default address is none of the candidates (RFC 8839 5.1).
    pub(crate) has_ice_mismatch: bool,
    /// Candidates are named, or follow later (RFC 8840).
    pub(crate) has_candidates: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codec {
    /// As the media line names it: the payload type for RTP.
    pub(crate) format: String,
    /// In upper case: names do not distinguish case (RFC 8866 6.6).
    pub(crate) name: String,
    pub(crate) clock_rate: Option<u32>,
}

impl Stream {
    /// A media line with port 0 is refused (RFC 3264 6).
    pub(crate) fn is_refused(&self) -> bool {
        self.port == Some(0)
    }
}

/// The streams of the message's session description; `None` if it has none.
pub(crate) fn streams(message: &Message<'_>) -> Option<Vec<Stream>> {
    let description = message.sip().sdp()?;
    Some(description.media().take(MEDIA_MAX).map(|media| stream(&media)).collect())
}

fn stream(media: &Media<'_>) -> Stream {
    Stream {
        kind: words(media.kind).into_owned(),
        address: media.connection().map(|connection| words(connection.address).into_owned()),
        port: media.port,
        direction: media.direction(),
        codecs: media
            .codecs()
            .take(CODECS_MAX)
            .map(|codec| Codec {
                format: words(codec.format).into_owned(),
                name: words(codec.name).to_ascii_uppercase(),
                clock_rate: codec.clock_rate(),
            })
            .collect(),
        has_ice: media.attribute(b"ice-ufrag").is_some(),
        protocol: words(media.protocol).to_ascii_uppercase(),
        ptime: media.ptime_milliseconds(),
        ptime_max: media.attribute(b"maxptime").and_then(number),
        cryptos: media
            .attributes()
            .cryptos()
            .take(CRYPTOS_MAX)
            .map(|crypto| (crypto.tag, words(crypto.suite).to_ascii_uppercase()))
            .collect(),
        has_fingerprint: media.attribute(b"fingerprint").is_some(),
        setup: media.attribute(b"setup").map(|setup| words(setup).to_ascii_lowercase()),
        has_ice_mismatch: media.attribute(b"ice-mismatch").is_some(),
        has_candidates: media.attribute(b"candidate").is_some()
            || media.attribute(b"ice-options").is_some_and(|options| words(options).contains("trickle")),
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

/// Tones and comfort noise go beside a codec, they are none to talk with.
pub(crate) fn carries_voice(codec: &Codec) -> bool {
    !matches!(codec.name.as_str(), "TELEPHONE-EVENT" | "CN" | "RED" | "RTX" | "ULPFEC" | "TONE")
}

/// `PCMA, PCMU`, each once.
pub(crate) fn names<'a>(codecs: impl IntoIterator<Item = &'a Codec>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for codec in codecs {
        if !names.contains(&codec.name) {
            names.push(codec.name.clone());
        }
    }
    names
}
