use std::fmt;

/// How packets come. The number goes into the log, where it must never change its meaning; the name goes into the row
/// and, unless the configuration gives another, names the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Transport {
    Udp = 0,
    Tcp = 1,
    /// `POST /hep` and its kin.
    Http = 2,
    /// TLS over TCP.
    Tls = 3,
    /// WebSocket.
    Ws = 4,
    /// WebSocket over TLS.
    Wss = 5,
    /// One message is one packet.
    Sctp = 6,
    /// As [`Transport::Http`], over TLS.
    Https = 7,
    /// From a broker; one message is one packet or many.
    Nats = 8,
    /// The same.
    Mqtt = 9,
}

impl Transport {
    pub const ALL: [Self; 10] = [
        Self::Udp,
        Self::Tcp,
        Self::Http,
        Self::Tls,
        Self::Ws,
        Self::Wss,
        Self::Sctp,
        Self::Https,
        Self::Nats,
        Self::Mqtt,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Sctp => "sctp",
            Self::Https => "https",
            Self::Nats => "nats",
            Self::Mqtt => "mqtt",
        }
    }

    /// The name for a number read from the log.
    pub(crate) fn name_of(number: u8) -> &'static str {
        Self::ALL.iter().find(|transport| **transport as u8 == number).map_or("unknown", |found| found.name())
    }

    /// Whether it needs a certificate.
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Wss | Self::Https)
    }

    /// Whether it is served by the web server.
    pub const fn is_web(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::Ws | Self::Wss)
    }

    /// Whether the web part and the API are there too.
    pub const fn has_pages(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Whether a proxy in front can say whose connection it passes on.
    pub const fn takes_proxy_protocol(self) -> bool {
        !matches!(self, Self::Udp | Self::Sctp | Self::Nats | Self::Mqtt)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
