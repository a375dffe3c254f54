use core::error::Error;
use core::fmt;
use core::net::SocketAddr;

use crate::ip::Ip;
use crate::link::Link;
use crate::transport::Transport;

/// A captured frame taken apart, borrowing its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers<'a> {
    /// The network layer.
    pub ip: Ip<'a>,
    /// What it carries.
    pub transport: Transport<'a>,
}

impl<'a> Layers<'a> {
    /// Takes a frame apart from its link layer on.
    pub fn parse(link: Link, frame: &'a [u8]) -> Result<Self, Refusal> {
        let ip = Ip::parse(link.network(frame)?)?;
        Ok(Self { ip, transport: Transport::parse(&ip) })
    }

    /// Source address and port; port 0 where the transport has none.
    pub fn source(&self) -> SocketAddr {
        SocketAddr::new(self.ip.source, self.ports().0)
    }

    /// Destination address and port; port 0 where the transport has none.
    pub fn destination(&self) -> SocketAddr {
        SocketAddr::new(self.ip.destination, self.ports().1)
    }

    fn ports(&self) -> (u16, u16) {
        match &self.transport {
            Transport::Udp(udp) => (udp.source_port, udp.destination_port),
            Transport::Tcp(tcp) => (tcp.source_port, tcp.destination_port),
            Transport::Sctp(sctp) => (sctp.source_port, sctp.destination_port),
            Transport::Other => (0, 0),
        }
    }
}

/// Why a frame could not be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// An IPv4 header length below 20 bytes or above the packet's own length.
    HeaderLength(usize),
    /// Neither IPv4 nor IPv6.
    IpVersion(u8),
    /// The link layer carries something else (ARP, LLDP, ...).
    NotIp(u16),
    /// The frame ends inside a header.
    TooShort,
    /// Frames of this link type are not understood.
    UnknownLink(u16),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderLength(length) => write!(f, "IPv4 header length {length} does not fit its packet"),
            Self::IpVersion(version) => write!(f, "IP version {version} is neither 4 nor 6"),
            Self::NotIp(kind) => write!(f, "link layer carries {kind:#06x}, not IP"),
            Self::TooShort => f.write_str("frame ends inside a header"),
            Self::UnknownLink(number) => write!(f, "link type {number} is not understood"),
        }
    }
}

impl Error for Refusal {}
