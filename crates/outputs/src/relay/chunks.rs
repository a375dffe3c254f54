//! Chunks as a configuration writes them: by name or `VENDOR:TYPE`, with the value types of OpenSIPS' `hep_set`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use hep::Chunk;
use hep::chunk::{self, Form, GENERIC};

/// Longest value: with it a packet may still be sent in a datagram.
const BYTES_MAX: usize = 65_500;

/// A chunk to be set. Its value may be a key, and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ChunkValue {
    vendor: u16,
    kind: u16,
    body: Vec<u8>,
}

/// The value types that a chunk may be given.
const TYPES: [&str; 8] =
    ["uint8", "uint16", "uint32", "uint64", "inet4-addr", "inet6-addr", "utf8-string", "octet-string"];

impl ChunkValue {
    /// `name` as [`chunk_name`] reads it; `of` is one of the types of `hep_set`, and is needed where the chunk has no
    /// form of its own. An octet string is written in hexadecimal.
    pub fn new(name: &str, of: Option<&str>, value: &str) -> Result<Self, String> {
        let (vendor, kind) = chunk_name(name)?;
        if is_payload(vendor, kind) {
            return Err(format!("{name} is the payload, which is sent on as it is"));
        }
        let of = match of {
            Some(of) => of,
            None => own_type(vendor, kind).ok_or_else(|| {
                format!("{name} has no type of its own; set type to one of {}", TYPES.join(", "))
            })?,
        };
        let body = body(of, value)?;
        if body.len() > BYTES_MAX {
            return Err(format!("a value of {} bytes is longer than {BYTES_MAX}", body.len()));
        }
        Ok(Self { vendor, kind, body })
    }

    pub(super) fn chunk(&self) -> Chunk<'_> {
        Chunk { vendor: self.vendor, kind: self.kind, body: &self.body }
    }

    /// Vendor and type.
    pub fn id(&self) -> (u16, u16) {
        (self.vendor, self.kind)
    }
}

impl fmt::Debug for ChunkValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkValue({}:{:#06x}, {} bytes)", self.vendor, self.kind, self.body.len())
    }
}

/// Vendor and type of a chunk: the name of a generic one, as `rhapsode hep decode` writes it, or both numbers as
/// `VENDOR:TYPE`, decimal or with `0x`.
pub fn chunk_name(text: &str) -> Result<(u16, u16), String> {
    if let Some((vendor, kind)) = text.split_once(':') {
        let number = |text: &str| match text.trim().strip_prefix("0x") {
            Some(digits) => u16::from_str_radix(digits, 16),
            None => text.trim().parse(),
        };
        if let (Ok(vendor), Ok(kind)) = (number(vendor), number(kind)) {
            return Ok((vendor, kind));
        }
        return Err(format!("{text:?} is no chunk; write VENDOR:TYPE, as in 3:0x0020"));
    }
    let generic = || chunk::KNOWN.iter().filter(|known| known.vendor == GENERIC);
    match generic().find(|known| known.name == text) {
        Some(known) => Ok((known.vendor, known.kind)),
        None => {
            let nearest = model::query::nearest(text, generic().map(|known| known.name));
            let hint = nearest.map_or_else(
                || "write the name of a generic chunk, or VENDOR:TYPE".to_owned(),
                |name| format!("did you mean {name}?"),
            );
            Err(format!("there is no chunk {text:?}; {hint}"))
        }
    }
}

pub(super) const fn is_payload(vendor: u16, kind: u16) -> bool {
    vendor == GENERIC && matches!(kind, chunk::kind::PAYLOAD | chunk::kind::COMPRESSED)
}

/// What the specification says a chunk holds.
fn own_type(vendor: u16, kind: u16) -> Option<&'static str> {
    match chunk::number_bytes(vendor, kind) {
        Some(1) => return Some("uint8"),
        Some(2) => return Some("uint16"),
        Some(4) => return Some("uint32"),
        Some(8) => return Some("uint64"),
        _ => {}
    }
    if vendor == GENERIC && matches!(kind, chunk::kind::SRC_IPV4 | chunk::kind::DST_IPV4) {
        return Some("inet4-addr");
    }
    if (vendor, kind) == (GENERIC, chunk::kind::KEY) {
        return Some("utf8-string");
    }
    match chunk::describe(vendor, kind)?.form {
        Form::Address => Some("inet6-addr"),
        Form::Text => Some("utf8-string"),
        Form::Octets => Some("octet-string"),
        Form::Unsigned => None,
    }
}

fn body(of: &str, value: &str) -> Result<Vec<u8>, String> {
    let number = || value.parse::<u64>().map_err(|_| format!("{value:?} is no {of}"));
    let fits = |bytes: usize| {
        let all = number()?.to_be_bytes();
        let (rest, kept) = all.split_at(8 - bytes);
        if rest.iter().any(|byte| *byte != 0) {
            return Err(format!("{value} does not fit into {of}"));
        }
        Ok(kept.to_vec())
    };
    match of {
        "uint8" => fits(1),
        "uint16" => fits(2),
        "uint32" => fits(4),
        "uint64" => fits(8),
        "inet4-addr" => {
            let address: Ipv4Addr = value.parse().map_err(|_| format!("{value:?} is no IPv4 address"))?;
            Ok(address.octets().to_vec())
        }
        "inet6-addr" => {
            let address: Ipv6Addr = value.parse().map_err(|_| format!("{value:?} is no IPv6 address"))?;
            Ok(address.octets().to_vec())
        }
        "utf8-string" => Ok(value.as_bytes().to_vec()),
        "octet-string" => octets(value).ok_or_else(|| format!("{value:?} is not hexadecimal")),
        _ => Err(format!("there is no type {of:?}; the types are {}", TYPES.join(", "))),
    }
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().filter(|c| *c != ' ').map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, of: Option<&str>, value: &str) -> Result<(u16, u16, Vec<u8>), String> {
        ChunkValue::new(name, of, value).map(|chunk| (chunk.vendor, chunk.kind, chunk.body))
    }

    #[test]
    fn values_have_the_form_of_their_chunk_or_the_one_named() {
        for (name, of, value, expected) in [
            ("capture_id", None, "2001", (0, 0x0c, vec![0, 0, 7, 209])),
            ("node", None, "edge", (0, 0x13, b"edge".to_vec())),
            ("key", None, "secret", (0, 0x0e, b"secret".to_vec())),
            ("vlan", None, "7", (0, 0x12, vec![0, 7])),
            ("src_ipv4", None, "10.0.0.1", (0, 3, vec![10, 0, 0, 1])),
            ("3:0x0020", Some("uint16"), "258", (3, 0x20, vec![1, 2])),
            ("0x0003:33", Some("octet-string"), "0a ff", (3, 33, vec![10, 255])),
        ] {
            assert_eq!(set(name, of, value), Ok(expected));
        }
        for (name, of, value, words) in [
            ("nod", None, "x", "did you mean node?"),
            ("payload", None, "00", "the payload"),
            ("3:32", None, "x", "has no type of its own"),
            ("3:32", Some("uint9"), "1", "the types are uint8"),
            ("vlan", None, "65536", "does not fit into uint16"),
            ("vlan", None, "seven", "\"seven\" is no uint16"),
            ("x:y", None, "1", "write VENDOR:TYPE"),
            ("3:1", Some("octet-string"), "0x1", "not hexadecimal"),
        ] {
            let error = set(name, of, value).expect_err(name);
            assert!(error.contains(words), "{error}");
        }
    }
}
