use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

/// One SIP message on one hop, as far as its record tells. What is not known is `None` or empty.
#[derive(Clone, Debug, Default)]
pub struct Message<'a> {
    /// How its owner calls it; findings hand it back as proof.
    pub id: i64,
    /// Microseconds since 1970, within the seconds that HEP can say (32 bits).
    pub at: i64,
    pub src: End<'a>,
    pub dst: End<'a>,
    pub call_id: Option<&'a str>,
    /// Of a request; for a reply the method it answers.
    pub method: Option<&'a str>,
    /// Of a reply; `None` makes it a request.
    pub status: Option<i64>,
    pub cseq: Option<i64>,
    pub from_tag: Option<&'a str>,
    /// In a request: inside a dialog (RFC 3261 12).
    pub to_tag: Option<&'a str>,
    pub via_branch: Option<&'a str>,
    /// All its bytes, for what the fields above do not tell; lists leave them out.
    pub raw: Raw<'a>,
}

/// The bytes of a message, read as SIP once however often they are asked.
#[derive(Clone, Default)]
pub struct Raw<'a> {
    bytes: &'a [u8],
    /// In a box, since messages are moved more often than read.
    outline: OnceLock<Box<sip::Outline>>,
}

/// An address of a hop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct End<'a> {
    pub ip: Option<&'a str>,
    pub port: Option<i32>,
}

impl<'a> Message<'a> {
    pub(crate) fn is_request(&self) -> bool {
        self.status.is_none()
    }

    /// Methods are case-sensitive (RFC 3261 7.1).
    pub(crate) fn is(&self, method: &str) -> bool {
        self.method == Some(method)
    }

    /// Whether it is another request, not a sending or a further hop of the same.
    pub(crate) fn cseq_differs(&self, other: &Self) -> bool {
        self.cseq != other.cseq || self.from_tag != other.from_tag || self.method != other.method
    }

    /// Sent in datagrams: the sender says so in its own Via (RFC 3261 18.1.1).
    pub(crate) fn is_udp(&self) -> bool {
        self.sip().via().is_some_and(|via| via.transport.eq_ignore_ascii_case(b"UDP"))
    }

    pub(crate) fn sip(&self) -> sip::Message<'a> {
        self.raw.sip()
    }

    pub(crate) fn header(&self, name: sip::Name) -> Option<String> {
        self.sip().header(name).map(|value| words(value).into_owned())
    }
}

impl<'a> Raw<'a> {
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn sip(&self) -> sip::Message<'a> {
        match self.outline.get() {
            Some(outline) => outline.of(self.bytes),
            None => {
                let read = sip::parse(self.bytes);
                // Whoever was faster has found the same.
                let _ = self.outline.set(Box::new(read.outline().clone()));
                read
            }
        }
    }
}

impl<'a> From<&'a [u8]> for Raw<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { bytes, outline: OnceLock::new() }
    }
}

impl Deref for Raw<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.fmt(f)
    }
}

impl fmt::Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ip, self.port) {
            (None, _) => f.write_str("an unknown address"),
            (Some(ip), Some(port)) if ip.contains(':') => write!(f, "[{ip}]:{port}"),
            (Some(ip), Some(port)) => write!(f, "{ip}:{port}"),
            (Some(ip), None) => f.write_str(ip),
        }
    }
}

/// The two ends of a hop as they are told apart: by address, and by port too where both are on one machine. Else ports tell
/// less than they seem to: a connection may be named by the port it came from or by the one it listens on.
pub(crate) type Hop<'a> = (End<'a>, End<'a>);

pub(crate) fn hop_between<'a>(client: End<'a>, server: End<'a>) -> Hop<'a> {
    if client.ip == server.ip {
        return (client, server);
    }
    (End { port: None, ..client }, End { port: None, ..server })
}

/// How much of a text from a message goes into a sentence: enough for any real reason or number, and no more of a
/// hostile one.
const WORDS_MAX: usize = 120;

/// Bytes of a message as words of a sentence.
pub(crate) fn words(bytes: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes) {
        text if text.chars().count() <= WORDS_MAX => text,
        text => Cow::Owned(text.chars().take(WORDS_MAX).chain(['…']).collect()),
    }
}
