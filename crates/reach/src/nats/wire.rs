//! What the server sends: lines, and messages whose lengths stand in a line before them. Pure.

use crate::buffer::Buffer;

/// The first line tells of all servers of a cluster; all others are shorter.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Headers that are looked at; those of JetStream take some hundred bytes.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Something the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Of itself, as JSON.
    Info(Vec<u8>),
    Ping,
    Pong,
    Ok,
    Error(String),
    Message(Message),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    /// Which subscription of ours it is for, by the name we gave it.
    pub subscription: u64,
    /// Where an answer is awaited.
    pub reply: Option<String>,
    /// Instead of a message, when the server itself answers.
    pub status: Option<Status>,
    pub payload: Vec<u8>,
    /// It was larger than is taken, and its payload was passed over.
    pub is_too_large: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub code: u16,
    pub description: String,
}

/// Cuts what the server sends into events.
#[derive(Debug)]
pub struct Parser {
    buffer: Buffer,
    message_bytes_max: usize,
    /// Of a message whose payload is passed over, so much is still to come.
    passed_over: Option<(usize, Message)>,
}

impl Parser {
    /// Messages beyond this many bytes lose their payload.
    pub fn new(message_bytes_max: usize) -> Self {
        Self { buffer: Buffer::default(), message_bytes_max, passed_over: None }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.push(bytes);
    }

    /// The next event, if all of it is here; an error is that these bytes are no NATS.
    pub fn next_event(&mut self) -> Result<Option<Event>, String> {
        if let Some((left, message)) = self.passed_over.take() {
            let here = self.buffer.waiting().len();
            self.buffer.done(left.min(here));
            if here < left {
                self.passed_over = Some((left - here, message));
                return Ok(None);
            }
            return Ok(Some(Event::Message(message)));
        }
        let waiting = self.buffer.waiting();
        let Some(end) = waiting.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n') else {
            if waiting.len() >= LINE_BYTES_MAX {
                return Err(format!("a line of more than {LINE_BYTES_MAX} bytes"));
            }
            return Ok(None);
        };
        let line = waiting.get(..end).unwrap_or_default().trim_ascii_end();
        let text = String::from_utf8_lossy(line);
        let (word, rest) = text.split_once([' ', '\t']).unwrap_or((&text, ""));
        let rest = rest.trim();
        let event = match word.to_ascii_uppercase().as_str() {
            "INFO" => Event::Info(rest.as_bytes().to_vec()),
            "PING" => Event::Ping,
            "PONG" => Event::Pong,
            "+OK" => Event::Ok,
            "-ERR" => Event::Error(rest.trim_matches('\'').to_owned()),
            "MSG" | "HMSG" => {
                let head = Head::read(rest, word.len() == 4);
                let head = head.ok_or_else(|| format!("{:?} announces no message", short(&text)))?;
                return self.message(end + 1, head);
            }
            _ => return Err(format!("{:?} is nothing a server says", short(&text))),
        };
        self.buffer.done(end + 1);
        Ok(Some(event))
    }

    /// A message whose payload begins at `start`.
    fn message(&mut self, start: usize, head: Head) -> Result<Option<Event>, String> {
        let Head { mut message, header_bytes, bytes } = head;
        if bytes - header_bytes > self.message_bytes_max || header_bytes > HEADER_BYTES_MAX {
            message.is_too_large = true;
            self.buffer.done(start);
            self.passed_over = Some((bytes + 2, message));
            return self.next_event();
        }
        let waiting = self.buffer.waiting().get(start..).unwrap_or_default();
        let (Some(whole), Some(end)) = (waiting.get(..bytes), waiting.get(bytes..bytes + 2)) else {
            return Ok(None);
        };
        if end != b"\r\n" {
            return Err(format!("a message of {bytes} bytes does not end there"));
        }
        let (header, payload) = whole.split_at(header_bytes);
        message.status = status(header);
        message.payload = payload.to_vec();
        self.buffer.done(start + bytes + 2);
        Ok(Some(Event::Message(message)))
    }
}

/// `SUBJECT SUBSCRIPTION [REPLY] BYTES`, with the bytes of headers before all bytes where there are headers.
struct Head {
    message: Message,
    header_bytes: usize,
    bytes: usize,
}

