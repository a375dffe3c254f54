//! Session descriptions (RFC 8866), read lazily: any bytes give a description.
//!
//! ```
//! let text = b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
//!     m=audio 21000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n";
//! let description = sip::sdp::Description::parse(text);
//! let audio = description.media().next().expect("one media line");
//! assert_eq!(audio.kind, b"audio");
//! assert_eq!(audio.port, Some(21000));
//! assert_eq!(audio.connection().expect("of the session").address, b"192.0.2.1");
//! let names: Vec<_> = audio.codecs().map(|codec| codec.name).collect();
//! assert_eq!(names, [&b"PCMA"[..], b"telephone-event"]);
//! ```

mod attributes;
mod codec;
mod line;
mod media;

pub use attributes::{Attribute, Attributes, Crypto, Direction, Fingerprint};
pub use codec::{Codec, Codecs, encoding_name};
pub use line::{Line, Lines};
pub use media::{Formats, Media, MediaIter};

use crate::bytes::{number, split_word};

/// A session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    /// All of it.
    pub raw: &'a [u8],
}

/// The origin line (RFC 8866 5.2): who made the description, and which version of it this is. Proxies and
/// many B2BUAs carry the ids through, which joins legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// `-` when the sender has no users.
    pub username: &'a [u8],
    /// The session id, a number as a rule.
    pub session_id: &'a [u8],
    /// Grows by one with each change of the description.
    pub session_version: &'a [u8],
    /// The address of the sender.
    pub address: &'a [u8],
}

/// A connection line (RFC 8866 5.7): where media is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `IP4` or `IP6`.
    pub address_type: &'a [u8],
    /// The address without the time-to-live of multicast. `0.0.0.0` puts a call on hold (RFC 3264 8.4).
    pub address: &'a [u8],
}

impl<'a> Description<'a> {
    /// Takes any bytes for a description.
    #[inline]
    pub fn parse(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// Every line, in order.
    #[inline]
    pub fn lines(&self) -> Lines<'a> {
        Lines::new(self.raw)
    }

    /// The lines before the first media.
    pub fn session_lines(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        self.lines().take_while(|line| line.kind != b'm')
    }

    /// `v=`: the version, 0.
    pub fn version(&self) -> Option<u64> {
        self.session_value(b'v').and_then(number)
    }

    /// `o=`.
    pub fn origin(&self) -> Option<Origin<'a>> {
        self.session_value(b'o').map(Origin::parse)
    }

    /// `s=`: the name of the session, often `-`.
    pub fn session_name(&self) -> Option<&'a [u8]> {
        self.session_value(b's')
    }

    /// `c=` of the session.
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.session_value(b'c').map(Connection::parse)
    }

    /// The attributes of the session.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.lines())
    }

    /// The media, in order.
    #[inline]
    pub fn media(&self) -> MediaIter<'a> {
        MediaIter::new(*self)
    }

    fn session_value(&self, kind: u8) -> Option<&'a [u8]> {
        self.lines().find_in_block(kind).map(|line| line.value)
    }
}

impl<'a> Origin<'a> {
    /// Reads `username id version nettype addrtype address`.
    pub fn parse(value: &'a [u8]) -> Self {
        let mut words = value.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        let mut word = || words.next().unwrap_or_default();
        let (username, session_id, session_version) = (word(), word(), word());
        let (_net_type, _address_type) = (word(), word());
        Self { username, session_id, session_version, address: word() }
    }
}

impl<'a> Connection<'a> {
    /// Reads `nettype addrtype address[/ttl][/count]`.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Self {
        let (_net_type, rest) = split_word(value);
        let (address_type, address) = split_word(rest);
        let end = address.iter().position(|byte| matches!(byte, b'/' | b' ')).unwrap_or(address.len());
        Self { address_type, address: crate::bytes::head(address, end) }
    }
}
