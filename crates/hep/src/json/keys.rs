//! The keys of `rcinfo`, and the chunk each stands for.

use crate::chunk::{GENERIC, GENESYS, kind};

/// One key of `rcinfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// The chunk's vendor; 0 for the specification's own.
    pub vendor: u16,
    /// The chunk's type; for an address, that of IPv4.
    pub kind: u16,
    /// How a value becomes the body of the chunk.
    pub form: Form,
    /// All spellings. The first is written; of several that are there, the earlier counts.
    pub names: &'static [&'static str],
}

/// How a value becomes the body of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A number of 8 bits.
    U8,
    /// A number of 16 bits.
    U16,
    /// A number of 32 bits.
    U32,
    /// A number in one byte, or in two above 255.
    Type,
    /// `00:01:02:03:04:05`.
    Mac,
    /// Of the family that the text shows; IPv6 has the chunk type two further.
    Address,
    /// As it is.
    Text,
}

/// Written by senders for people to read; they say nothing that is not said elsewhere.
pub(super) const DECORATION: &[&str] = &["type", "version"];

/// The list of chunks that have no key.
pub(super) const CHUNKS: &str = "chunks";

pub(super) const PAYLOAD: &str = "payload";

/// A payload that is not UTF-8.
pub(super) const PAYLOAD_HEX: &str = "payloadHex";

/// An old spelling of the payload type, in which some write a name beside the number.
pub(super) const TYPE_OR_NAME: &str = "payload_type";

macro_rules! keys {
    ($($vendor:ident $kind:expr, $form:ident: $($name:literal)+;)*) => {
        /// The keys of `rcinfo` that stand for a chunk, in the order of the specification's table, which is that of
        /// most senders.
        pub const KEYS: &[Key] =
            &[$(Key { vendor: $vendor, kind: $kind, form: Form::$form, names: &[$($name),+] }),*];
    };
}

keys! {
    GENERIC kind::FAMILY, U8: "protocolFamily" "ip_family" "family";
    GENERIC kind::IP_PROTOCOL, U8: "protocol" "ip_protocol";
    GENERIC kind::SRC_IPV4, Address: "srcIp" "src_ip";
    GENERIC kind::DST_IPV4, Address: "dstIp" "dst_ip";
    GENERIC kind::SRC_PORT, U16: "srcPort" "src_port";
    GENERIC kind::DST_PORT, U16: "dstPort" "dst_port";
    GENERIC kind::SECONDS, U32: "timeSeconds" "time_sec" "seconds";
    GENERIC kind::MICROS, U32: "timeUseconds" "time_usec" "micros";
    GENERIC kind::TYPE, Type: "payloadType" "proto_type" "payload_type";
    GENERIC kind::CAPTURE_ID, U32: "captureId" "capture_id";
    GENERIC kind::KEY, Text: "capturePass" "capture_pass";
    GENERIC kind::CORRELATION_ID, Text: "correlation_id" "correlationId";
    GENERIC kind::NODE, Text: "hepNodeName" "node";
    GENERIC kind::KEEP_ALIVE, U16: "keepAlive" "keep_alive_seconds";
    GENERIC kind::VLAN, U16: "vlan";
    GENERIC kind::SRC_MAC, Mac: "srcMac" "src_mac";
    GENERIC kind::DST_MAC, Mac: "dstMac" "dst_mac";
    GENERIC kind::ETHERTYPE, U16: "etherType" "ethertype";
    GENERIC kind::TCP_FLAGS, U8: "tcpFlags" "tcp_flags";
    GENERIC kind::TOS, U8: "tos";
    GENERIC kind::MOS, U16: "mos";
    GENERIC kind::R_FACTOR, U16: "rFactor" "r_factor";
    GENERIC kind::GEO_LOCATION, Text: "geoLocation" "geo_location";
    GENERIC kind::JITTER, U32: "jitter";
    GENERIC kind::TRANSACTION_TYPE, Text: "transaction_type" "transactionType";
    GENERIC kind::PAYLOAD_JSON_KEYS, Text: "payloadJsonKeys" "payload_json_keys";
    GENERIC kind::TAG_VALUES, Text: "tagValues" "tag_values";
    GENERIC kind::TAG_TYPE, U16: "tagType" "tag_type";
    GENERIC kind::EVENT_TYPE, U16: "eventType" "event_type";
    GENERIC kind::GROUP_ID, Text: "groupId" "group_id";
    GENERIC kind::EXTRA_CORRELATION, Text: "extraCorrelation" "extra_correlation";
    GENESYS 0x0080, Text: "conversationId" "conversation_id";
    GENESYS 0x0081, Text: "organizationId" "organization_id";
    GENESYS 0x0082, Text: "siteId" "site_id";
    GENESYS 0x0083, Text: "trunkBaseId" "trunk_base_id";
    GENESYS 0x0084, Text: "edgeId" "edge_id";
}
