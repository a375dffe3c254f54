//! What is known of one Call-ID, as far as it can join it to others.

use super::number::Number;

/// Names that one leg may have or say: real ones have some ten.
pub(crate) const MARKS_MAX: usize = 64;
/// Longer names are passed over: real ones have some ten to a hundred letters.
pub(crate) const MARK_BYTES_MAX: usize = 256;
/// Shorter ones are a flag or a counter, and say nothing.
const MARK_BYTES_MIN: usize = 4;

/// One Call-ID on all hops it was seen on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    pub call_id: String,
    /// Microseconds since 1970.
    pub first: i64,
    pub last: i64,
    /// The message that opens it.
    pub opening: i64,
    /// The address it comes from; with its port where both ends of the hop are one machine.
    pub source: Option<String>,
    /// The addresses its INVITE was sent to, on all hops; so, too.
    pub hosts: Vec<String>,
    /// From, P-Asserted-Identity, Remote-Party-ID.
    pub callers: Vec<Number>,
    /// Request-URI and To.
    pub callees: Vec<Number>,
    /// Of Diversion: who was called before.
    pub diverted: Vec<Number>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) referrals: Vec<Referral>,
    /// Another dialog took its place, or it that of another: its end is not that of the call.
    pub(crate) is_moved: bool,
    pub(crate) ringing: Option<Moment>,
    pub(crate) answered: Option<Moment>,
    pub(crate) refused: Option<Moment>,
    pub(crate) status: Option<i64>,
    pub(crate) cancelled: Option<Moment>,
    pub(crate) ended: Option<Moment>,
}

/// When something happened, and the message that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: i64,
    pub(crate) message: i64,
}

/// A name that another leg may have or say too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) kind: MarkKind,
    pub(crate) value: String,
    pub(crate) message: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum MarkKind {
    CallId,
    /// The Call-ID without what a B2BUA put behind it.
    Suffix,
    /// Of a header that the operator named.
    Header,
    /// HEP's correlation id and its like.
    Correlation,
    /// The dialog that is replaced, joined or meant: Replaces, Join, Target-Dialog, also inside Refer-To.
    Replaces,
    SessionId,
    Icid,
    CiscoGuid,
    /// The Contact of a conference (RFC 4579 5.2).
    Focus,
    Origin,
    Media,
    Ice,
    Fingerprint,
}

impl MarkKind {
    /// Kinds of one space are compared with each other.
    pub(crate) fn space(self) -> Self {
        match self {
            Self::Suffix | Self::Header | Self::Correlation | Self::Replaces => Self::CallId,
            own => own,
        }
    }

    /// Whether it joins only legs that follow one another: what a phone may say in all its calls.
    pub(crate) fn is_media(self) -> bool {
        matches!(self, Self::Origin | Self::Media | Self::Ice | Self::Fingerprint)
    }
}

/// REFER: somebody else is to be called (RFC 3515).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Referral {
    pub(crate) moment: Moment,
    pub(crate) target: Number,
    /// Who was asked to call.
    pub(crate) asked: String,
}

impl Leg {
    /// Says that a record of it carries an id that other legs may have: HEP's correlation chunk, OpenSIPS' links.
    pub fn correlate(&mut self, id: &str, message: i64) {
        if id != self.call_id {
            self.mark(MarkKind::Correlation, id, message);
        }
    }

    /// What it names other legs by: their Call-IDs, or ids that they say too. Where the ids are looked for, other legs are
    /// found.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.marks.iter().filter(|mark| mark.kind.space() == MarkKind::CallId);
        names.filter(|mark| mark.kind != MarkKind::CallId).map(|mark| mark.value.as_str())
    }

    /// Halves of Session-ID, in lower case.
    pub fn session_ids(&self) -> impl Iterator<Item = &str> {
        self.marks.iter().filter(|mark| mark.kind == MarkKind::SessionId).map(|mark| mark.value.as_str())
    }

    /// When somebody was asked to call another, the last time.
    pub fn referred(&self) -> Option<i64> {
        self.referrals.iter().map(|referral| referral.moment.at).max()
    }

    /// The numbers that somebody was asked to call.
    pub fn referred_to(&self) -> impl Iterator<Item = &Number> {
        self.referrals.iter().map(|referral| &referral.target)
    }

    pub(crate) fn mark(&mut self, kind: MarkKind, value: &str, message: i64) {
        let value = value.trim();
        let is_known = || self.marks.iter().any(|known| known.kind == kind && known.value == value);
        if !(MARK_BYTES_MIN..=MARK_BYTES_MAX).contains(&value.len())
            || self.marks.len() >= MARKS_MAX
            || is_nothing(value)
            || is_known()
        {
            return;
        }
        self.marks.push(Mark { kind, value: value.to_owned(), message });
    }

    /// When it was over for the capture: BYE, or the final answer.
    pub(crate) fn closed(&self) -> Option<Moment> {
        self.ended.or(self.refused).or(self.cancelled)
    }
}

/// What stands where there is no name.
fn is_nothing(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b'0' | b'-')) || ["none", "null", "unknown"].contains(&value)
}
