//! What an operator's scripts said of a packet, as it travels with the packet.
//!
//! Scripts run once, before a packet is logged. What they changed of its header stands in its chunks; the rest in one
//! chunk of our own, so that a replay of the log makes the same row without asking them again.

use std::net::IpAddr;

use hep::Packet;
use hep::chunk::Chunk;
use model::{Kind, Table, Value};

use crate::draft::Draft;
use crate::extra::{Extra, write_string};
use crate::flags::SCRIPTED;
use crate::json::{self, Json};

/// Vendor (the letters `Rh`) and type of the chunk.
pub const CHUNK: (u16, u16) = (0x5268, 0x0001);

/// The types that scripts see unless told otherwise: those of heplify-server (SIP, RTCP, logs).
pub const HEP_TYPES_DEFAULT: &[u16] = &[1, 5, 100];

/// What scripts said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The scripts that said something.
    pub by: Vec<String>,
    pub tags: Vec<String>,
    /// Texts by name: of a column, which is replaced, or of anything else.
    pub set: Vec<(String, String)>,
    /// What the sender had sent in the place of what was changed.
    pub sent: Vec<(String, String)>,
    /// The Call-ID to be taken instead of the payload's.
    pub call_id: Option<String>,
}

impl Said {
    /// What was said here after this, by a relay before us for instance, was said: of one name the later text counts.
    pub fn join(&mut self, later: Self) {
        for (own, later) in [(&mut self.by, later.by), (&mut self.tags, later.tags)] {
            for text in later {
                if !own.contains(&text) {
                    own.push(text);
                }
            }
        }
        for (name, text) in later.set {
            self.set.retain(|(known, _)| *known != name);
            self.set.push((name, text));
        }
        for (name, text) in later.sent {
            // The first to change it knows what was sent.
            if !self.sent.iter().any(|(known, _)| *known == name) {
                self.sent.push((name, text));
            }
        }
        self.call_id = later.call_id.or(self.call_id.take());
    }

    /// The body of the chunk: a JSON object.
    #[must_use]
    pub fn encode(&self) -> String {
        self.to_extra().finish().unwrap_or_else(|| "{}".to_owned())
    }

    fn to_extra(&self) -> Extra {
        let mut extra = Extra::default();
        for (key, list) in [("by", &self.by), ("tags", &self.tags)] {
            if !list.is_empty() {
                extra.json(key, &list_of(list));
            }
        }
        for (key, pairs) in [("set", &self.set), ("sent", &self.sent)] {
            if !pairs.is_empty() {
                let mut object = Extra::default();
                pairs.iter().for_each(|(name, text)| object.text(name, text));
                extra.json(key, &object.finish().unwrap_or_default());
            }
        }
        if let Some(call_id) = &self.call_id {
            extra.text("call_id", call_id);
        }
        extra
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let read = json::read(text);
        let object = read.values.first().filter(|_| !read.is_broken)?;
        object.members()?;
        Some(Self {
            by: texts(object.member("by")),
            tags: texts(object.member("tags")),
            set: pairs(object.member("set")),
            sent: pairs(object.member("sent")),
            call_id: object.member("call_id").and_then(Json::as_text).map(str::to_owned),
        })
    }
}

/// What was said of this packet, here or by the one who sent it on.
#[must_use]
pub fn said(packet: &Packet<'_>) -> Option<Said> {
    if !packet.has_other_chunks() {
        return None;
    }
    packet.chunks().find(is_ours).and_then(|chunk| Said::decode(chunk.body))
}

pub(crate) fn is_ours(chunk: &Chunk<'_>) -> bool {
    (chunk.vendor, chunk.kind) == CHUNK
}

/// Puts it into the row: names of columns replace them, and all of it stands in `extra.script`.
pub(crate) fn apply(mut said: Said, table: &'static Table, draft: &mut Draft<'_>) {
    let set = std::mem::take(&mut said.set);
    for (name, text) in set {
        let place = table.fields.iter().position(|field| field.name == name);
        let column = place.and_then(|place| Some((table.fields.get(place)?, draft.values.get_mut(place)?)));
        match column.and_then(|(field, value)| Some((value, read(field.kind, &text)?))) {
            Some((value, new)) => {
                let sent = as_text(value);
                *value = new;
                said.sent.push((name, sent));
            }
            None => said.set.push((name, text)),
        }
    }
    draft.flag(SCRIPTED);
    draft.extra.json("script", &said.encode());
}

