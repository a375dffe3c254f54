use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::identity::derived;

/// Who takes part: fixed for a seed.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) users: Vec<User>,
    pub(crate) proxies: Vec<Proxy>,
}

/// A user with one phone.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) number: String,
    pub(crate) address: SocketAddr,
    /// Address as it stands in SIP headers: `198.18.0.7:5060` or `[2001:db8::7]:5060`.
    pub(crate) host: String,
    /// The same without a port, as SDP writes it.
    pub(crate) ip: String,
    pub(crate) device: &'static Device,
    pub(crate) transport: Transport,
    pub(crate) proxy: usize,
}

/// A proxy with a media relay beside it.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) domain: &'static str,
    pub(crate) node: &'static str,
    /// By address family, IPv4 first: phones are served over their own.
    pub(crate) ends: [ProxyEnd; 2],
}

#[derive(Clone, Debug)]
pub(crate) struct ProxyEnd {
    pub(crate) ip: IpAddr,
    pub(crate) ip_text: String,
    pub(crate) host: String,
}

impl Proxy {
    pub(crate) fn end(&self, user: &User) -> &ProxyEnd {
        &self.ends[usize::from(user.address.is_ipv6())]
    }
}

/// How a phone speaks SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    pub(crate) const fn upper(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    pub(crate) const fn lower(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The number in HEP. 22 is how Kamailio says TLS.
    pub(crate) const fn ip_protocol(self) -> u8 {
        match self {
            Self::Udp => 17,
            Self::Tcp => 6,
            Self::Tls => 22,
        }
    }
}

/// A kind of phone or gateway.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) agent: &'static str,
    pub(crate) allow: &'static str,
    pub(crate) supported: &'static str,
    pub(crate) codecs: &'static Codecs,
    pub(crate) call_id: CallIdStyle,
}

/// How a device makes up Call-IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallIdStyle {
    Hex,
    HexAtHost,
    Uuid,
}

/// What a device offers.
#[derive(Debug)]
pub(crate) struct Codecs {
    pub(crate) list: &'static str,
    pub(crate) lines: &'static str,
}

impl World {
    pub(crate) fn new(seed: u64, users: u32) -> Self {
        Self { users: (0..users).map(|index| user(seed, index)).collect(), proxies: proxies() }
    }
}

const PROXIES: [(&str, &str); 8] = [
    ("voice.example.net", "edge-ams-1"),
    ("voice.example.net", "edge-ams-2"),
    ("voice.example.net", "edge-fra-1"),
    ("voice.example.net", "edge-fra-2"),
    ("pbx.example.com", "pbx-lon-1"),
    ("pbx.example.com", "pbx-par-1"),
    ("tel.example.org", "core-mad-1"),
    ("tel.example.org", "core-waw-1"),
];

/// Addresses reserved for documentation (RFC 5737, RFC 3849).
fn proxies() -> Vec<Proxy> {
    let proxy = |(index, (domain, node)): (usize, &(&'static str, &'static str))| {
        let ipv4 = Ipv4Addr::new(203, 0, 113, 11 + index as u8);
        let ipv6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0xffff, 0, 0, 0, 0x11 + index as u16);
        let end = |ip: IpAddr| ProxyEnd {
            ip,
            ip_text: ip.to_string(),
            host: SocketAddr::new(ip, SIP_PORT).to_string(),
        };
        Proxy { domain, node, ends: [end(ipv4.into()), end(ipv6.into())] }
    };
    PROXIES.iter().enumerate().map(proxy).collect()
}

pub(crate) const SIP_PORT: u16 = 5060;

fn user(seed: u64, index: u32) -> User {
    let choice = derived(seed ^ 0x7573_6572, u64::from(index));
    let pick = |shift: u32, count: usize| (choice >> shift) as usize % count;
    // One phone in twenty has IPv6. The IPv4 addresses are those reserved for benchmarks, 198.18.0.0/15 (RFC 2544):
    // 131,072 of them, so in larger worlds several phones share one behind a NAT.
    let ip: IpAddr = match pick(0, 20) {
        0 => Ipv6Addr::new(0x2001, 0xdb8, 1, (index >> 16) as u16, 0, 0, 0, index as u16).into(),
        _ => Ipv4Addr::from(0xc612_0000 + (index & 0x1_ffff)).into(),
    };
    let port = match pick(8, 4) {
        0 => 1024 + pick(16, 60_000) as u16,
        _ => SIP_PORT,
    };
    let transport = match pick(32, 20) {
        0 | 1 => Transport::Tcp,
        2 => Transport::Tls,
        _ => Transport::Udp,
    };
    let address = SocketAddr::new(ip, port);
    User {
        name: format!(
            "{} {}",
            FIRST_NAMES[pick(40, FIRST_NAMES.len())],
            LAST_NAMES[pick(44, LAST_NAMES.len())]
        ),
        number: format!("+49305{:07}", u64::from(index) * 487 % 10_000_000),
        address,
        host: address.to_string(),
        ip: ip.to_string(),
        device: &DEVICES[pick(48, DEVICES.len())],
        transport,
        proxy: pick(56, PROXIES.len()),
    }
}

