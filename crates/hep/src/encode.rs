use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use crate::chunk::{Chunk, GENERIC, HEADER_BYTES as CHUNK_HEADER_BYTES, kind};
use crate::{legacy, packet::SIP_TYPE, resync};

/// A packet to be sent.
///
/// Start from [`Outgoing::new`] and fill in what is known; encode with the version the collector expects, which
/// should be 3. All encoders append to the given buffer and leave it as it was on error.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Source of the captured traffic.
    pub src: SocketAddr,
    /// Destination of the captured traffic.
    pub dst: SocketAddr,
    /// 0x0002 IP protocol of the captured traffic.
    pub ip_protocol: u8,
    /// 0x0009 seconds since 1970.
    pub seconds: u32,
    /// 0x000a microseconds within the second.
    pub micros: u32,
    /// 0x000b payload type, in two bytes above 255. HEPv1 and HEPv2 can only say SIP, and do so whatever stands here.
    pub hep_type: u16,
    /// 0x000c capture agent id. HEPv1 has none, HEPv2 has 16 bits for it.
    pub capture_id: u32,
    /// 0x000e authentication key, in plain text.
    pub key: Option<&'a [u8]>,
    /// 0x0011 correlation id.
    pub correlation_id: Option<&'a [u8]>,
    /// 0x0012 VLAN id.
    pub vlan: Option<u16>,
    /// 0x0013 name of the capture node.
    pub node: Option<&'a [u8]>,
    /// 0x0020 mean opinion score times 100.
    pub mos: Option<u16>,
    /// Any further chunks, written as they are.
    pub more: &'a [Chunk<'a>],
    /// 0x000f payload.
    pub payload: &'a [u8],
    /// Send the payload as a zlib stream in 0x0010 instead.
    pub compress: bool,
}

impl<'a> Outgoing<'a> {
    /// A SIP message over UDP at time zero from capture agent 0, without payload and options.
    #[must_use]
    pub const fn new(src: SocketAddr, dst: SocketAddr) -> Self {
        Self {
            src,
            dst,
            ip_protocol: 17,
            seconds: 0,
            micros: 0,
            hep_type: SIP_TYPE,
            capture_id: 0,
            key: None,
            correlation_id: None,
            vlan: None,
            node: None,
            mos: None,
            more: &[],
            payload: &[],
            compress: false,
        }
    }

    /// Appends a HEPv3 packet: the mandatory chunks in the specification's order, options, payload last.
    ///
    /// # Errors
    /// If the packet would be longer than its 16-bit length can say.
    pub fn encode_v3(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        self.write_v3(out, start).inspect_err(|_| out.truncate(start))
    }

