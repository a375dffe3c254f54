//! Chunks: the parts a HEPv3 packet is made of, and the names of the known ones.

use core::fmt;
use core::iter::FusedIterator;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::resync;

/// Vendor, type and length, two bytes each, in front of every body.
pub const HEADER_BYTES: usize = 6;

/// Vendor of the chunks the specification itself defines.
pub const GENERIC: u16 = 0;
/// Vendor number of OpenSIPS.
pub const OPENSIPS: u16 = 3;
/// Vendor number of Genesys.
pub const GENESYS: u16 = 8;
/// Vendor number of the EEP-UM interception profile, which repeats the core types under its own number.
pub const EEP_UM: u16 = 9;

/// Types of the generic chunks (vendor 0).
#[allow(missing_docs, reason = "each is the specification's own name; `describe` documents them")]
pub mod kind {
    pub const FAMILY: u16 = 0x0001;
    pub const IP_PROTOCOL: u16 = 0x0002;
    pub const SRC_IPV4: u16 = 0x0003;
    pub const DST_IPV4: u16 = 0x0004;
    pub const SRC_IPV6: u16 = 0x0005;
    pub const DST_IPV6: u16 = 0x0006;
    pub const SRC_PORT: u16 = 0x0007;
    pub const DST_PORT: u16 = 0x0008;
    pub const SECONDS: u16 = 0x0009;
    pub const MICROS: u16 = 0x000a;
    pub const TYPE: u16 = 0x000b;
    pub const CAPTURE_ID: u16 = 0x000c;
    pub const KEEP_ALIVE: u16 = 0x000d;
    pub const KEY: u16 = 0x000e;
    pub const PAYLOAD: u16 = 0x000f;
    pub const COMPRESSED: u16 = 0x0010;
    pub const CORRELATION_ID: u16 = 0x0011;
    pub const VLAN: u16 = 0x0012;
    pub const NODE: u16 = 0x0013;
    pub const SRC_MAC: u16 = 0x0014;
    pub const DST_MAC: u16 = 0x0015;
    pub const ETHERTYPE: u16 = 0x0016;
    pub const TCP_FLAGS: u16 = 0x0017;
    pub const TOS: u16 = 0x0018;
    pub const MOS: u16 = 0x0020;
    pub const R_FACTOR: u16 = 0x0021;
    pub const GEO_LOCATION: u16 = 0x0022;
    pub const JITTER: u16 = 0x0023;
    pub const TRANSACTION_TYPE: u16 = 0x0024;
    pub const PAYLOAD_JSON_KEYS: u16 = 0x0025;
    pub const TAG_VALUES: u16 = 0x0026;
    pub const TAG_TYPE: u16 = 0x0027;
    pub const EVENT_TYPE: u16 = 0x0028;
    pub const GROUP_ID: u16 = 0x0029;
    pub const EXTRA_CORRELATION: u16 = 0x0065;
}

/// One chunk as it was on the wire. What it means depends on vendor *and* type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Whose type numbers apply; [`GENERIC`] for the specification's.
    pub vendor: u16,
    /// Type within the vendor's numbers.
    pub kind: u16,
    /// The bytes after the chunk header; fewer than announced if the packet was cut off.
    pub body: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The body read as the chunk's declared form, or as plain bytes if it is unknown or has the wrong size.
    #[must_use]
    pub fn value(&self) -> Value<'a> {
        let form = describe(self.vendor, self.kind).map_or(Form::Octets, |known| known.form);
        let value = match form {
            Form::Unsigned => unsigned(self.body).map(Value::Unsigned),
            Form::Address => address(self.body).map(Value::Address),
            Form::Text => core::str::from_utf8(self.body).ok().map(Value::Text),
            Form::Octets => None,
        };
        value.unwrap_or(Value::Octets(self.body))
    }

    /// True for the chunks that hold the shared secret.
    #[must_use]
    pub const fn is_key(&self) -> bool {
        matches!(self.vendor, GENERIC | EEP_UM) && self.kind == kind::KEY
    }

    /// True for the two forms of payload, plain and compressed.
    pub(crate) const fn is_payload(&self) -> bool {
        self.vendor == GENERIC && matches!(self.kind, kind::PAYLOAD | kind::COMPRESSED)
    }

    /// Whether a field of [`crate::Packet`] is read from such chunks.
    #[must_use]
    pub const fn has_field(&self) -> bool {
        self.vendor == GENERIC
            && matches!(self.kind, kind::FAMILY..=kind::TOS | kind::MOS..=kind::GROUP_ID | kind::EXTRA_CORRELATION)
    }
}

impl fmt::Debug for Chunk<'_> {
    /// Without the body: it may be a key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Chunk({}, {:#06x}, {} bytes)", self.vendor, self.kind, self.body.len())
    }
}

