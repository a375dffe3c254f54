use crate::bytes::{number_u32, split_once, split_word};

use super::line::Lines;

/// One attribute line (RFC 8866 5.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The name.
    pub name: &'a [u8],
    /// What follows the colon; `None` for a flag such as `sendrecv`.
    pub value: Option<&'a [u8]>,
}

/// The attributes of a session or of one media: those before the next `m=` line.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    lines: Lines<'a>,
}

impl<'a> Attributes<'a> {
    #[inline]
    pub(crate) fn new(lines: Lines<'a>) -> Self {
        Self { lines }
    }

    /// The value of the first attribute called `name`; empty for a flag.
    pub fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut all = *self;
        all.find(|attribute| attribute.name == name).map(|attribute| attribute.value.unwrap_or_default())
    }

    /// `crypto` lines: SDES keys of SRTP (RFC 4568 9.1).
    pub fn cryptos(&self) -> impl Iterator<Item = Crypto<'a>> + use<'a> {
        self.filter(|attribute| attribute.name == b"crypto")
            .filter_map(|attribute| attribute.value.map(Crypto::parse))
    }

    /// `ice-ufrag` (RFC 8839 5.4).
    pub fn ice_ufrag(&self) -> Option<&'a [u8]> {
        self.value(b"ice-ufrag")
    }

    /// `fingerprint` (RFC 8122 5): the certificate of DTLS-SRTP.
    pub fn fingerprint(&self) -> Option<Fingerprint<'a>> {
        self.value(b"fingerprint").map(|value| {
            let (hash, digest) = split_word(value);
            Fingerprint { hash, digest }
        })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        let line = self.lines.find_in_block(b'a')?;
        let (name, value) = split_once(line.value, b':');
        Some(Attribute { name, value })
    }
}

/// Which way media flows, seen by who wrote the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `sendrecv`.
    SendReceive,
    /// `sendonly`: the other side is on hold.
    SendOnly,
    /// `recvonly`.
    ReceiveOnly,
    /// `inactive`.
    Inactive,
}

impl Direction {
    /// The direction an attribute name says.
    pub fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"sendrecv" => Some(Self::SendReceive),
            b"sendonly" => Some(Self::SendOnly),
            b"recvonly" => Some(Self::ReceiveOnly),
            b"inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    /// The attribute name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// A `crypto` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crypto<'a> {
    /// The tag that an answer repeats.
    pub tag: Option<u32>,
    /// `AES_CM_128_HMAC_SHA1_80` and the like.
    pub suite: &'a [u8],
    /// The key, with `inline:` before it, and session parameters. A secret: mask it before it is shown.
    pub key: &'a [u8],
}

impl<'a> Crypto<'a> {
    /// Reads the value of the attribute.
    pub fn parse(value: &'a [u8]) -> Self {
        let (tag, rest) = split_word(value);
        let (suite, key) = split_word(rest);
        Self { tag: number_u32(tag), suite, key }
    }
}

/// A `fingerprint` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint<'a> {
    /// `sha-256` and the like.
    pub hash: &'a [u8],
    /// Hexadecimal pairs between colons.
    pub digest: &'a [u8],
}