impl Head {
    fn read(text: &str, has_headers: bool) -> Option<Self> {
        let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
        let bytes: usize = words.pop()?.parse().ok()?;
        let header_bytes = if has_headers { words.pop()?.parse().ok()? } else { 0 };
        let (subject, subscription, reply) = match words.as_slice() {
            [subject, subscription] => (subject, subscription, None),
            [subject, subscription, reply] => (subject, subscription, Some((*reply).to_owned())),
            _ => return None,
        };
        // Beyond what any server takes, and no number to calculate with.
        if header_bytes > bytes || bytes > u32::MAX as usize {
            return None;
        }
        let message = Message {
            subject: (*subject).to_owned(),
            subscription: subscription.parse().ok()?,
            reply,
            ..Message::default()
        };
        Some(Self { message, header_bytes, bytes })
    }
}

/// `NATS/1.0 503`, `NATS/1.0 404 No Messages`; a message's own headers have nothing behind the version.
fn status(header: &[u8]) -> Option<Status> {
    let line = header.split(|byte| *byte == b'\r').next()?;
    let text = std::str::from_utf8(line).ok()?;
    let rest = text.strip_prefix("NATS/1.0")?.trim();
    let (code, description) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(Status { code: code.parse().ok()?, description: description.trim().to_owned() })
}

fn short(text: &str) -> &str {
    text.get(..text.floor_char_boundary(60)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAID: &[u8] = b"INFO {\"a\":1}\r\nPING\r\n+OK\r\nMSG hep.sip 7 3\r\nabc\r\nMSG hep.sip 7 $JS.ACK.1 0\r\n\r\n\
        HMSG _INBOX.1 1 28 28\r\nNATS/1.0 404 No Messages\r\n\r\n\r\n\
        HMSG hep 2 reply 21 24\r\nNATS/1.0\r\nX: 1234\r\n\r\n\0\r\n\r\n-ERR 'Authorization Violation'\r\nPONG\r\n";

    fn events(pieces: &[&[u8]], message_bytes_max: usize) -> Vec<Event> {
        let mut parser = Parser::new(message_bytes_max);
        let mut events = Vec::new();
        for piece in pieces {
            parser.push(piece);
            while let Some(event) = parser.next_event().expect("NATS") {
                events.push(event);
            }
        }
        events
    }

    fn message(subject: &str, subscription: u64, reply: Option<&str>, payload: &[u8]) -> Message {
        Message {
            subject: subject.to_owned(),
            subscription,
            reply: reply.map(str::to_owned),
            payload: payload.to_vec(),
            ..Message::default()
        }
    }

    #[test]
    fn all_that_a_server_says_is_understood() {
        let empty = Status { code: 404, description: "No Messages".to_owned() };
        let expected = vec![
            Event::Info(b"{\"a\":1}".to_vec()),
            Event::Ping,
            Event::Ok,
            Event::Message(message("hep.sip", 7, None, b"abc")),
            Event::Message(message("hep.sip", 7, Some("$JS.ACK.1"), b"")),
            Event::Message(Message { status: Some(empty), ..message("_INBOX.1", 1, None, b"") }),
            Event::Message(message("hep", 2, Some("reply"), b"\0\r\n")),
            Event::Error("Authorization Violation".to_owned()),
            Event::Pong,
        ];
        assert_eq!(events(&[SAID], 100), expected);
    }

    #[test]
    fn a_message_that_is_too_large_is_passed_over_and_told() {
        let events = events(&[b"MSG a 1 r 10\r\n01234", b"56789\r\nPONG\r\n"], 9);
        let large = Message { is_too_large: true, ..message("a", 1, Some("r"), b"") };
        assert_eq!(events, [Event::Message(large), Event::Pong]);
    }

    #[test]
    fn what_is_no_nats_is_told() {
        for said in [
            "HTTP/1.1 400 Bad Request\r\n".to_owned(),
            "MSG a 1\r\n".to_owned(),
            "MSG a 1 99999999999\r\n".to_owned(),
            "HMSG a 1 5 4\r\nabcd\r\n".to_owned(),
            "MSG a 1 2\r\nabcd\r\n".to_owned(),
            "x".repeat(LINE_BYTES_MAX),
        ] {
            let mut parser = Parser::new(100);
            parser.push(said.as_bytes());
            assert!(parser.next_event().is_err(), "{}", short(&said));
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_bytes_are_cut(cuts in proptest::collection::vec(0..SAID.len(), 0..8), max in 0..4_usize) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for cut in cuts.into_iter().chain([SAID.len()]) {
                pieces.push(&SAID[start..cut]);
                start = cut;
            }
            prop_assert_eq!(events(&pieces, max), events(&[SAID], max));
        }

        #[test]
        fn whatever_comes_is_an_event_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in 0..3_usize) {
            let mut parser = Parser::new(50);
            parser.push([&b"MSG a 1 "[..], b"HMSG a 1 ", b""][head]);
            parser.push(&bytes);
            while let Ok(Some(_)) = parser.next_event() {}
        }
    }
}