/// A chunk body, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Big-endian number.
    Unsigned(u64),
    /// IPv4 or IPv6 address.
    Address(IpAddr),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes of no known meaning, or not of the size their meaning needs.
    Octets(&'a [u8]),
}

/// How the body of a known chunk is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Big-endian number.
    Unsigned,
    /// IPv4 or IPv6 address.
    Address,
    /// Text.
    Text,
    /// Bytes.
    Octets,
}

/// A chunk type this crate knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Vendor number.
    pub vendor: u16,
    /// Type within the vendor's numbers.
    pub kind: u16,
    /// Stable name.
    pub name: &'static str,
    /// How to read the body.
    pub form: Form,
}

/// Name and form of a chunk type, if it is known.
#[must_use]
pub fn describe(vendor: u16, kind: u16) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.vendor == vendor && known.kind == kind)
}

/// Name of a vendor number, if the specification (or, for 9, its user) gives one.
#[must_use]
pub const fn vendor_name(vendor: u16) -> Option<&'static str> {
    Some(match vendor {
        GENERIC => "generic",
        1 => "freeswitch",
        2 => "kamailio",
        OPENSIPS => "opensips",
        4 => "asterisk",
        5 => "homer",
        6 => "sipxecs",
        7 => "yeti",
        GENESYS => "genesys",
        EEP_UM => "eep_um",
        _ => return None,
    })
}

/// How many bytes the number in a generic chunk has by the specification; `None` for other chunks. A type above 255
/// takes two.
#[must_use]
pub const fn number_bytes(vendor: u16, kind: u16) -> Option<usize> {
    if vendor != GENERIC {
        return None;
    }
    Some(match kind {
        kind::FAMILY | kind::IP_PROTOCOL | kind::TYPE | kind::TCP_FLAGS | kind::TOS => 1,
        kind::SRC_PORT | kind::DST_PORT | kind::KEEP_ALIVE | kind::VLAN | kind::ETHERTYPE => 2,
        kind::MOS | kind::R_FACTOR | kind::TAG_TYPE | kind::EVENT_TYPE => 2,
        kind::SECONDS | kind::MICROS | kind::CAPTURE_ID | kind::JITTER => 4,
        kind::SRC_MAC | kind::DST_MAC => 8,
        _ => return None,
    })
}

macro_rules! known {
    ($($vendor:ident $kind:expr, $name:literal $form:ident;)*) => {
        /// Every chunk type with a name: the generic ones, Genesys', and the EEP-UM profile's.
        pub const KNOWN: &[Known] =
            &[$(Known { vendor: $vendor, kind: $kind, name: $name, form: Form::$form }),*];
    };
}

known! {
    GENERIC kind::FAMILY, "family" Unsigned;
    GENERIC kind::IP_PROTOCOL, "ip_protocol" Unsigned;
    GENERIC kind::SRC_IPV4, "src_ipv4" Address;
    GENERIC kind::DST_IPV4, "dst_ipv4" Address;
    GENERIC kind::SRC_IPV6, "src_ipv6" Address;
    GENERIC kind::DST_IPV6, "dst_ipv6" Address;
    GENERIC kind::SRC_PORT, "src_port" Unsigned;
    GENERIC kind::DST_PORT, "dst_port" Unsigned;
    GENERIC kind::SECONDS, "seconds" Unsigned;
    GENERIC kind::MICROS, "micros" Unsigned;
    GENERIC kind::TYPE, "type" Unsigned;
    GENERIC kind::CAPTURE_ID, "capture_id" Unsigned;
    GENERIC kind::KEEP_ALIVE, "keep_alive_seconds" Unsigned;
    GENERIC kind::KEY, "key" Octets;
    GENERIC kind::PAYLOAD, "payload" Octets;
    GENERIC kind::COMPRESSED, "compressed_payload" Octets;
    GENERIC kind::CORRELATION_ID, "correlation_id" Text;
    GENERIC kind::VLAN, "vlan" Unsigned;
    GENERIC kind::NODE, "node" Text;
    GENERIC kind::SRC_MAC, "src_mac" Unsigned;
    GENERIC kind::DST_MAC, "dst_mac" Unsigned;
    GENERIC kind::ETHERTYPE, "ethertype" Unsigned;
    GENERIC kind::TCP_FLAGS, "tcp_flags" Unsigned;
    GENERIC kind::TOS, "tos" Unsigned;
    GENERIC kind::MOS, "mos" Unsigned;
    GENERIC kind::R_FACTOR, "r_factor" Unsigned;
    GENERIC kind::GEO_LOCATION, "geo_location" Text;
    GENERIC kind::JITTER, "jitter" Unsigned;
    GENERIC kind::TRANSACTION_TYPE, "transaction_type" Text;
    GENERIC kind::PAYLOAD_JSON_KEYS, "payload_json_keys" Text;
    GENERIC kind::TAG_VALUES, "tag_values" Text;
    GENERIC kind::TAG_TYPE, "tag_type" Unsigned;
    GENERIC kind::EVENT_TYPE, "event_type" Unsigned;
    GENERIC kind::GROUP_ID, "group_id" Text;
    GENERIC kind::EXTRA_CORRELATION, "extra_correlation" Text;
    GENESYS 0x0080, "conversation_id" Text;
    GENESYS 0x0081, "organization_id" Text;
    GENESYS 0x0082, "site_id" Text;
    GENESYS 0x0083, "trunk_base_id" Text;
    GENESYS 0x0084, "edge_id" Text;
    EEP_UM 0x0001, "family" Unsigned;
    EEP_UM 0x0002, "ip_protocol" Unsigned;
    EEP_UM 0x0003, "src_ipv4" Address;
    EEP_UM 0x0004, "dst_ipv4" Address;
    EEP_UM 0x0005, "src_ipv6" Address;
    EEP_UM 0x0006, "dst_ipv6" Address;
    EEP_UM 0x0007, "src_port" Unsigned;
    EEP_UM 0x0008, "dst_port" Unsigned;
    EEP_UM 0x0009, "seconds" Unsigned;
    EEP_UM 0x000a, "micros" Unsigned;
    EEP_UM 0x000b, "type" Unsigned;
    EEP_UM 0x000c, "network_element_id" Unsigned;
    EEP_UM 0x000d, "location" Text;
    EEP_UM 0x000e, "record_type" Unsigned;
    EEP_UM 0x000f, "payload" Octets;
    EEP_UM 0x0011, "operator_id" Text;
    EEP_UM 0x0012, "interception_direction" Unsigned;
    EEP_UM 0x0013, "session_direction" Unsigned;
    EEP_UM 0x0014, "liid" Unsigned;
    EEP_UM 0x0015, "cid" Unsigned;
    EEP_UM 0x0016, "sequence_number" Unsigned;
    EEP_UM 0x0017, "node_type" Unsigned;
    EEP_UM 0x0018, "data_type" Unsigned;
}

