//! A second, unhurried look at a message: everything odd about it.

use alloc::vec::Vec;
use core::ops::Range;

use crate::bytes::{head, number, quote_end, tail};
use crate::header::{Line, Step};
use crate::message::Message;
use crate::name::Name;
use crate::problem::{Problem, ProblemKind};
use crate::start::{Start, after_version, is_token};
use crate::value::{NameAddr, Uri, Via};

pub(crate) fn problems(message: &Message<'_>) -> Vec<Problem> {
    let mut review = Review { message, found: Vec::new() };
    if message.is_keep_alive() {
        review.add(ProblemKind::KeepAlive, message.range());
        return review.found;
    }
    review.before();
    review.start_line();
    if message.is_sip() {
        review.header_lines();
        review.missing();
        review.values();
        review.body();
        review.sdp();
    }
    review.after();
    review.sorted()
}

struct Review<'m, 'a> {
    message: &'m Message<'a>,
    found: Vec<Problem>,
}

/// RFC 3261 8.1.1 and 8.2.6.2: in every message. Max-Forwards, mandatory for requests, is too often left out by
/// good senders to be worth telling.
const MANDATORY: [Name; 5] = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];

/// Headers whose value is one element that may stand once.
const ONCE: [Name; 17] = [
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::ContentType,
    Name::ContentLength,
    Name::MaxForwards,
    Name::Expires,
    Name::UserAgent,
    Name::Server,
    Name::RAck,
    Name::RSeq,
    Name::ReferTo,
    Name::Replaces,
    Name::SessionExpires,
    Name::SessionId,
    Name::Date,
];

