//! One packet in the hands of scripts: what it says, and what they want to be different.

use std::net::IpAddr;

use hep::chunk::{Chunk, GENERIC, kind};
use hep::{Edits, Packet};
use model::{Record, Value};
use protocols::scripted::{self, Said};
use protocols::{Arrival, Corrections};

/// Tags of one packet, and the length of one: words to search by, no texts.
const TAGS_MAX: usize = 32;
const TAG_BYTES_MAX: usize = 64;

/// Named texts of one packet.
const SET_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 4 << 10;

/// Address families, as Linux and the specification number them.
const INET: u8 = 2;
const INET6: u8 = 10;

/// Lines a run may print, and the length of one.
const PRINTS_MAX: usize = 32;
const PRINT_BYTES_MAX: usize = 1 << 10;

/// What a HEP header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) hep_type: u16,
    pub(crate) ip_protocol: Option<u8>,
    pub(crate) src_ip: Option<IpAddr>,
    pub(crate) src_port: Option<u16>,
    pub(crate) dst_ip: Option<IpAddr>,
    pub(crate) dst_port: Option<u16>,
    pub(crate) seconds: Option<u32>,
    pub(crate) micros: Option<u32>,
    pub(crate) capture_id: Option<u32>,
    pub(crate) node: Option<Vec<u8>>,
    pub(crate) correlation_id: Option<Vec<u8>>,
}

/// What scripts want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) header: Header,
    /// If it is another one.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) said: Said,
    /// Why it is not kept.
    pub(crate) dropped: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Work {
    sent: Header,
    /// What came with the packet: a relay of ours may have run scripts before. It takes nothing of what scripts may say here.
    earlier: Said,
    payload: Vec<u8>,
    /// At the stage of the record.
    pub(crate) table: Option<&'static str>,
    pub(crate) columns: Vec<(&'static str, Value<'static>)>,
    pub(crate) effects: Effects,
    pub(crate) prints: Vec<String>,
}

impl Work {
    pub(crate) fn of(packet: &Packet<'_>, arrival: &Arrival) -> Self {
        let header = Header::of(packet, arrival.corrections);
        Self {
            payload: packet.payload.to_vec(),
            earlier: scripted::said(packet).unwrap_or_default(),
            effects: Effects { header: header.clone(), ..Effects::default() },
            sent: header,
            ..Self::default()
        }
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.effects.payload.as_deref().unwrap_or(&self.payload)
    }

    /// The columns of the row to be.
    pub(crate) fn look_at(&mut self, record: &Record<'_>) {
        self.table = Some(record.table.name);
        let fields = record.table.fields.iter().zip(&record.values);
        self.columns = fields.map(|(field, value)| (field.name, value.clone().into_owned())).collect();
        let common = ["transport", "call_id", "listener", "sender", "ts", "received", "extra"];
        self.columns.extend(common.map(|name| (name, record.value(name).into_owned())));
    }

    pub(crate) fn print(&mut self, text: &str) {
        if self.prints.len() < PRINTS_MAX {
            self.prints.push(head(text, PRINT_BYTES_MAX).to_owned());
        }
    }

    pub(crate) fn tag(&mut self, name: &str) -> Result<(), String> {
        let tags = &mut self.effects.said.tags;
        if name.is_empty() || name.len() > TAG_BYTES_MAX {
            return Err(format!("a tag has 1 to {TAG_BYTES_MAX} bytes"));
        }
        if tags.iter().any(|known| known == name) {
            return Ok(());
        }
        if tags.len() >= TAGS_MAX {
            return Err(format!("more than {TAGS_MAX} tags"));
        }
        tags.push(name.to_owned());
        Ok(())
    }