/// Iterator over the chunks of a packet; see [`crate::Packet::chunks`].
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Chunks<'a> {
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        match first(self.rest) {
            First::Chunk { chunk, rest, .. } => {
                self.rest = rest;
                Some(chunk)
            }
            First::End | First::NextPacket | First::Broken => {
                self.rest = &[];
                None
            }
        }
    }
}

impl FusedIterator for Chunks<'_> {}

/// What stands at the front of a run of chunks.
pub(crate) enum First<'a> {
    Chunk {
        chunk: Chunk<'a>,
        rest: &'a [u8],
        state: State,
    },
    /// Nothing left.
    End,
    /// The id of another packet: this one's length was wrong. Read as a chunk it would be of vendor 0x4845 or
    /// 0x4545, which nobody has.
    NextPacket,
    /// No chunk header, or one that cannot be true.
    Broken,
}

/// How much of a chunk was there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Whole,
    /// The announced length runs past the end; the body is what is there.
    Cut,
    /// The announced length is below the header's own six bytes; taken as an empty chunk because a plausible
    /// chunk follows.
    Short,
}

/// Reads one chunk off the front (specification, section "HEP generic header").
#[inline]
pub(crate) fn first(bytes: &[u8]) -> First<'_> {
    let &[v0, v1, k0, k1, l0, l1, ref after @ ..] = bytes else {
        return if bytes.is_empty() { First::End } else { First::Broken };
    };
    let (vendor, kind) = (u16::from_be_bytes([v0, v1]), u16::from_be_bytes([k0, k1]));
    if resync::has_magic(bytes) {
        return First::NextPacket;
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let Some(body_bytes) = length.checked_sub(HEADER_BYTES) else {
        if resync::plausible_chunk(after, after.len()) {
            let chunk = Chunk { vendor, kind, body: &[] };
            return First::Chunk { chunk, rest: after, state: State::Short };
        }
        return First::Broken;
    };
    let (body, rest, state) = match after.split_at_checked(body_bytes) {
        Some((body, rest)) => (body, rest, State::Whole),
        None => (after, &[][..], State::Cut),
    };
    First::Chunk { chunk: Chunk { vendor, kind, body }, rest, state }
}

/// Big-endian number of one to eight bytes: the leniency every integer chunk gets.
pub(crate) fn unsigned(body: &[u8]) -> Option<u64> {
    if body.is_empty() || body.len() > 8 {
        return None;
    }
    Some(body.iter().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
}

fn address(body: &[u8]) -> Option<IpAddr> {
    match *body {
        [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ => Some(Ipv6Addr::from(<[u8; 16]>::try_from(body).ok()?).into()),
    }
}
