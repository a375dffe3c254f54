//! Which header is it: known names and their compact forms.

use crate::bytes::sub;

/// Declares the known headers once: variant, long name, and the other names it is written under.
macro_rules! names {
    ($($(#[doc = $doc:literal])* $variant:ident = $text:literal $(| $alias:literal)*;)*) => {
        /// A header this crate knows by name. Names compare without case (RFC 3261 7.3.1); compact forms
        /// (RFC 3261 7.3.3 and the IANA registry) mean the same as the long ones.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Name { $($(#[doc = $doc])* $variant),* }

        impl Name {
            /// Every known name.
            pub const ALL: &'static [Name] = &[$(Name::$variant),*];

            /// The name as its standard writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Name::$variant => $text),* }
            }
        }

        const SPELLINGS: &[Spelling] = &[$(Spelling::new(Name::$variant, $text), $(Spelling::new(Name::$variant, $alias),)*)*];

        #[cfg(test)]
        const TEXTS: &[(Name, &str)] = &[$((Name::$variant, $text), $((Name::$variant, $alias),)*)*];
    };
}

// The first `Name::INDEXED` of these have their place remembered by the header walk: what every record needs.
names! {
    /// Via, RFC 3261 20.42.
    Via = "Via" | "v";
    /// From, RFC 3261 20.20.
    From = "From" | "f";
    /// To, RFC 3261 20.39.
    To = "To" | "t";
    /// Call-ID, RFC 3261 20.8.
    CallId = "Call-ID" | "i";
    /// CSeq, RFC 3261 20.16.
    CSeq = "CSeq";
    /// Contact, RFC 3261 20.10.
    Contact = "Contact" | "m";
    /// User-Agent, RFC 3261 20.41.
    UserAgent = "User-Agent";
    /// Server, RFC 3261 20.35.
    Server = "Server";
    /// P-Asserted-Identity, RFC 3325 9.1.
    PAssertedIdentity = "P-Asserted-Identity";
    /// Authorization, RFC 3261 20.7.
    Authorization = "Authorization";
    /// Proxy-Authorization, RFC 3261 20.28.
    ProxyAuthorization = "Proxy-Authorization";
    /// Reason, RFC 3326.
    Reason = "Reason";
    /// Session-ID, RFC 7989 and its legacy form RFC 7329.
    SessionId = "Session-ID";
    /// Content-Type, RFC 3261 20.15.
    ContentType = "Content-Type" | "c";
    /// Content-Length, RFC 3261 20.14.
    ContentLength = "Content-Length" | "l";
    /// Expires, RFC 3261 20.19.
    Expires = "Expires";
    /// Max-Forwards, RFC 3261 20.22.
    MaxForwards = "Max-Forwards";
    /// Record-Route, RFC 3261 20.30.
    RecordRoute = "Record-Route";
    /// Route, RFC 3261 20.34.
    Route = "Route";
    /// P-Preferred-Identity, RFC 3325 9.2.
    PPreferredIdentity = "P-Preferred-Identity";
    /// Remote-Party-ID, draft-ietf-sip-privacy-04.
    RemotePartyId = "Remote-Party-ID";
    /// Diversion, RFC 5806.
    Diversion = "Diversion";
    /// History-Info, RFC 7044.
    HistoryInfo = "History-Info";
    /// WWW-Authenticate, RFC 3261 20.44.
    WwwAuthenticate = "WWW-Authenticate";
    /// Proxy-Authenticate, RFC 3261 20.27.
    ProxyAuthenticate = "Proxy-Authenticate";
    /// Privacy, RFC 3323 4.2.
    Privacy = "Privacy";
    /// Warning, RFC 3261 20.43.
    Warning = "Warning";
    /// RAck, RFC 3262 7.2.
    RAck = "RAck";
    /// RSeq, RFC 3262 7.1.
    RSeq = "RSeq";
    /// X-RTP-Stat, and P-RTP-Stat or P-RTP-Stats as others write it: media counters in a BYE or its answer.
    XRtpStat = "X-RTP-Stat" | "P-RTP-Stat" | "P-RTP-Stats";
    /// Identity, RFC 8224 4 (signed caller, STIR).
    Identity = "Identity" | "y";
    /// Identity-Info, RFC 4474 (replaced by a parameter of Identity).
    IdentityInfo = "Identity-Info" | "n";
    /// P-Charging-Vector, RFC 7315 4.6.
    PChargingVector = "P-Charging-Vector";
    /// P-Charging-Function-Addresses, RFC 7315 4.5.
    PChargingFunctionAddresses = "P-Charging-Function-Addresses";
    /// P-Access-Network-Info, RFC 7315 4.4.
    PAccessNetworkInfo = "P-Access-Network-Info";
    /// P-Called-Party-ID, RFC 7315 4.2.
    PCalledPartyId = "P-Called-Party-ID";
    /// Refer-To, RFC 3515 2.1.
    ReferTo = "Refer-To" | "r";
    /// Referred-By, RFC 3892 3.
    ReferredBy = "Referred-By" | "b";
    /// Replaces, RFC 3891 6.1.
    Replaces = "Replaces";
    /// Join, RFC 3911 7.1.
    Join = "Join";
    /// Target-Dialog, RFC 4538 7.
    TargetDialog = "Target-Dialog";
    /// Session-Expires, RFC 4028 4.
    SessionExpires = "Session-Expires" | "x";
    /// Min-SE, RFC 4028 5.
    MinSe = "Min-SE";
    /// Min-Expires, RFC 3261 20.23.
    MinExpires = "Min-Expires";
    /// Retry-After, RFC 3261 20.33.
    RetryAfter = "Retry-After";
    /// Event, RFC 6665 8.2.1.
    Event = "Event" | "o";
    /// Subscription-State, RFC 6665 8.2.3.
    SubscriptionState = "Subscription-State";
    /// Allow-Events, RFC 6665 8.2.2.
    AllowEvents = "Allow-Events" | "u";
    /// Allow, RFC 3261 20.5.
    Allow = "Allow";
    /// Supported, RFC 3261 20.37.
    Supported = "Supported" | "k";
    /// Require, RFC 3261 20.32.
    Require = "Require";
    /// Unsupported, RFC 3261 20.40.
    Unsupported = "Unsupported";
    /// Subject, RFC 3261 20.36.
    Subject = "Subject" | "s";
    /// Date, RFC 3261 20.17.
    Date = "Date";
    /// Content-Encoding, RFC 3261 20.12.
    ContentEncoding = "Content-Encoding" | "e";
    /// Content-Disposition, RFC 3261 20.11.
    ContentDisposition = "Content-Disposition";
    /// Accept-Contact, RFC 3841 9.2.
    AcceptContact = "Accept-Contact" | "a";
    /// Reject-Contact, RFC 3841 9.2.
    RejectContact = "Reject-Contact" | "j";
    /// Request-Disposition, RFC 3841 9.1.
    RequestDisposition = "Request-Disposition" | "d";
    /// Path, RFC 3327 4.
    Path = "Path";
    /// Service-Route, RFC 3608 5.
    ServiceRoute = "Service-Route";
}

impl Name {
    /// How many names, from the first on, the header walk remembers by place.
    pub(crate) const INDEXED: usize = Name::Expires as usize + 1;

    /// The known header of this name, if it is one.
    ///
    /// ```
    /// assert_eq!(sip::Name::of(b"CALL-id"), Some(sip::Name::CallId));
    /// assert_eq!(sip::Name::of(b"i"), Some(sip::Name::CallId));
    /// assert_eq!(sip::Name::of(b"X-Unheard-Of"), None);
    /// ```
    pub fn of(name: &[u8]) -> Option<Name> {
        let first = if name.len() < 8 { short_word(name) } else { word_at(name, 0) };
        lookup(name, 0, name.len(), first)
    }

    /// [`Name::of`] for the walk: the name between `start` and `end`, whose first eight bytes are already loaded (they
    /// may reach beyond it).
    #[inline(always)]
    pub(crate) fn of_loaded(bytes: &[u8], start: usize, end: usize, loaded: u64) -> Option<Name> {
        match end.wrapping_sub(start) {
            length @ 0..=7 => lookup(bytes, start, length, loaded & !(u64::MAX << (8 * length))),
            length => lookup(bytes, start, length, loaded),
        }
    }

    pub(crate) const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// One way to write a name, ready to be compared in up to three machine words: the first eight bytes, the eight
/// after them, and the last eight, which overlap those before. All in lower case, zero where the name is shorter.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Spelling {
    words: [u64; 3],
    /// 0x20 where the byte is a letter: the one bit in which its two cases differ.
    cases: [u64; 3],
    length: u8,
    name: Name,
}

impl Spelling {
    const fn new(name: Name, text: &'static str) -> Self {
        let text = text.as_bytes();
        let (first, first_case) = const_word(text, 0);
        let (middle, middle_case) = if text.len() > 16 { const_word(text, 8) } else { (0, 0) };
        let (last, last_case) = if text.len() > 8 { const_word(text, text.len() - 8) } else { (0, 0) };
        Self {
            words: [first, middle, last],
            cases: [first_case, middle_case, last_case],
            length: text.len() as u8,
            name,
        }
    }
}

/// The name of `length` bytes at `start`, whose first eight bytes are `first`, zero padded.
#[inline(always)]
fn lookup(bytes: &[u8], start: usize, length: usize, first: u64) -> Option<Name> {
    let place = *BUCKETS.get(bucket(MULTIPLIER, first, length)).unwrap_or(&NO_SPELLING);
    let spelling = SPELLINGS.get(usize::from(place))?;
    let [first_case, middle_case, last_case] = spelling.cases;
    let [known_first, known_middle, known_last] = spelling.words;
    let mut differ = (first | first_case) ^ known_first;
    if length > 8 {
        differ |= (word_at(bytes, start + length - 8) | last_case) ^ known_last;
        if length > 16 {
            differ |= (word_at(bytes, start + 8) | middle_case) ^ known_middle;
            if length > 24
                && !sub(bytes, start, start + length).eq_ignore_ascii_case(spelling.name.as_str().as_bytes())
            {
                return None;
            }
        }
    }
    (differ == 0 && usize::from(spelling.length) == length).then_some(spelling.name)
}

/// The eight bytes from `at` on as a little-endian word; 0 where they are not all there.
#[inline(always)]
fn word_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

const BUCKET_BITS: u32 = 9;
const NO_SPELLING: u8 = u8::MAX;

// Every spelling has a bucket of its own: the multiplier that makes it so is searched by the compiler.
static BUCKETS: [u8; 1 << BUCKET_BITS] = buckets(MULTIPLIER);
const MULTIPLIER: u64 = multiplier();

const _: () = assert!(Name::ALL.len() <= 64, "the set of seen names is one 64-bit word");
const _: () = assert!(SPELLINGS.len() < NO_SPELLING as usize, "a bucket holds a spelling in eight bits");

/// The case bit is forced on in every byte, so that both cases of a letter fall in the same bucket.
#[inline]
const fn bucket(multiplier: u64, head: u64, length: usize) -> usize {
    let folded = (head | 0x2020_2020_2020_2020) ^ ((length as u64) << 56);
    (folded.wrapping_mul(multiplier) >> (64 - BUCKET_BITS)) as usize
}

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler: a wrong index is a build error")]
const fn buckets(multiplier: u64) -> [u8; 1 << BUCKET_BITS] {
    let mut buckets = [NO_SPELLING; 1 << BUCKET_BITS];
    let mut place = 0;
    while place < SPELLINGS.len() {
        buckets[bucket(multiplier, SPELLINGS[place].words[0], SPELLINGS[place].length as usize)] =
            place as u8;
        place += 1;
    }
    buckets
}

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler: a wrong index is a build error")]
const fn multiplier() -> u64 {
    let mut candidate: u64 = 0x9e37_79b9_7f4a_7c15;
    loop {
        let mut taken = [false; 1 << BUCKET_BITS];
        let mut place = 0;
        while place < SPELLINGS.len() {
            let bucket = bucket(candidate, SPELLINGS[place].words[0], SPELLINGS[place].length as usize);
            if taken[bucket] {
                break;
            }
            taken[bucket] = true;
            place += 1;
        }
        if place == SPELLINGS.len() {
            return candidate;
        }
        candidate = candidate.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f) | 1;
    }
}

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler: a wrong index is a build error")]
const fn const_word(bytes: &[u8], from: usize) -> (u64, u64) {
    let (mut word, mut case) = (0_u64, 0_u64);
    let mut at = 0;
    while at < 8 && from + at < bytes.len() {
        let byte = bytes[from + at].to_ascii_lowercase();
        word |= (byte as u64) << (8 * at);
        if byte.is_ascii_lowercase() {
            case |= 0x20 << (8 * at);
        }
        at += 1;
    }
    (word, case)
}

