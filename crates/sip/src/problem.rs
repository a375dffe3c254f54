//! What can be odd about a message.

use core::fmt;
use core::ops::Range;

use crate::name::Name;

/// One oddity and the bytes of the input it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is odd.
    pub kind: ProblemKind,
    /// The header it concerns, where it is one that is known.
    pub header: Option<Name>,
    /// The bytes it concerns, in the input given to the parser. Empty where something is missing.
    pub range: Range<usize>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.header {
            Some(header) => write!(out, "{}: {}", header.as_str(), self.kind.message()),
            None => out.write_str(self.kind.message()),
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $message:literal;)*) => {
        /// The kinds of oddity. [`ProblemKind::name`] is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ProblemKind { $($(#[doc = $doc])* $variant),* }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &'static [ProblemKind] = &[$(ProblemKind::$variant),*];

            /// Stable snake_case name, for counters and filters.
            pub const fn name(self) -> &'static str {
                match self { $(ProblemKind::$variant => $name),* }
            }

            /// What to tell a person: lower case, no full stop.
            pub const fn message(self) -> &'static str {
                match self { $(ProblemKind::$variant => $message),* }
            }
        }
    };
}

kinds! {
    /// Empty lines before the start line (RFC 3261 7.5 lets a stream have them).
    LeadingBlankLines = "leading_blank_lines", "empty lines before the start line";
    /// NUL bytes before the start line.
    LeadingNuls = "leading_nuls", "NUL bytes before the start line";
    /// Nothing but line ends, blanks or NULs: a keep-alive (RFC 5626 3.5.1).
    KeepAlive = "keep_alive", "a keep-alive, not a message";
    /// No request or status line.
    NoStartLine = "no_start_line", "no request line or status line";
    /// The version is missing or not SIP/2.0.
    BadVersion = "bad_version", "the version is not SIP/2.0";
    /// A status code outside 100 to 699.
    BadStatus = "bad_status", "the status code is not between 100 and 699";
    /// Lines end in LF without CR.
    LfOnly = "lf_only", "lines end in LF without CR";
    /// Lines end in CR without LF.
    CrOnly = "cr_only", "lines end in CR without LF";
    /// A CR that ends no line.
    BareCr = "bare_cr", "a CR that ends no line";
    /// A header continued on the next line: allowed, but deprecated by RFC 7230 for its kin.
    Folded = "folded", "the header goes on over several lines";
    /// A line among the headers without a colon.
    NoColon = "no_colon", "a header line without a colon";
    /// A header name that is empty or no token.
    BadName = "bad_name", "not a header name";
    /// The headers are not closed by an empty line.
    NoBlankLine = "no_blank_line", "the headers are not closed by an empty line";
    /// A control byte in a header.
    ControlByte = "control_byte", "a control byte in a header";
    /// A header that is not valid UTF-8 (RFC 3261 7.3.1 asks for it).
    NotUtf8 = "not_utf8", "not valid UTF-8";
    /// A mandatory header is missing (RFC 3261 8.1.1).
    MissingHeader = "missing_header", "the mandatory header is missing";
    /// A header that may stand only once stands again.
    Repeated = "repeated", "stands more than once";
    /// A value that does not follow its grammar.
    BadValue = "bad_value", "the value does not follow its grammar";
    /// A quoted string without its closing quote.
    OpenQuote = "open_quote", "a quoted string is not closed";
    /// A `<` without its `>`.
    OpenBracket = "open_bracket", "an angle bracket is not closed";
    /// A URI without scheme or host, or with an impossible port.
    BadUri = "bad_uri", "not a URI that can be routed";
    /// The method in CSeq is not that of the request line (RFC 3261 8.1.1.5).
    CSeqMethodDiffers = "cseq_method_differs", "the CSeq method is not the method of the request";
    /// Fewer body bytes than Content-Length says.
    BodyCut = "body_cut", "the body is shorter than Content-Length";
    /// Bytes after the body that Content-Length describes.
    TrailingBytes = "trailing_bytes", "bytes after the end of the body";
    /// NUL bytes after the message.
    TrailingNuls = "trailing_nuls", "NUL bytes after the message";
    /// A body without Content-Type (RFC 3261 20.15).
    NoContentType = "no_content_type", "a body without Content-Type";
    /// A line of the session description that is not `letter=value` (RFC 8866 5).
    BadSdpLine = "bad_sdp_line", "not a line of a session description";
    /// A `m=` line that does not follow RFC 8866 5.14.
    BadMedia = "bad_media", "the media line does not follow its grammar";
    /// Neither the session nor a media has a connection line (RFC 8866 5.7).
    NoConnection = "no_connection", "no connection address for this media";
    /// More problems than are listed.
    More = "more", "more problems than are listed";
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.message())
    }
}
