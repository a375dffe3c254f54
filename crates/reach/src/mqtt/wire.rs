//! Packets of MQTT 5: those a client writes, and those it reads. Pure.

use super::reason::reason;
use crate::buffer::Buffer;

/// Whether the other side acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    AtMostOnce,
    AtLeastOnce,
}

/// Something the broker says (section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    Connected(Connected),
    Publish(Publish),
    /// One of ours was taken, or why not.
    Acknowledged {
        id: u16,
        refusal: Option<Refusal>,
    },
    /// The answer to a subscription: as what it is granted, or why it is not.
    Subscribed {
        id: u16,
        granted: Result<Quality, String>,
    },
    Pong,
    Disconnected(String),
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: String,
    /// It never will be.
    pub is_final: bool,
}

/// What the broker says when a client comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    pub refusal: Option<String>,
    /// It knows us from before.
    pub is_resumed: bool,
    /// Of ours so many may be unacknowledged at a time.
    pub receive_max: u16,
    pub takes_at_least_once: bool,
    pub packet_bytes_max: usize,
    /// It wants a sign of life within so many seconds, whatever we said.
    pub keep_alive_seconds: Option<u16>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publish {
    pub topic: String,
    /// To acknowledge it by.
    pub id: Option<u16>,
    pub payload: Vec<u8>,
}

/// What is said first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connect<'a> {
    pub(super) client_id: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    pub(super) keep_alive_seconds: u16,
    /// How long the broker keeps what it knows of us when we are away; `None`: it forgets what it knew, now and then.
    pub(super) session_seconds: Option<u32>,
    pub(super) receive_max: u16,
    pub(super) packet_bytes_max: u32,
}

impl Connect<'_> {
    pub(super) fn write(&self, out: &mut Buffer) {
        let mut body = Vec::new();
        text(&mut body, "MQTT");
        let is_new = self.session_seconds.is_none();
        let flags = u8::from(is_new) << 1
            | u8::from(self.password.is_some()) << 6
            | u8::from(self.user.is_some()) << 7;
        body.extend([5, flags]);
        body.extend(self.keep_alive_seconds.to_be_bytes());
        let mut properties = vec![0x11];
        properties.extend(self.session_seconds.unwrap_or(0).to_be_bytes());
        properties.push(0x21);
        properties.extend(self.receive_max.to_be_bytes());
        properties.push(0x27);
        properties.extend(self.packet_bytes_max.to_be_bytes());
        length(&mut body, properties.len());
        body.extend(properties);
        text(&mut body, self.client_id);
        for value in [self.user, self.password].into_iter().flatten() {
            text(&mut body, value);
        }
        packet(out, 0x10, &body, &[]);
    }
}

/// Bytes of a message on the wire, at most: beside topic and payload stand its id, two lengths and no properties.
pub(super) fn published_bytes(topic: &str, payload: &[u8]) -> usize {
    1 + 4 + 2 + topic.len() + 2 + 1 + payload.len()
}

pub(super) fn publish(out: &mut Buffer, topic: &str, payload: &[u8], id: Option<u16>) {
    let mut head = Vec::with_capacity(topic.len() + 5);
    text(&mut head, topic);
    if let Some(id) = id {
        head.extend(id.to_be_bytes());
    }
    head.push(0);
    let flags = u8::from(id.is_some()) << 1;
    packet(out, 0x30 | flags, &head, payload);
}

pub(super) fn acknowledge(out: &mut Buffer, id: u16) {
    packet(out, 0x40, &id.to_be_bytes(), &[]);
}

pub(super) fn subscribe(out: &mut Buffer, id: u16, filter: &str, quality: Quality) {
    let mut body = id.to_be_bytes().to_vec();
    body.push(0);
    text(&mut body, filter);
    // Retained messages come with the first subscription only (3.8.3.1), not whenever a connection was broken.
    let retained_once = 0x10;
    body.push(match quality {
        Quality::AtMostOnce => retained_once,
        Quality::AtLeastOnce => retained_once | 1,
    });
    packet(out, 0x82, &body, &[]);
}

pub(super) fn ping(out: &mut Buffer) {
    packet(out, 0xc0, &[], &[]);
}

pub(super) fn disconnect(out: &mut Buffer) {
    packet(out, 0xe0, &[], &[]);
}

fn packet(out: &mut Buffer, first: u8, head: &[u8], payload: &[u8]) {
    let mut start = vec![first];
    length(&mut start, head.len() + payload.len());
    out.push(&start);
    out.push(head);
    out.push(payload);
}

/// Section 1.5.5.
fn length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let more = length > 0x7f;
        out.push((length & 0x7f) as u8 | u8::from(more) << 7);
        length >>= 7;
        if !more {
            return;
        }
    }
}

/// Section 1.5.4; what is longer than its length can say was checked where it was typed.
fn text(out: &mut Vec<u8>, text: &str) {
    let text = text.get(..text.floor_char_boundary(usize::from(u16::MAX))).unwrap_or_default();
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text.as_bytes());
}