/// Up to eight bytes as one little-endian word, zero padded.
#[inline]
pub(crate) fn short_word(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_spelling_is_found_in_any_case_and_nothing_near_it() {
        for (name, text) in TEXTS {
            let plain = text.as_bytes();
            assert_eq!(Name::of(plain), Some(*name), "{text}");
            assert_eq!(Name::of(&plain.to_ascii_lowercase()), Some(*name));
            assert_eq!(Name::of(&plain.to_ascii_uppercase()), Some(*name));
            for at in 0..plain.len() {
                for flip in [0x20, 0x01, 0x80] {
                    let mut near: Vec<u8> = plain.to_vec();
                    near[at] ^= flip;
                    let expected = TEXTS.iter().find(|(_, text)| text.as_bytes().eq_ignore_ascii_case(&near));
                    assert_eq!(Name::of(&near), expected.map(|(name, _)| *name), "near {text}");
                }
            }
        }
        assert_eq!(Name::of(b""), None);
    }

    #[test]
    fn compact_forms_of_the_registry() {
        let compact = [
            (b"a", Name::AcceptContact),
            (b"b", Name::ReferredBy),
            (b"c", Name::ContentType),
            (b"d", Name::RequestDisposition),
            (b"e", Name::ContentEncoding),
            (b"f", Name::From),
            (b"i", Name::CallId),
            (b"j", Name::RejectContact),
            (b"k", Name::Supported),
            (b"l", Name::ContentLength),
            (b"m", Name::Contact),
            (b"n", Name::IdentityInfo),
            (b"o", Name::Event),
            (b"r", Name::ReferTo),
            (b"s", Name::Subject),
            (b"t", Name::To),
            (b"u", Name::AllowEvents),
            (b"v", Name::Via),
            (b"x", Name::SessionExpires),
            (b"y", Name::Identity),
        ];
        for (letter, name) in compact {
            assert_eq!(Name::of(letter), Some(name));
        }
    }
}
