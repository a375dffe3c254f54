//! Session descriptions that something is wrong with, or that only some calls have, by name.

/// A media description in place of a phone's usual one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Described {
    name: &'static str,
    /// Where it wants its media; the usual address if empty.
    pub(crate) address: &'static str,
    /// `audio` or `image`.
    pub(crate) kind: &'static str,
    pub(crate) is_refused: bool,
    /// Protocol and formats of the media line.
    pub(crate) formats: &'static str,
    /// Attributes, each with its line end.
    pub(crate) lines: &'static str,
}

pub(crate) fn named(name: &str) -> &'static Described {
    DESCRIPTIONS.iter().find(|known| known.name == name).unwrap_or_else(|| panic!("no description {name:?}"))
}

const fn audio(name: &'static str, formats: &'static str, lines: &'static str) -> Described {
    Described { name, address: "", kind: "audio", is_refused: false, formats, lines }
}

static DESCRIPTIONS: &[Described] = &[
    audio(
        "pcma",
        "RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n",
    ),
    audio("pcma_only", "RTP/AVP 8", "a=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"),
    audio(
        "g729",
        "RTP/AVP 18 101",
        "a=rtpmap:18 G729/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n",
    ),
    audio("gsm", "RTP/AVP 3", "a=rtpmap:3 GSM/8000\r\na=sendrecv\r\n"),
    Described {
        address: "192.168.178.24",
        ..audio("private", "RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n")
    },
    audio("other_numbers", "RTP/AVP 8 96", "a=rtpmap:8 PCMA/8000\r\na=rtpmap:96 telephone-event/8000\r\n"),
    audio(
        "short_packets",
        "RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=maxptime:20\r\n",
    ),
    audio(
        "long_packets",
        "RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:60\r\n",
    ),
    audio(
        "hold",
        "RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n",
    ),
    audio(
        "held",
        "RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=recvonly\r\n",
    ),
    // The key is nobody's, and blanked where it is stored.
    audio(
        "sdes",
        "RTP/SAVP 8 101",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
    ),
    audio(
        "ice",
        "RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=candidate:1 1 UDP 2130706431 192.168.178.24 20002 typ host\r\n",
    ),
    audio(
        "ice_mismatch",
        "RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ice-mismatch\r\n",
    ),
    Described {
        kind: "image",
        ..audio("t38", "udptl t38", "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n")
    },
];