/// Cuts what the broker sends into packets.
#[derive(Debug)]
pub struct Parser {
    buffer: Buffer,
    packet_bytes_max: usize,
}

impl Parser {
    /// A broker that has been told this limit sends nothing beyond it (section 3.1.2.11.4).
    pub fn new(packet_bytes_max: usize) -> Self {
        Self { buffer: Buffer::default(), packet_bytes_max }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.push(bytes);
    }

    /// The next packet, if all of it is here; an error is that these bytes are none.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, String> {
        let mut reader = Reader(self.buffer.waiting());
        let Some(first) = reader.byte() else { return Ok(None) };
        let Some(length) = reader.length()? else { return Ok(None) };
        if length > self.packet_bytes_max {
            return Err(format!("a packet of {length} bytes"));
        }
        let Some(body) = reader.take(length) else { return Ok(None) };
        let taken = self.buffer.waiting().len() - reader.0.len();
        let packet =
            read(first, body).ok_or_else(|| format!("a packet 0x{first:02x} that cannot be read"))?;
        self.buffer.done(taken);
        Ok(Some(packet))
    }
}

fn read(first: u8, body: &[u8]) -> Option<Packet> {
    let mut body = Reader(body);
    Some(match first >> 4 {
        2 => {
            let (flags, code) = (body.byte()?, body.byte()?);
            let properties = body.properties()?;
            Packet::Connected(Connected {
                refusal: (code >= 0x80).then(|| reason(code, properties.reason.as_deref())),
                is_resumed: flags & 1 == 1,
                receive_max: properties.receive_max.unwrap_or(u16::MAX).max(1),
                takes_at_least_once: properties.maximum_qos != Some(0),
                packet_bytes_max: properties.packet_bytes_max.map_or(usize::MAX, |bytes| bytes as usize),
                keep_alive_seconds: properties.keep_alive_seconds,
            })
        }
        3 => {
            let topic = body.text()?;
            let id = match first >> 1 & 3 {
                0 => None,
                // Nothing was subscribed to at QoS 2.
                1 => Some(body.u16()?),
                _ => return None,
            };
            body.properties()?;
            Packet::Publish(Publish { topic, id, payload: body.0.to_vec() })
        }
        4 => {
            let id = body.u16()?;
            // Both may be missing, which is success.
            let code = body.byte().unwrap_or(0);
            let text = if body.0.is_empty() { None } else { body.properties()?.reason };
            let refusal = || Refusal {
                reason: reason(code, text.as_deref()),
                // The topic's name, or the payload's form, is not to its liking.
                is_final: matches!(code, 0x90 | 0x99),
            };
            Packet::Acknowledged { id, refusal: (code >= 0x80).then(refusal) }
        }
        9 => {
            let id = body.u16()?;
            let text = body.properties()?.reason;
            // One filter was asked for.
            let granted = match body.byte()? {
                0 => Ok(Quality::AtMostOnce),
                code @ 0x80.. => Err(reason(code, text.as_deref())),
                _ => Ok(Quality::AtLeastOnce),
            };
            Packet::Subscribed { id, granted }
        }
        13 => Packet::Pong,
        14 => {
            let code = body.byte().unwrap_or(0);
            let text = if body.0.is_empty() { None } else { body.properties()?.reason };
            Packet::Disconnected(reason(code, text.as_deref()))
        }
        _ => return None,
    })
}

