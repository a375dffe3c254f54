use alloc::borrow::Cow;
use core::fmt;
use core::net::IpAddr;

use crate::{Chunks, Flags};

/// The payload type of SIP. HEPv1 and HEPv2 carry nothing else and therefore do not state it.
pub(crate) const SIP_TYPE: u16 = 1;

/// Which wire format a packet had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// No version of HEP: the protocol-buffer message of heplify's first versions, on datagrams only.
    Protobuf,
    /// Fixed header, SIP only, no time.
    V1,
    /// Fixed header, SIP only, with time and capture id.
    V2,
    /// Chunks (`HEP3`, `EEP3`, `EEP1`).
    V3,
}

impl Version {
    /// 1, 2 or 3; 0 for the protocol-buffer form, which has none.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Protobuf => 0,
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// One decoded packet. Byte fields borrow from the input; numbers are as on the wire.
///
/// Fields are `None` when the chunk is absent or unusable. Zero addresses, times and ids are kept as they came:
/// some senders mean them. `Debug` never prints the key.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Packet<'a> {
    /// Wire format.
    pub version: Version,
    /// 0x0001 address family as the sender's operating system numbers it. The addresses do not depend on it.
    pub family: Option<u8>,
    /// 0x0002 IP protocol number; see [`Packet::transport`] for what senders put here.
    pub ip_protocol: Option<u8>,
    /// 0x0003 or 0x0005 source address of the captured traffic.
    pub src_ip: Option<IpAddr>,
    /// 0x0004 or 0x0006 destination address of the captured traffic.
    pub dst_ip: Option<IpAddr>,
    /// 0x0007 source port.
    pub src_port: Option<u16>,
    /// 0x0008 destination port.
    pub dst_port: Option<u16>,
    /// 0x0009 seconds since 1970, by the sender's clock.
    pub seconds: Option<u32>,
    /// 0x000a microseconds within the second. Some senders put milliseconds here.
    pub micros: Option<u32>,
    /// 0x000b payload type; SIP for HEPv1 and HEPv2. One byte by the specification, two for the types above 255 that
    /// only JSON senders can name. If the chunk is missing, the type of SIP when the payload
    /// looks like it, else `None`, to be treated as type 0.
    pub hep_type: Option<u16>,
    /// 0x000c capture agent id. Several senders shift it left by 16 bits; it is not corrected here.
    pub capture_id: Option<u32>,
    /// 0x000d keep-alive timer in seconds. Defined everywhere, sent by nobody known.
    pub keep_alive_seconds: Option<u16>,
    /// 0x000e authentication key, in plain text. May be present and empty.
    pub key: Option<&'a [u8]>,
    /// 0x0011 correlation id, usually the SIP Call-ID.
    pub correlation_id: Option<&'a [u8]>,
    /// 0x0012 VLAN id.
    pub vlan: Option<u16>,
    /// 0x0013 name of the capture node.
    pub node: Option<&'a [u8]>,
    /// 0x0014 source MAC address as a number of 48 (or 64) bits.
    pub src_mac: Option<u64>,
    /// 0x0015 destination MAC address as a number of 48 (or 64) bits.
    pub dst_mac: Option<u64>,
    /// 0x0016 Ethernet type.
    pub ethertype: Option<u16>,
    /// 0x0017 TCP flags.
    pub tcp_flags: Option<u8>,
    /// 0x0018 IP type of service.
    pub tos: Option<u8>,
    /// 0x0020 mean opinion score times 100.
    pub mos: Option<u16>,
    /// 0x0021 R-factor.
    pub r_factor: Option<u16>,
    /// 0x0022 geographic location.
    pub geo_location: Option<&'a [u8]>,
    /// 0x0023 jitter.
    pub jitter: Option<u32>,
    /// 0x0024 transaction type such as `call` or `registration`.
    pub transaction_type: Option<&'a [u8]>,
    /// 0x0025 keys of a JSON payload.
    pub payload_json_keys: Option<&'a [u8]>,
    /// 0x0026 tag values.
    pub tag_values: Option<&'a [u8]>,
    /// 0x0027 type of the tag values.
    pub tag_type: Option<u16>,
    /// 0x0028 event type: 1 recording, 2 recording for lawful interception.
    pub event_type: Option<u16>,
    /// 0x0029 group id.
    pub group_id: Option<&'a [u8]>,
    /// 0x0065 further correlation ids as a JSON object; OpenSIPS only, unregistered.
    pub extra_correlation: Option<&'a [u8]>,
    /// 0x000f payload, or 0x0010 inflated. Exact, trailing NULs included; empty if absent.
    pub payload: Cow<'a, [u8]>,
    /// What was odd.
    pub flags: Flags,
    /// The chunks of a HEPv3 packet, header removed; empty for all others.
    pub(crate) body: &'a [u8],
    pub(crate) may_hold_keys: bool,
    pub(crate) has_other_chunks: bool,
}