    /// Appends a HEPv2 packet, clock little-endian as C senders write it.
    ///
    /// # Errors
    /// If the addresses are of different families or the capture id needs more than 16 bits.
    pub fn encode_v2(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let capture_id =
            u16::try_from(self.capture_id).map_err(|_| EncodeError::CaptureId { id: self.capture_id })?;
        self.write_legacy_header(2, out)?;
        out.extend_from_slice(&self.seconds.to_le_bytes());
        out.extend_from_slice(&self.micros.to_le_bytes());
        out.extend_from_slice(&capture_id.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(self.payload);
        Ok(())
    }

    /// Appends a HEPv1 packet.
    ///
    /// # Errors
    /// If the addresses are of different families.
    pub fn encode_v1(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.write_legacy_header(1, out)?;
        out.extend_from_slice(self.payload);
        Ok(())
    }

    fn write_v3(&self, out: &mut Vec<u8>, start: usize) -> Result<(), EncodeError> {
        let family = if self.src.is_ipv4() { legacy::INET } else { INET6_LINUX };
        begin_v3(out);
        put(out, kind::FAMILY, &[family])?;
        put(out, kind::IP_PROTOCOL, &[self.ip_protocol])?;
        put_address(out, self.src.ip(), kind::SRC_IPV4, kind::SRC_IPV6)?;
        put_address(out, self.dst.ip(), kind::DST_IPV4, kind::DST_IPV6)?;
        put(out, kind::SRC_PORT, &self.src.port().to_be_bytes())?;
        put(out, kind::DST_PORT, &self.dst.port().to_be_bytes())?;
        put(out, kind::SECONDS, &self.seconds.to_be_bytes())?;
        put(out, kind::MICROS, &self.micros.to_be_bytes())?;
        match u8::try_from(self.hep_type) {
            Ok(octet) => put(out, kind::TYPE, &[octet])?,
            Err(_) => put(out, kind::TYPE, &self.hep_type.to_be_bytes())?,
        }
        put(out, kind::CAPTURE_ID, &self.capture_id.to_be_bytes())?;
        for (kind, text) in
            [(kind::NODE, self.node), (kind::KEY, self.key), (kind::CORRELATION_ID, self.correlation_id)]
        {
            if let Some(text) = text {
                put(out, kind, text)?;
            }
        }
        for (kind, number) in [(kind::VLAN, self.vlan), (kind::MOS, self.mos)] {
            if let Some(number) = number {
                put(out, kind, &number.to_be_bytes())?;
            }
        }
        for &chunk in self.more {
            put_chunk(out, chunk)?;
        }
        if self.compress {
            // Level 6 is zlib's own default and what C senders use.
            put(out, kind::COMPRESSED, &miniz_oxide::deflate::compress_to_vec_zlib(self.payload, 6))?;
        } else {
            put(out, kind::PAYLOAD, self.payload)?;
        }
        end_v3(out, start)
    }

    fn write_legacy_header(&self, version: u8, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        // The length octet counts header and addresses, not the clock: the reading most receivers insist on.
        let (length, family) = match (self.src, self.dst) {
            (SocketAddr::V4(_), SocketAddr::V4(_)) => (16, legacy::INET),
            (SocketAddr::V6(_), SocketAddr::V6(_)) => (40, INET6_LINUX),
            _ => return Err(EncodeError::MixedFamilies),
        };
        out.extend_from_slice(&[version, length, family, self.ip_protocol]);
        out.extend_from_slice(&self.src.port().to_be_bytes());
        out.extend_from_slice(&self.dst.port().to_be_bytes());
        for address in [self.src.ip(), self.dst.ip()] {
            match address {
                IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
            }
        }
        Ok(())
    }
}

/// `AF_INET6` of Linux, which the specification's tables use.
const INET6_LINUX: u8 = 10;

fn put_address(out: &mut Vec<u8>, address: IpAddr, ipv4: u16, ipv6: u16) -> Result<(), EncodeError> {
    match address {
        IpAddr::V4(address) => put(out, ipv4, &address.octets()),
        IpAddr::V6(address) => put(out, ipv6, &address.octets()),
    }
}

/// Header of a version 3 packet, its length still to be filled in.
pub(crate) fn begin_v3(out: &mut Vec<u8>) {
    out.extend_from_slice(b"HEP3\0\0");
}

/// Fills in the length of the packet that begins at `start`.
pub(crate) fn end_v3(out: &mut [u8], start: usize) -> Result<(), EncodeError> {
    let bytes = out.len().saturating_sub(start);
    let length = u16::try_from(bytes).map_err(|_| EncodeError::TooLong { bytes })?;
    if let Some(field) = out.get_mut(start.saturating_add(4)..start.saturating_add(resync::HEADER_BYTES)) {
        field.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

pub(crate) fn put(out: &mut Vec<u8>, kind: u16, body: &[u8]) -> Result<(), EncodeError> {
    put_chunk(out, Chunk { vendor: GENERIC, kind, body })
}

pub(crate) fn put_chunk(out: &mut Vec<u8>, chunk: Chunk<'_>) -> Result<(), EncodeError> {
    let bytes = chunk.body.len().saturating_add(CHUNK_HEADER_BYTES);
    let length = u16::try_from(bytes).map_err(|_| EncodeError::TooLong { bytes })?;
    out.extend_from_slice(&chunk.vendor.to_be_bytes());
    out.extend_from_slice(&chunk.kind.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(chunk.body);
    Ok(())
}

/// Why a packet cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// Packet or chunk longer than 65,535 bytes. Senders that let the length wrap lose their receiver.
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// HEPv1 and HEPv2 have one address family for both ends.
    MixedFamilies,
    /// HEPv2 has 16 bits for the capture id.
    CaptureId {
        /// The id that does not fit.
        id: u32,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(formatter, "packet of {bytes} bytes is longer than 65535"),
            Self::MixedFamilies => {
                formatter.write_str("source and destination are of different address families")
            }
            Self::CaptureId { id } => write!(formatter, "capture id {id} does not fit into 16 bits"),
        }
    }
}

impl core::error::Error for EncodeError {}