fn read(kind: Kind, text: &str) -> Option<Value<'static>> {
    match kind {
        Kind::Text => Some(Value::from(text.to_owned())),
        Kind::Ip => text.parse::<IpAddr>().ok().map(|address| Value::from(address.to_string())),
        Kind::Int16 => text.parse::<i16>().ok().map(|number| Value::Int(number.into())),
        Kind::Int32 => text.parse::<i32>().ok().map(|number| Value::Int(number.into())),
        Kind::Int64 => text.parse().ok().map(Value::Int),
        // An average with what is no number in it is none either.
        Kind::Float => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float),
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::Time | Kind::Bytes | Kind::TextList | Kind::Json => None,
    }
}

fn as_text(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Bytes(_) | Value::TextList(_) => String::new(),
    }
}

fn list_of(texts: &[String]) -> String {
    let mut list = String::from("[");
    for text in texts {
        if list.len() > 1 {
            list.push(',');
        }
        write_string(&mut list, text);
    }
    list.push(']');
    list
}

fn texts(list: Option<&Json<'_>>) -> Vec<String> {
    let items = list.and_then(Json::items).unwrap_or_default();
    items.iter().filter_map(Json::as_text).map(str::to_owned).collect()
}

fn pairs(object: Option<&Json<'_>>) -> Vec<(String, String)> {
    let members = object.and_then(Json::members).unwrap_or_default();
    let pair = |(name, value): &(std::borrow::Cow<'_, str>, Json<'_>)| {
        Some((name.to_string(), value.as_text()?.to_owned()))
    };
    members.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_later_has_the_last_word_and_takes_nothing_away() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let mut said = Said {
            by: vec!["relay.lua".to_owned()],
            tags: vec!["vip".to_owned()],
            set: vec![pair("from_user", "a"), pair("note", "b")],
            sent: vec![pair("src_ip", "192.0.2.1")],
            call_id: Some("one".to_owned()),
        };
        said.join(Said {
            by: vec!["here.lua".to_owned()],
            tags: vec!["vip".to_owned(), "late".to_owned()],
            set: vec![pair("from_user", "c")],
            sent: vec![pair("src_ip", "192.0.2.2"), pair("node", "x")],
            call_id: None,
        });
        assert_eq!(said.by, ["relay.lua", "here.lua"]);
        assert_eq!(said.tags, ["vip", "late"]);
        assert_eq!(said.set, [pair("note", "b"), pair("from_user", "c")]);
        assert_eq!(said.sent, [pair("src_ip", "192.0.2.1"), pair("node", "x")]);
        assert_eq!(said.call_id.as_deref(), Some("one"));
    }

    #[test]
    fn numbers_and_addresses_are_such() {
        assert_eq!(read(Kind::Float, "1.5"), Some(Value::Float(1.5)));
        assert_eq!((read(Kind::Float, "nan"), read(Kind::Float, "inf")), (None, None));
        assert_eq!((read(Kind::Ip, "nowhere"), read(Kind::Ip, "192.0.2.1").is_some()), (None, true));
    }

    #[test]
    fn what_was_said_is_read_as_it_was_written() {
        let said = Said {
            by: vec!["a \"b\".lua".to_owned()],
            tags: vec!["vip".to_owned(), "ü\n".to_owned()],
            set: vec![("from_user".to_owned(), "x".to_owned())],
            sent: vec![("src_ip".to_owned(), "192.0.2.1".to_owned())],
            call_id: Some("abc@example.org".to_owned()),
        };
        assert_eq!(Said::decode(said.encode().as_bytes()), Some(said));
        assert_eq!(Said::decode(b"{}"), Some(Said::default()));
        assert_eq!(Said::decode(b"[1]"), None);
        assert_eq!(Said::decode(b"\xff"), None);
    }
}