/// Those that mean something to us (section 2.2.2.2).
#[derive(Debug, Default)]
struct Properties {
    reason: Option<String>,
    receive_max: Option<u16>,
    maximum_qos: Option<u8>,
    packet_bytes_max: Option<u32>,
    keep_alive_seconds: Option<u16>,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).and_then(|bytes| bytes.first().copied())
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Of at most four bytes; `None` if more are to come.
    fn length(&mut self) -> Result<Option<usize>, String> {
        let mut length = 0;
        for place in 0..4 {
            let Some(byte) = self.byte() else { return Ok(None) };
            length |= usize::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(Some(length));
            }
        }
        Err("a length of more than four bytes".to_owned())
    }

    fn binary(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    fn text(&mut self) -> Option<String> {
        self.binary().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn properties(&mut self) -> Option<Properties> {
        let length = self.length().ok()??;
        let mut rest = Reader(self.take(length)?);
        let mut properties = Properties::default();
        while let Some(name) = rest.byte() {
            match name {
                0x1f => properties.reason = rest.text(),
                0x21 => properties.receive_max = Some(rest.u16()?),
                0x24 => properties.maximum_qos = Some(rest.byte()?),
                0x27 => properties.packet_bytes_max = Some(rest.u32()?),
                0x13 => properties.keep_alive_seconds = Some(rest.u16()?),
                0x01 | 0x17 | 0x19 | 0x25 | 0x28 | 0x29 | 0x2a => drop(rest.byte()?),
                0x22 | 0x23 => drop(rest.u16()?),
                0x02 | 0x11 | 0x18 => drop(rest.u32()?),
                0x0b => drop(rest.length().ok()??),
                0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c => drop(rest.binary()?),
                0x26 => {
                    rest.binary()?;
                    rest.binary()?;
                }
                _ => return None,
            }
        }
        Some(properties)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packets(bytes: &[u8]) -> Vec<Packet> {
        let mut parser = Parser::new(1_000);
        parser.push(bytes);
        std::iter::from_fn(|| parser.next_packet().expect("MQTT")).collect()
    }

    #[test]
    fn what_a_broker_says_is_understood() {
        // Topic alias maximum 10, receive maximum 20, no QoS 1, 1,000 bytes, a name for us, 30 s.
        let connected = [
            0x20, 24, 1, 0, 21, 0x22, 0, 10, 0x21, 0, 20, 0x24, 0, 0x27, 0, 0, 3, 232, 0x12, 0, 2, b'a',
            b'b', 0x13, 0, 30,
        ];
        let expected = Connected {
            refusal: None,
            is_resumed: true,
            receive_max: 20,
            takes_at_least_once: false,
            packet_bytes_max: 1_000,
            keep_alive_seconds: Some(30),
        };
        assert_eq!(packets(&connected), [Packet::Connected(expected)]);
        let refused = packets(&[0x20, 3, 0, 0x87, 0]);
        let [Packet::Connected(refused)] = refused.as_slice() else { panic!("CONNACK") };
        assert_eq!(refused.refusal.as_deref(), Some("not authorized (0x87)"));
        let rest = [
            0x30, 5, 0, 1, b't', 0, b'x', 0x32, 10, 0, 1, b't', 0, 7, 2, 0x01, 1, b'y', b'z', 0x40, 2, 0, 9,
            0x40, 3, 0, 9, 0x10, 0x40, 8, 0, 9, 0x97, 4, 0x1f, 0, 1, b'!', 0x40, 3, 0, 9, 0x90, 0x90, 4, 0,
            1, 0, 0, 0x90, 4, 0, 1, 0, 1, 0x90, 4, 0, 1, 0, 0x87, 0xd0, 0, 0xe0, 0, 0xe0, 1, 0x8e,
        ];
        let publish = |id, payload: &[u8]| {
            Packet::Publish(Publish { topic: "t".to_owned(), id, payload: payload.to_vec() })
        };
        let refusal = |reason: &str, is_final| Some(Refusal { reason: reason.to_owned(), is_final });
        let acknowledged = |refusal| Packet::Acknowledged { id: 9, refusal };
        let subscribed =
            |granted: Result<_, &str>| Packet::Subscribed { id: 1, granted: granted.map_err(str::to_owned) };
        let expected = vec![
            publish(None, b"x"),
            publish(Some(7), b"yz"),
            acknowledged(None),
            acknowledged(None),
            acknowledged(refusal("quota exceeded (0x97): !", false)),
            acknowledged(refusal("topic name invalid (0x90)", true)),
            subscribed(Ok(Quality::AtMostOnce)),
            subscribed(Ok(Quality::AtLeastOnce)),
            subscribed(Err("not authorized (0x87)")),
            Packet::Pong,
            Packet::Disconnected("success (0x00)".to_owned()),
            Packet::Disconnected(
                "session taken over: another client has the same client_id (0x8e)".to_owned(),
            ),
        ];
        assert_eq!(packets(&rest), expected);
    }

    #[test]
    fn what_is_published_is_read_again() {
        for (topic, payload, id) in
            [("a/b", &b"x"[..], Some(65_535)), ("t", &[0; 700], None), ("t", &[], Some(1))]
        {
            let mut out = Buffer::default();
            publish(&mut out, topic, payload, id);
            assert!(out.waiting().len() <= published_bytes(topic, payload));
            let expected = Publish { topic: topic.to_owned(), id, payload: payload.to_vec() };
            assert_eq!(packets(out.waiting()), [Packet::Publish(expected)]);
        }
    }

    #[test]
    fn a_client_comes_as_the_standard_says() {
        let mut out = Buffer::default();
        let connect = Connect {
            client_id: "id",
            user: Some("u"),
            password: Some("pw"),
            keep_alive_seconds: 60,
            session_seconds: None,
            receive_max: 256,
            packet_bytes_max: 65_536,
        };
        connect.write(&mut out);
        let expected = b"\x10\x23\x00\x04MQTT\x05\xc2\x00\x3c\x0d\x11\0\0\0\0\x21\x01\0\x27\0\x01\0\0\x00\x02id\0\x01u\0\x02pw";
        assert_eq!(out.waiting(), expected);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_packet_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), first in 0..16_u8) {
            let mut parser = Parser::new(100);
            parser.push(&[first << 4, bytes.len().min(127) as u8]);
            parser.push(&bytes);
            while let Ok(Some(_)) = parser.next_packet() {}
        }

        #[test]
        fn lengths_are_read_as_they_are_written(written in 0..268_435_456_usize) {
            let mut out = Vec::new();
            length(&mut out, written);
            prop_assert_eq!(Reader(&out).length(), Ok(Some(written)));
        }
    }
}