impl<'a> Review<'_, 'a> {
    fn add(&mut self, kind: ProblemKind, range: Range<usize>) {
        self.push(Problem { kind, header: None, range });
    }

    fn add_header(&mut self, kind: ProblemKind, header: Name, range: Range<usize>) {
        self.push(Problem { kind, header: Some(header), range });
    }

    fn push(&mut self, problem: Problem) {
        if self.found.len() < Message::PROBLEMS_MAX {
            self.found.push(problem);
        }
    }

    /// In order of place; the last one says so when there were more.
    fn sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| (problem.range.start, problem.kind));
        if self.found.len() == Message::PROBLEMS_MAX {
            let end = self.message.range().end;
            self.found.pop();
            self.found.push(Problem { kind: ProblemKind::More, header: None, range: end..end });
        }
        self.found
    }

    /// What stands before the first line. In a run of messages that is the business of the one before.
    fn before(&mut self) {
        let from = self.message.range().start;
        let lead = head(self.message.bytes, from);
        let start = lead.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n' | 0)).map_or(0, |at| at + 1);
        let lead = tail(lead, start);
        if lead.contains(&0) {
            self.add(ProblemKind::LeadingNuls, start..from);
        } else if !lead.is_empty() && start == 0 {
            self.add(ProblemKind::LeadingBlankLines, start..from);
        }
    }

    fn start_line(&mut self) {
        let range = self.message.start_line_range();
        match self.message.start() {
            Start::Fragment => self.add(ProblemKind::NoStartLine, range),
            Start::Request { uri, .. } => {
                let line = self.message.bytes.get(range.clone()).unwrap_or_default();
                let gap = memchr::memrchr2(b' ', b'\t', line).map_or(0, |at| at + 1);
                if after_version(tail(line, gap)).is_none() || !is_version_2(tail(line, gap)) {
                    self.add(ProblemKind::BadVersion, range);
                }
                self.uri(uri, None);
            }
            Start::Response { status, .. } => {
                let line = self.message.bytes.get(range.clone()).unwrap_or_default();
                if !is_version_2(head(line, 7)) {
                    self.add(ProblemKind::BadVersion, range.start..range.start + line.len().min(7));
                }
                if !(100..=699).contains(&status) {
                    self.add(ProblemKind::BadStatus, range);
                }
            }
        }
    }

    fn header_lines(&mut self) {
        let mut lines = self.message.lines();
        let bytes = self.message.bytes;
        if self.message.outline.cr_only {
            let at = lines.at.min(bytes.len());
            self.add(ProblemKind::CrOnly, at.saturating_sub(1)..at);
        }
        let mut lf_only = false;
        let mut seen = 0_u64;
        loop {
            let line = match lines.step() {
                Step::Line(line) => line,
                Step::Blank(_) => return,
                Step::Cut => break,
            };
            let text = bytes.get(line.start..line.end).unwrap_or_default();
            if !self.message.outline.cr_only && !lf_only && line.end < bytes.len() && !text.ends_with(b"\r") {
                lf_only = true;
                self.add(ProblemKind::LfOnly, line.end..line.end + 1);
            }
            self.header_line(&line);
            if let Some(name) = line.known {
                if seen & name.bit() != 0 && ONCE.contains(&name) {
                    self.add_header(ProblemKind::Repeated, name, line.start..line.value_end);
                }
                seen |= name.bit();
            }
        }
        if !self.message.outline.index.blank_line {
            let end = self.message.body_range().start;
            self.add(ProblemKind::NoBlankLine, end..end);
        }
    }

    fn header_line(&mut self, line: &Line) {
        let bytes = self.message.bytes;
        if !line.colon {
            return self.add(ProblemKind::NoColon, line.start..line.value_end);
        }
        let name = bytes.get(line.start..line.name_end).unwrap_or_default();
        if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
            self.add(ProblemKind::BadName, line.start..line.name_end);
        }
        let value = bytes.get(line.value_start..line.value_end).unwrap_or_default();
        let place = |at: usize| line.value_start + at;
        if line.folded {
            self.push(Problem {
                kind: ProblemKind::Folded,
                header: line.known,
                range: line.value_start..line.value_end,
            });
        }
        if let Err(error) = core::str::from_utf8(value) {
            let at = error.valid_up_to();
            let length = error.error_len().unwrap_or(value.len() - at);
            self.push(Problem {
                kind: ProblemKind::NotUtf8,
                header: line.known,
                range: place(at)..place(at + length),
            });
        }
        let control =
            value.iter().position(|&byte| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n'));
        if let Some(at) = control {
            self.push(Problem {
                kind: ProblemKind::ControlByte,
                header: line.known,
                range: place(at)..place(at + 1),
            });
        }
        let bare =
            (0..value.len()).find(|&at| value.get(at) == Some(&b'\r') && value.get(at + 1) != Some(&b'\n'));
        if let Some(at) = bare
            && !self.message.outline.cr_only
        {
            self.push(Problem {
                kind: ProblemKind::BareCr,
                header: line.known,
                range: place(at)..place(at + 1),
            });
        }
    }

    fn missing(&mut self) {
        if !self.message.start().is_known() {
            return;
        }
        let end = self.message.body_range().start;
        for name in MANDATORY {
            if !self.message.has(name) {
                self.add_header(ProblemKind::MissingHeader, name, end..end);
            }
        }
    }

    /// The values that the message is steered by.
    fn values(&mut self) {
        let message = self.message;
        for name in
            [Name::From, Name::To, Name::Contact, Name::PAssertedIdentity, Name::Route, Name::RecordRoute]
        {
            for value in message.values(name) {
                self.quotes(name, value);
                for element in crate::value::list(value).filter(|element| *element != b"*") {
                    self.brackets(name, element);
                    self.uri(NameAddr::parse(element).uri.raw, Some(name));
                }
            }
        }
        if let Some(value) = message.header(Name::Via)
            && !message.vias().all(|via| is_via(&via))
        {
            self.value(Name::Via, value);
        }
        if let (Some(value), Some(cseq)) = (message.header(Name::CSeq), message.cseq()) {
            if cseq.number.is_none()
                || cseq.method.is_empty()
                || !cseq.method.iter().all(|&byte| is_token(byte))
            {
                self.value(Name::CSeq, value);
            } else if matches!(message.start(), Start::Request { method, .. } if method != cseq.method) {
                let range = message.range_of(cseq.method).unwrap_or_default();
                self.add_header(ProblemKind::CSeqMethodDiffers, Name::CSeq, range);
            }
        }
        for name in [Name::ContentLength, Name::MaxForwards, Name::Expires] {
            if let Some(value) = message.header(name)
                && number(value).is_none()
            {
                self.value(name, value);
            }
        }
        if let Some(value) = message.header(Name::CallId)
            && (value.is_empty() || value.iter().any(u8::is_ascii_whitespace))
        {
            self.value(Name::CallId, value);
        }
        if let (Some(value), Some(id)) = (message.header(Name::SessionId), message.session_id())
            && !id.is_valid()
        {
            self.value(Name::SessionId, value);
        }
    }

    fn value(&mut self, name: Name, value: &[u8]) {
        let range = self.message.range_of(value).unwrap_or_default();
        self.add_header(ProblemKind::BadValue, name, range);
    }

    fn quotes(&mut self, name: Name, value: &[u8]) {
        let mut at = 0;
        while let Some(open) = memchr::memchr(b'"', tail(value, at)).map(|step| at + step) {
            match quote_end(value, open) {
                Some(close) => at = close + 1,
                None => {
                    let range = self.message.range_of(tail(value, open)).unwrap_or_default();
                    return self.add_header(ProblemKind::OpenQuote, name, range);
                }
            }
        }
    }

    fn brackets(&mut self, name: Name, element: &[u8]) {
        let from = match element.first() {
            Some(b'"') => quote_end(element, 0).unwrap_or(0),
            _ => 0,
        };
        let after = tail(element, from);
        if let Some(open) = memchr::memchr(b'<', after)
            && memchr::memchr(b'>', tail(after, open)).is_none()
        {
            let range = self.message.range_of(tail(after, open)).unwrap_or_default();
            self.add_header(ProblemKind::OpenBracket, name, range);
        }
    }

    fn uri(&mut self, raw: &[u8], header: Option<Name>) {
        let uri = Uri::parse(raw);
        let odd_port = uri.port.is_none() && uri.host.is_some_and(|host| has_port(raw, host));
        let odd_byte = raw.iter().any(|&byte| byte <= b' ' || matches!(byte, b'<' | b'>' | b'"' | 0x7f));
        if uri.scheme.is_empty() || (uri.has_host() && uri.host.is_none()) || odd_port || odd_byte {
            let range = self.message.range_of(raw).unwrap_or_default();
            self.push(Problem { kind: ProblemKind::BadUri, header, range });
        }
    }

    fn body(&mut self) {
        let message = self.message;
        let body = message.body_range();
        if let (Some(length), Some(value)) = (message.content_length(), message.header(Name::ContentLength))
            && length > body.len() as u64
        {
            let range = message.range_of(value).unwrap_or_default();
            self.add_header(ProblemKind::BodyCut, Name::ContentLength, range);
        }
        if !body.is_empty() && !message.has(Name::ContentType) && message.start().is_known() {
            self.add_header(ProblemKind::NoContentType, Name::ContentType, body);
        }
    }

    fn sdp(&mut self) {
        let Some(description) = self.message.sdp() else { return };
        for line in description.lines().filter(|line| line.kind == 0) {
            let range = self.message.range_of(line.raw).unwrap_or_default();
            self.add(ProblemKind::BadSdpLine, range);
        }
        for media in description.media() {
            let range = self.message.range_of(media.raw).unwrap_or_default();
            if media.port.is_none() || media.protocol.is_empty() || media.formats.is_empty() {
                self.add(ProblemKind::BadMedia, range);
            } else if media.connection().is_none() && media.port != Some(0) {
                self.add(ProblemKind::NoConnection, range);
            }
        }
    }

    /// What stands behind the message.
    fn after(&mut self) {
        let end = self.message.range().end;
        let rest = tail(self.message.bytes, end);
        let used = rest.iter().rposition(|&byte| !matches!(byte, 0 | b'\r' | b'\n')).map_or(0, |at| at + 1);
        if used > 0 {
            self.add(ProblemKind::TrailingBytes, end..end + rest.len());
        } else if rest.contains(&0) {
            self.add(ProblemKind::TrailingNuls, end..end + rest.len());
        }
    }
}

fn is_version_2(version: &[u8]) -> bool {
    version.eq_ignore_ascii_case(b"SIP/2.0")
}

fn is_via(via: &Via<'_>) -> bool {
    !via.transport.is_empty() && !via.host.is_empty() && via.transport.iter().all(|&byte| is_token(byte))
}

/// Whether something stands where the port would.
fn has_port(raw: &[u8], host: &[u8]) -> bool {
    let end = (host.as_ptr() as usize).wrapping_sub(raw.as_ptr() as usize).wrapping_add(host.len());
    let after = tail(raw, end);
    after.strip_prefix(b"]").unwrap_or(after).first() == Some(&b':')
}