const FIRST_NAMES: [&str; 16] = [
    "Ada", "Anouk", "Bruno", "Carmen", "Dieter", "Elif", "Fatima", "Goran", "Hanna", "Igor", "Jana", "Karim",
    "Lucie", "Marek", "Nadia", "Olaf",
];

const LAST_NAMES: [&str; 16] = [
    "Arnold", "Becker", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Horvat", "Ivanova", "Jansen",
    "Kowalski", "Lehmann", "Moreau", "Nowak", "Petrov", "Yilmaz",
];

const ALLOW_SHORT: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, REFER, NOTIFY";
const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, INFO, UPDATE, REFER, NOTIFY, SUBSCRIBE, MESSAGE";
const ALLOW_LONG: &str =
    "INVITE, ACK, OPTIONS, BYE, CANCEL, REFER, NOTIFY, INFO, PRACK, UPDATE, MESSAGE, SUBSCRIBE, PUBLISH";

const LAW: Codecs = Codecs { list: "8 0 101", lines: "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" };
const WIDE: Codecs = Codecs {
    list: "9 8 0 101",
    lines: "a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n",
};
const OPUS: Codecs = Codecs {
    list: "107 9 8 0 101",
    lines: "a=rtpmap:107 opus/48000/2\r\na=fmtp:107 useinbandfec=1\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n",
};
const NARROW: Codecs = Codecs {
    list: "18 8 101",
    lines: "a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:8 PCMA/8000\r\n",
};

const fn device(
    agent: &'static str,
    allow: &'static str,
    supported: &'static str,
    codecs: &'static Codecs,
    call_id: CallIdStyle,
) -> Device {
    Device { agent, allow, supported, codecs, call_id }
}

static DEVICES: [Device; 24] = {
    use CallIdStyle::{Hex, HexAtHost, Uuid};
    [
        device("Yealink SIP-T46U 108.86.0.90", ALLOW_LONG, "replaces, timer", &WIDE, HexAtHost),
        device("Yealink SIP-T31P 124.86.0.40", ALLOW_LONG, "replaces, timer", &WIDE, HexAtHost),
        device("PolycomVVX-VVX_411-UA/6.4.3.5156", ALLOW, "100rel, replaces, norefersub", &WIDE, Hex),
        device("PolyEdge-E350-UA/8.1.1.0849", ALLOW, "100rel, replaces, norefersub", &OPUS, Hex),
        device("snomD785/10.1.148.1", ALLOW, "timer, 100rel, replaces, from-change", &WIDE, Hex),
        device("snomD120/10.1.54.13", ALLOW, "timer, 100rel, replaces, from-change", &LAW, Hex),
        device("Cisco-CP-8841-3PCC/12.0.2", ALLOW, "replaces, sec-agree, record-aware", &WIDE, HexAtHost),
        device("Cisco/SPA514G-7.6.2f", ALLOW_SHORT, "replaces", &NARROW, HexAtHost),
        device("Grandstream GXP2170 1.0.11.64", ALLOW, "replaces, path, timer", &WIDE, HexAtHost),
        device("Grandstream HT812 1.0.43.11", ALLOW_SHORT, "replaces, timer", &NARROW, HexAtHost),
        device("Fanvil X6U 2.12.2.1 0c383e2f6b11", ALLOW, "replaces, timer", &OPUS, Hex),
        device("Gigaset N870 IP PRO/83.V2.48.0", ALLOW_SHORT, "replaces", &WIDE, Hex),
        device("FRITZ!OS", ALLOW, "100rel, replaces, timer", &WIDE, Hex),
        device("Mitel-6920-SIP-Phone 6.3.0.1020", ALLOW, "path, replaces, timer", &WIDE, Hex),
        device(
            "Avaya J179 IP Phone 4.1.2.0.10",
            ALLOW_LONG,
            "eventlist, outbound, replaces, timer",
            &OPUS,
            Uuid,
        ),
        device("Linphone-Desktop/5.2.4 (Ubuntu)", ALLOW, "replaces, outbound, gruu, path", &OPUS, Hex),
        device("MicroSIP/3.21.4", ALLOW, "replaces, 100rel, timer, norefersub", &OPUS, Uuid),
        device(
            "Z 5.6.4 v2.10.20.2",
            ALLOW,
            "replaces, norefersub, extended-refer, timer, outbound, path",
            &OPUS,
            Hex,
        ),
        device("baresip v3.6.0 (x86_64/Linux)", ALLOW_SHORT, "gruu, replaces, norefersub", &OPUS, Uuid),
        device(
            "Asterisk PBX 20.5.2",
            ALLOW_LONG,
            "100rel, timer, replaces, norefersub, histinfo",
            &LAW,
            Uuid,
        ),
        device("FreeSWITCH-mod_sofia/1.10.11-release", ALLOW_LONG, "timer, path, replaces", &OPUS, Uuid),
        device("3CXPhoneSystem 18.0.9.20 (9049)", ALLOW, "replaces, timer", &LAW, Hex),
        device(
            "AudioCodes-Sip-Gateway-M500/v.7.40A.500",
            ALLOW_LONG,
            "em, 100rel, timer, replaces, path, sdp-anat",
            &NARROW,
            HexAtHost,
        ),
        device("Patton SN4141/4JS/EUI MxSF v3.2.8.46", ALLOW, "timer, replaces", &LAW, Hex),
    ]
};
