//! Bodies of several parts (RFC 2046 5.1), and where the session description is.

use crate::bytes::{head, is_blank, sub, tail};
use crate::header::{Headers, Lines, Step};
use crate::message::Message;
use crate::name::Name;
use crate::sdp::Description;
use crate::value::ContentType;

/// One part of a body: the whole of it where there are no parts.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Its Content-Type.
    pub content_type: Option<ContentType<'a>>,
    /// Its bytes.
    pub body: &'a [u8],
    headers: Lines<'a>,
}

impl<'a> Part<'a> {
    /// The headers of the part.
    pub fn headers(&self) -> Headers<'a> {
        Headers::new(self.headers)
    }
}

impl<'a> Message<'a> {
    /// The parts of a multipart body; the body itself as only part otherwise; nothing without a body.
    pub fn parts(&self) -> Parts<'a> {
        let content_type = self.content_type();
        let boundary =
            content_type.filter(ContentType::is_multipart).and_then(|content_type| content_type.boundary());
        let body = self.body_range();
        Parts {
            bytes: self.bytes,
            at: body.start,
            end: body.end,
            content_type,
            boundary,
            state: if body.is_empty() { State::Done } else { State::Before },
        }
    }

    /// The session description in the body: a body or part of type `application/sdp`, or one without type that
    /// starts as a description does.
    #[inline]
    pub fn sdp(&self) -> Option<Description<'a>> {
        let body = self.body();
        if body.is_empty() {
            return None;
        }
        if self.header(Name::ContentType) == Some(b"application/sdp") {
            return Some(Description::parse(body));
        }
        match self.content_type() {
            Some(content_type) if content_type.is(b"application/sdp") => Some(Description::parse(body)),
            Some(content_type) if content_type.is_multipart() => {
                let part = self.parts().find(|part| {
                    part.content_type.is_some_and(|content_type| content_type.is(b"application/sdp"))
                })?;
                Some(Description::parse(part.body))
            }
            None if body.starts_with(b"v=0") => Some(Description::parse(body)),
            _ => None,
        }
    }
}

/// See [`Message::parts`].
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    content_type: Option<ContentType<'a>>,
    boundary: Option<&'a [u8]>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    Inside,
    Done,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.state == State::Done {
            return None;
        }
        let Some(boundary) = self.boundary else {
            self.state = State::Done;
            let headers = Lines::new(&[], 0, false);
            return Some(Part {
                content_type: self.content_type,
                body: sub(self.bytes, self.at, self.end),
                headers,
            });
        };
        if self.state == State::Before {
            // What stands before the first boundary is for readers that know no parts.
            let (_, after, last) = delimiter(self.bytes, self.at, self.end, boundary)?;
            self.at = after;
            self.state = if last { State::Done } else { State::Inside };
            return self.next();
        }
        let start = self.at;
        let end = match delimiter(self.bytes, start, self.end, boundary) {
            Some((end, after, last)) => {
                self.at = after;
                self.state = if last { State::Done } else { State::Inside };
                end
            }
            None => {
                self.state = State::Done;
                self.end
            }
        };
        Some(part(self.bytes, start, end))
    }
}

fn part(bytes: &[u8], start: usize, end: usize) -> Part<'_> {
    let mut walk = Lines::new(head(bytes, end), start, false);
    let mut content_type = None;
    let body = loop {
        match walk.step() {
            Step::Line(line) => {
                if line.known == Some(Name::ContentType) && content_type.is_none() {
                    content_type = Some(ContentType::parse(sub(bytes, line.value_start, line.value_end)));
                }
            }
            Step::Blank(body) => break body,
            Step::Cut => break end,
        }
    };
    Part { content_type, body: sub(bytes, body, end), headers: Lines::new(head(bytes, body), start, false) }
}

/// The next delimiter line: where the part before it ends, where the next one starts, and whether it is the last.
/// The line end before a delimiter belongs to it (RFC 2046 5.1.1).
fn delimiter(bytes: &[u8], from: usize, end: usize, boundary: &[u8]) -> Option<(usize, usize, bool)> {
    let mut at = from;
    while at < end {
        let line_end = memchr::memchr(b'\n', sub(bytes, at, end)).map_or(end, |step| at + step);
        let line = sub(bytes, at, line_end);
        if let Some(rest) = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary)) {
            let last = rest.starts_with(b"--");
            let rest = if last { tail(rest, 2) } else { rest };
            if rest.iter().all(|&byte| is_blank(byte) || byte == b'\r') {
                let before = head(bytes, at);
                let before = before.strip_suffix(b"\n").unwrap_or(before);
                let before = before.strip_suffix(b"\r").unwrap_or(before);
                return Some((before.len().max(from), (line_end + 1).min(end), last));
            }
        }
        at = line_end + 1;
    }
    None
}
