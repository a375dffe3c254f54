//! A packet to try scripts with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hep::Outgoing;
use model::Micros;
use protocols::{Arrival, Corrections};

/// 2026-01-01 00:00:00 UTC.
const SECONDS: u32 = 1_767_225_600;

const INVITE: &str = "INVITE sip:+4930123456@example.org SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n\
Max-Forwards: 70\r\n\
From: \"Alice\" <sip:+4989987654@example.com>;tag=1928301774\r\n\
To: <sip:+4930123456@example.org>\r\n\
Call-ID: a84b4c76e66710@192.0.2.1\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:alice@192.0.2.1:5060>\r\n\
User-Agent: example/1.0\r\n\
Content-Length: 0\r\n\r\n";

/// A HEP packet with an INVITE, and the second it came.
#[must_use]
pub fn sample() -> (Vec<u8>, u32) {
    (wrapped(INVITE.as_bytes()), SECONDS)
}

/// A SIP message in a HEP packet between two example addresses; as much of it as a packet can hold.
#[must_use]
pub fn wrapped(message: &[u8]) -> Vec<u8> {
    let end = |host| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), 5060);
    let mut frame = Vec::new();
    for length in [message.len(), message.len().min(60_000)] {
        let payload = message.get(..length).unwrap_or(message);
        let outgoing =
            Outgoing { seconds: SECONDS, capture_id: 2001, payload, ..Outgoing::new(end(1), end(2)) };
        if outgoing.encode_v3(&mut frame).is_ok() {
            break;
        }
    }
    frame
}

/// How a packet to try scripts with came.
#[must_use]
pub fn arrival(seconds: u32) -> Arrival {
    Arrival {
        id: 0,
        received: Micros(i64::from(seconds) * Micros::SECOND),
        sender: IpAddr::V4(Ipv4Addr::LOCALHOST),
        listener: "udp",
        corrections: Corrections::default(),
    }
}