impl<'a> Packet<'a> {
    pub(crate) const fn new(version: Version) -> Self {
        Self {
            version,
            family: None,
            ip_protocol: None,
            src_ip: None,
            dst_ip: None,
            src_port: None,
            dst_port: None,
            seconds: None,
            micros: None,
            hep_type: None,
            capture_id: None,
            keep_alive_seconds: None,
            key: None,
            correlation_id: None,
            vlan: None,
            node: None,
            src_mac: None,
            dst_mac: None,
            ethertype: None,
            tcp_flags: None,
            tos: None,
            mos: None,
            r_factor: None,
            geo_location: None,
            jitter: None,
            transaction_type: None,
            payload_json_keys: None,
            tag_values: None,
            tag_type: None,
            event_type: None,
            group_id: None,
            extra_correlation: None,
            payload: Cow::Borrowed(&[]),
            flags: Flags::NONE,
            body: &[],
            may_hold_keys: true,
            has_other_chunks: false,
        }
    }

    /// Every chunk in wire order, unknown and vendor chunks included. Empty for all versions but 3.
    #[must_use]
    pub const fn chunks(&self) -> Chunks<'a> {
        Chunks::new(self.body)
    }

    /// False if [`crate::blank_key`] would find nothing to blank in the frame of this packet: no key, and no packet
    /// inside a payload. Nearly every packet of version 3 is like that.
    #[must_use]
    pub const fn may_hold_keys(&self) -> bool {
        self.may_hold_keys
    }

    /// Whether [`Packet::chunks`] has any that no field of this structure was read from: those of vendors, and of
    /// numbers the specification does not have.
    #[must_use]
    pub const fn has_other_chunks(&self) -> bool {
        self.has_other_chunks
    }

    /// Transport of the captured traffic, as far as the protocol number tells.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        match self.ip_protocol {
            Some(number) => Transport::from_ip_protocol(number),
            None => Transport::Unknown,
        }
    }

    /// True for the pings of known agents, which are signs of life and nothing to keep: heplify's (type 0, no
    /// address, payload `HEP3` and two more bytes) and the HFP proxy's (payload `HEP PING`).
    #[must_use]
    pub fn is_keepalive(&self) -> bool {
        let heplify = self.src_ip.is_none()
            && self.dst_ip.is_none()
            && matches!(self.hep_type, None | Some(0))
            && self.payload.starts_with(b"HEP3");
        heplify || matches!(self.payload.trim_ascii(), b"HEP PING" | b"HELLO HFP")
    }
}

impl fmt::Debug for Packet<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| alloc::string::String::from_utf8_lossy(bytes).into_owned();
        formatter
            .debug_struct("Packet")
            .field("version", &self.version)
            .field("transport", &self.transport())
            .field("src_ip", &self.src_ip)
            .field("src_port", &self.src_port)
            .field("dst_ip", &self.dst_ip)
            .field("dst_port", &self.dst_port)
            .field("seconds", &self.seconds)
            .field("micros", &self.micros)
            .field("hep_type", &self.hep_type)
            .field("capture_id", &self.capture_id)
            .field("key", &self.key.map(|_| "redacted"))
            .field("correlation_id", &self.correlation_id.map(text))
            .field("node", &self.node.map(text))
            .field("flags", &self.flags)
            .field("payload", &text(&self.payload))
            .finish_non_exhaustive()
    }
}

/// Transport of the captured traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP, protocol 17.
    Udp,
    /// TCP, protocol 6. Some senders say so for every reliable transport.
    Tcp,
    /// SCTP, protocol 132.
    Sctp,
    /// TLS, by the unused protocol number 22. Kamailio uses 22 for WebSocket too.
    Tls,
    /// WebSocket, by protocol number 50, as OpenSIPS does for both its kinds.
    Ws,
    /// WebSocket over TLS. No protocol number stands for it alone; readers of the SIP Via may know better.
    Wss,
    /// Anything else, or not stated.
    Unknown,
}

impl Transport {
    /// What senders mean by an IP protocol number.
    #[must_use]
    pub const fn from_ip_protocol(number: u8) -> Self {
        match number {
            6 => Self::Tcp,
            17 => Self::Udp,
            22 => Self::Tls,
            50 => Self::Ws,
            132 => Self::Sctp,
            _ => Self::Unknown,
        }
    }

    /// Lower-case name: `udp`, `tcp`, `sctp`, `tls`, `ws`, `wss`, `unknown`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Sctp => "sctp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Unknown => "unknown",
        }
    }
}
