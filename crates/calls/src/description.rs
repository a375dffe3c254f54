//! What a session description (RFC 8866) says that rules compare. Bounded whatever the description holds.

use sip::sdp::{Description, Direction, Media};

use crate::message::{Message, words};

/// Media lines and codecs that are read of one description: real ones have fewer.
const MEDIA_MAX: usize = 16;
const CODECS_MAX: usize = 64;

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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codec {
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
    Some(description.media().take(MEDIA_MAX).map(|media| stream(&description, &media)).collect())
}

fn stream(description: &Description<'_>, media: &Media<'_>) -> Stream {
    Stream {
        kind: words(media.kind).into_owned(),
        address: media.connection().map(|connection| words(connection.address).into_owned()),
        port: media.port,
        direction: media.direction(),
        codecs: media
            .codecs()
            .take(CODECS_MAX)
            .map(|codec| Codec {
                name: words(codec.name).to_ascii_uppercase(),
                clock_rate: codec.clock_rate(),
            })
            .collect(),
        has_ice: media.attributes().ice_ufrag().is_some() || description.attributes().ice_ufrag().is_some(),
    }
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