    /// A column's text, or one that has no column.
    pub(crate) fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(format!("a name has 1 to {NAME_BYTES_MAX} bytes"));
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("the text of {name:?} is longer than {TEXT_BYTES_MAX} bytes"));
        }
        if name == "call_id" {
            self.effects.said.call_id = Some(text.to_owned());
            return Ok(());
        }
        let set = &mut self.effects.said.set;
        if let Some((_, before)) = set.iter_mut().find(|(known, _)| known == name) {
            text.clone_into(before);
            return Ok(());
        }
        if set.len() >= SET_MAX {
            return Err(format!("more than {SET_MAX} names are set"));
        }
        set.push((name.to_owned(), text.to_owned()));
        Ok(())
    }

    /// A field of the packet; false if it has none of this name.
    pub(crate) fn set_field(&mut self, name: &str, value: &[u8]) -> Result<bool, String> {
        let text = String::from_utf8_lossy(value);
        let header = &mut self.effects.header;
        match name {
            "payload" => {
                self.effects.payload = (value != self.payload).then(|| value.to_vec());
            }
            "src_ip" => header.src_ip = Some(parsed(name, &text)?),
            "dst_ip" => header.dst_ip = Some(parsed(name, &text)?),
            "src_port" => header.src_port = Some(parsed(name, &text)?),
            "dst_port" => header.dst_port = Some(parsed(name, &text)?),
            "hep_type" => header.hep_type = parsed(name, &text)?,
            "ip_protocol" => header.ip_protocol = Some(parsed(name, &text)?),
            "seconds" => header.seconds = Some(parsed(name, &text)?),
            "micros" => header.micros = Some(parsed(name, &text)?),
            "capture_id" => header.capture_id = Some(parsed(name, &text)?),
            "node" => header.node = Some(short(name, value)?),
            "correlation_id" => header.correlation_id = Some(short(name, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether it is to be another packet.
    pub(crate) fn is_changed(&self) -> bool {
        self.is_rewritten() || self.effects.said != Said::default()
    }

    /// Whether something it was sent with is to be something else.
    pub(crate) fn is_rewritten(&self) -> bool {
        self.effects.header != self.sent || self.effects.payload.is_some()
    }

    /// What changes, in words: for people who try a script.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut changes: Vec<String> = self
            .sent
            .differences(&self.effects.header)
            .map(|(name, from, to)| format!("{name}: {from} -> {to}"))
            .collect();
        if let Some(payload) = &self.effects.payload {
            changes.push(format!("payload: {} bytes -> {} bytes", self.payload.len(), payload.len()));
        }
        let said = &self.effects.said;
        changes.extend(said.tags.iter().map(|tag| format!("tag: {tag}")));
        changes.extend(said.call_id.iter().map(|call_id| format!("call_id: {call_id}")));
        changes.extend(said.set.iter().map(|(name, text)| format!("{name}: {text}")));
        changes
    }

    /// The packet as scripts want it, in place of the frame it came in.
    pub(crate) fn frame(&self, frame: &[u8], received_seconds: u32) -> Result<Vec<u8>, String> {
        let header = &self.effects.header;
        let mut said = self.earlier.clone();
        said.join(self.effects.said.clone());
        let mut bodies: Vec<(u16, Vec<u8>)> = Vec::new();
        let mut delete = Vec::new();
        for (name, from, _) in self.sent.differences(header) {
            if !said.sent.iter().any(|(known, _)| known == name) {
                said.sent.push((name.to_owned(), from));
            }
        }
        for (now, sent, v4, v6) in [
            (header.src_ip, self.sent.src_ip, kind::SRC_IPV4, kind::SRC_IPV6),
            (header.dst_ip, self.sent.dst_ip, kind::DST_IPV4, kind::DST_IPV6),
        ] {
            if let Some(address) = now.filter(|_| now != sent) {
                let (own, other, octets) = match address {
                    IpAddr::V4(address) => (v4, v6, address.octets().to_vec()),
                    IpAddr::V6(address) => (v6, v4, address.octets().to_vec()),
                };
                delete.push((GENERIC, other));
                bodies.push((own, octets));
            }
        }
        if let Some(address) = header.src_ip.filter(|_| !bodies.is_empty()) {
            bodies.push((kind::FAMILY, vec![if address.is_ipv4() { INET } else { INET6 }]));
        }
        let ports = [
            (header.src_port, self.sent.src_port, kind::SRC_PORT),
            (header.dst_port, self.sent.dst_port, kind::DST_PORT),
        ];
        let changed = ports.into_iter().filter(|(now, sent, _)| now != sent);
        bodies.extend(changed.filter_map(|(now, _, kind)| Some((kind, now?.to_be_bytes().to_vec()))));
        let numbers = [
            (header.seconds, self.sent.seconds, kind::SECONDS),
            (header.micros, self.sent.micros, kind::MICROS),
            (header.capture_id, self.sent.capture_id, kind::CAPTURE_ID),
        ];
        let changed = numbers.into_iter().filter(|(now, sent, _)| now != sent);
        bodies.extend(changed.filter_map(|(now, _, kind)| Some((kind, now?.to_be_bytes().to_vec()))));
        let texts = [
            (&header.node, &self.sent.node, kind::NODE),
            (&header.correlation_id, &self.sent.correlation_id, kind::CORRELATION_ID),
        ];
        let changed = texts.into_iter().filter(|(now, sent, _)| now != sent);
        bodies.extend(changed.filter_map(|(now, _, kind)| Some((kind, now.clone()?))));
        if let Some(protocol) = header.ip_protocol.filter(|_| header.ip_protocol != self.sent.ip_protocol) {
            bodies.push((kind::IP_PROTOCOL, vec![protocol]));
        }
        if header.hep_type != self.sent.hep_type {
            let body = u8::try_from(header.hep_type)
                .map_or_else(|_| header.hep_type.to_be_bytes().to_vec(), |octet| vec![octet]);
            bodies.push((kind::TYPE, body));
        }
        if let Some(payload) = &self.effects.payload {
            delete.push((GENERIC, kind::COMPRESSED));
            bodies.push((kind::PAYLOAD, payload.clone()));
        }
        let said = said.encode();
        let mut set =
            vec![Chunk { vendor: scripted::CHUNK.0, kind: scripted::CHUNK.1, body: said.as_bytes() }];
        set.extend(bodies.iter().map(|(kind, body)| Chunk { vendor: GENERIC, kind: *kind, body }));
        hep::edited(frame, received_seconds, Edits { delete: &delete, set: &set })
            .map_err(|error| error.to_string())
    }
}

impl Header {
    fn of(packet: &Packet<'_>, corrections: Corrections) -> Self {
        Self {
            hep_type: packet.hep_type.unwrap_or(0),
            ip_protocol: packet.ip_protocol,
            src_ip: packet.src_ip,
            src_port: packet.src_port,
            dst_ip: packet.dst_ip,
            dst_port: packet.dst_port,
            seconds: packet.seconds,
            micros: packet.micros,
            capture_id: corrections.capture_id(packet),
            node: packet.node.map(<[u8]>::to_vec),
            correlation_id: packet.correlation_id.map(<[u8]>::to_vec),
        }
    }

    /// Name, what it was and what it is.
    fn differences(&self, other: &Self) -> impl Iterator<Item = (&'static str, String, String)> {
        self.texts()
            .into_iter()
            .zip(other.texts())
            .filter(|((_, from), (_, to))| from != to)
            .map(|((name, from), (_, to))| (name, from, to))
    }

    fn texts(&self) -> [(&'static str, String); 11] {
        fn text<T: ToString>(value: Option<T>) -> String {
            value.map_or_else(String::new, |value| value.to_string())
        }
        let bytes = |value: &Option<Vec<u8>>| {
            value.as_deref().map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        [
            ("hep_type", self.hep_type.to_string()),
            ("ip_protocol", text(self.ip_protocol)),
            ("src_ip", text(self.src_ip)),
            ("src_port", text(self.src_port)),
            ("dst_ip", text(self.dst_ip)),
            ("dst_port", text(self.dst_port)),
            ("seconds", text(self.seconds)),
            ("micros", text(self.micros)),
            ("capture_id", text(self.capture_id)),
            ("node", bytes(&self.node)),
            ("correlation_id", bytes(&self.correlation_id)),
        ]
    }
}

fn parsed<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no {name}"))
}

fn short(name: &str, value: &[u8]) -> Result<Vec<u8>, String> {
    if value.len() > TEXT_BYTES_MAX {
        return Err(format!("{name} would be longer than {TEXT_BYTES_MAX} bytes"));
    }
    Ok(value.to_vec())
}

/// The longest beginning of at most this many bytes.
fn head(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
