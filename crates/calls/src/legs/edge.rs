//! Why two legs belong together.

/// What joins two legs; the score says how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// They share a half of Session-ID (RFC 7989).
    SessionId,
    /// A header that the operator named holds the Call-ID of the other, or the same in both.
    Header,
    /// HEP's correlation id, or OpenSIPS' links.
    Correlation,
    /// One replaces, joins or means the dialog of the other (RFC 3891, 3911, 4538).
    Replaces,
    /// icid-value of P-Charging-Vector (RFC 7315 4.6).
    Icid,
    CiscoGuid,
    /// The Call-ID of one is that of the other and an ending.
    CallIdSuffix,
    /// Both are with the same conference (RFC 4579).
    Conference,
    /// The number that REFER named is called by who was asked to (RFC 3515).
    Refer,
    /// One follows the other, with the same origin of its session description (RFC 8866 5.2).
    SdpOrigin,
    /// One follows the other, with the same address and port for media.
    MediaAddress,
    /// One follows the other, with the same ice-ufrag (RFC 8839).
    Ice,
    /// One follows the other, with the same certificate (RFC 8122).
    Fingerprint,
    /// One follows the other in time, from the machine that the other went to, with the same numbers.
    Numbers,
    /// So, and what happens in one happens in the other, whatever their numbers.
    Timing,
}

impl Rule {
    pub const ALL: [Self; 15] = [
        Self::SessionId,
        Self::Header,
        Self::Correlation,
        Self::Replaces,
        Self::Icid,
        Self::CiscoGuid,
        Self::CallIdSuffix,
        Self::Conference,
        Self::Refer,
        Self::SdpOrigin,
        Self::MediaAddress,
        Self::Ice,
        Self::Fingerprint,
        Self::Numbers,
        Self::Timing,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionId => "session_id",
            Self::Header => "header",
            Self::Correlation => "correlation",
            Self::Replaces => "replaces",
            Self::Icid => "icid",
            Self::CiscoGuid => "cisco_guid",
            Self::CallIdSuffix => "call_id_suffix",
            Self::Conference => "conference",
            Self::Refer => "refer",
            Self::SdpOrigin => "sdp_origin",
            Self::MediaAddress => "media_address",
            Self::Ice => "ice",
            Self::Fingerprint => "fingerprint",
            Self::Numbers => "numbers",
            Self::Timing => "timing",
        }
    }

    /// Why, in a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Self::SessionId => "both have a half of Session-ID",
            Self::Header => "a header names the other leg, or both have the same value in it",
            Self::Correlation => "the capture agent gave both the same correlation id",
            Self::Replaces => "one names the dialog of the other: Replaces, Join or Target-Dialog",
            Self::Icid => "both have the icid-value of one charging vector",
            Self::CiscoGuid => "both have the same Cisco-Guid",
            Self::CallIdSuffix => "the Call-ID is that of the other with an ending",
            Self::Conference => "both are with the same conference",
            Self::Refer => "REFER in one asked for the other",
            Self::SdpOrigin => "the origin of the session description was carried through",
            Self::MediaAddress => "the media address was carried through",
            Self::Ice => "the ICE user fragment was carried through",
            Self::Fingerprint => "the DTLS fingerprint was carried through",
            Self::Numbers => "the numbers agree, and one begins where the other ends, right after it",
            Self::Timing => "what happened in one happened in the other at the same time",
        }
    }
}

/// Whether an edge joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The legs are of one call.
    Certain,
    /// They may be: the evidence is thin, or fits another leg as well.
    Possible,
    /// It looked so until something stronger tied the leg elsewhere.
    Withdrawn,
}

impl Standing {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Possible => "possible",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Two legs by their Call-IDs, and why they are joined. Several rules may join the same two.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Of rules about a leg that follows another, the one that is followed.
    pub from: String,
    pub to: String,
    pub rule: Rule,
    /// 1 is proof.
    pub score: f64,
    pub standing: Standing,
    /// The messages that show it.
    pub evidence: Vec<i64>,
}
