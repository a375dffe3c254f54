use crate::bytes::{clipped, u8_at, u16_at, u32_at};
use crate::ip::Ip;

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport<'a> {
    /// A UDP datagram (or its first fragment).
    Udp(Udp<'a>),
    /// A TCP segment.
    Tcp(Tcp<'a>),
    /// An SCTP packet.
    Sctp(Sctp<'a>),
    /// Another protocol, a later fragment, or a header cut short: see [`Ip`].
    Other,
}

/// A UDP datagram (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// The datagram's bytes.
    pub payload: &'a [u8],
    /// Fewer bytes than the length field says: cut by the snap length, or the first fragment of several.
    pub truncated: bool,
}

/// A TCP segment (RFC 9293).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first byte.
    pub sequence: u32,
    /// Next byte expected from the other side, valid with [`TcpFlags::ACK`].
    pub acknowledgement: u32,
    /// FIN, SYN, ...
    pub flags: TcpFlags,
    /// Receive window, unscaled.
    pub window: u16,
    /// Option bytes, unparsed.
    pub options: &'a [u8],
    /// The segment's bytes.
    pub payload: &'a [u8],
}

/// The flag bits of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The sender is done.
    pub const FIN: Self = Self(0x01);
    /// Opens a connection.
    pub const SYN: Self = Self(0x02);
    /// Kills a connection.
    pub const RST: Self = Self(0x04);
    /// Deliver without waiting.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x10);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// An SCTP packet (RFC 9260): a header and chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sctp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Names the association.
    pub verification_tag: u32,
    chunks: &'a [u8],
}

impl<'a> Sctp<'a> {
    /// The DATA chunks of the packet, in order; chunks of other kinds are passed over.
    pub fn data(&self) -> DataChunks<'a> {
        DataChunks { rest: self.chunks }
    }
}

/// One DATA chunk (RFC 9260 section 3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// First piece of a user message.
    pub begins: bool,
    /// Last piece of a user message.
    pub ends: bool,
    /// Transmission sequence number.
    pub sequence: u32,
    /// Stream the message belongs to.
    pub stream: u16,
    /// The user's bytes.
    pub payload: &'a [u8],
}

/// Iterator over [`Sctp::data`].
#[derive(Clone, Debug)]
pub struct DataChunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for DataChunks<'a> {
    type Item = Data<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (kind, flags) = (u8_at(self.rest, 0)?, u8_at(self.rest, 1)?);
            let length = usize::from(u16_at(self.rest, 2)?);
            let chunk = self.rest;
            // A length below the chunk header would never advance.
            self.rest =
                if length < 4 { &[] } else { chunk.get(length.next_multiple_of(4)..).unwrap_or_default() };
            if kind != 0 {
                continue;
            }
            return Some(Data {
                begins: flags & 0x02 != 0,
                ends: flags & 0x01 != 0,
                sequence: u32_at(chunk, 4)?,
                stream: u16_at(chunk, 8)?,
                payload: clipped(chunk, 16, length)?,
            });
        }
    }
}

impl<'a> Transport<'a> {
    /// Reads what an IP packet carries. Later fragments and short headers are [`Transport::Other`].
    pub fn parse(ip: &Ip<'a>) -> Self {
        if ip.fragment.is_some_and(|fragment| fragment.offset > 0) {
            return Self::Other;
        }
        let parsed = match ip.protocol {
            6 => parse_tcp(ip.payload).map(Self::Tcp),
            17 => parse_udp(ip.payload).map(Self::Udp),
            132 => parse_sctp(ip.payload).map(Self::Sctp),
            _ => None,
        };
        parsed.unwrap_or(Self::Other)
    }
}

fn parse_udp(bytes: &[u8]) -> Option<Udp<'_>> {
    // A length below the header is a jumbogram (0, RFC 2675 section 4) or a lie: take all there is.
    let length = match usize::from(u16_at(bytes, 4)?) {
        0..8 => bytes.len(),
        length => length,
    };
    Some(Udp {
        source_port: u16_at(bytes, 0)?,
        destination_port: u16_at(bytes, 2)?,
        payload: clipped(bytes, 8, length)?,
        truncated: bytes.len() < length,
    })
}

fn parse_tcp(bytes: &[u8]) -> Option<Tcp<'_>> {
    let header_length = usize::from(u8_at(bytes, 12)? >> 4) * 4;
    Some(Tcp {
        source_port: u16_at(bytes, 0)?,
        destination_port: u16_at(bytes, 2)?,
        sequence: u32_at(bytes, 4)?,
        acknowledgement: u32_at(bytes, 8)?,
        flags: TcpFlags(u8_at(bytes, 13)?),
        window: u16_at(bytes, 14)?,
        options: bytes.get(20..header_length)?,
        payload: bytes.get(header_length..)?,
    })
}

fn parse_sctp(bytes: &[u8]) -> Option<Sctp<'_>> {
    Some(Sctp {
        source_port: u16_at(bytes, 0)?,
        destination_port: u16_at(bytes, 2)?,
        verification_tag: u32_at(bytes, 4)?,
        chunks: bytes.get(12..)?,
    })
}
