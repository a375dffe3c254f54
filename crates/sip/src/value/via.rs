use core::net::IpAddr;

use crate::bytes::{Split, head, is_space, number, sub, tail, trim, trim_start};
use crate::marks::{ListMarks, Marks};

use super::params::Params;

/// One Via element (RFC 3261 20.42).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WSS`, as written.
    pub transport: &'a [u8],
    /// The sent-by host, an IPv6 reference without its brackets.
    pub host: &'a [u8],
    /// The sent-by port, if it is one.
    pub port: Option<u16>,
    /// The parameters, without the first semicolon.
    pub params: &'a [u8],
}

/// The rport parameter (RFC 3581): asked for, or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rport {
    /// Without a value: the sender wants the answer where the request came from.
    Asked,
    /// The port the request came from.
    Port(u16),
}

impl<'a> Via<'a> {
    /// Reads one element.
    #[inline]
    pub fn parse(element: &'a [u8]) -> Self {
        let element = trim(element);
        let (front, params) = match memchr::memchr(b';', element) {
            Some(at) => (head(element, at), tail(element, at + 1)),
            None => (element, &[][..]),
        };
        // sent-protocol = name SLASH version SLASH transport; SLASH may have white space around it.
        let slash = front.iter().position(|&byte| byte == b'/').map_or(0, |at| at + 1);
        let second =
            tail(front, slash).iter().position(|&byte| byte == b'/').map_or(slash, |at| slash + at + 1);
        let rest = trim_start(tail(front, second));
        let end = rest.iter().position(|&byte| is_space(byte)).unwrap_or(rest.len());
        let sent_by = trim(tail(rest, end));
        let (host, port) = host_port(sent_by);
        Self { transport: head(rest, end), host, port, params }
    }

    /// The elements of a Via value, topmost first.
    pub fn list(value: &'a [u8]) -> impl Iterator<Item = Via<'a>> + Clone {
        Split::outside_quotes(value, b',').map(trim).filter(|element| !element.is_empty()).map(Via::parse)
    }

    /// The branch of the first element of a Via value, without reading the rest of it.
    #[inline]
    pub fn first_branch(value: &'a [u8]) -> Option<&'a [u8]> {
        // The usual case in one scan: a parameter written `;branch=`, before any quote or comma.
        let mut marks = Marks::<ListMarks>::new(value);
        while let Some((at, b';')) = marks.next_byte() {
            let Some(branch) = tail(value, at + 1).strip_prefix(b"branch=") else {
                // `branch`, but not so written: not usual.
                if value
                    .get(at + 1)
                    .is_none_or(|byte| matches!(byte, b'b' | b'B' | b' ' | b'\t' | b'\r' | b'\n'))
                {
                    break;
                }
                continue;
            };
            let start = at + 1 + "branch=".len();
            match marks.next_byte() {
                None => return Some(trim(branch)).filter(|branch| !branch.is_empty()),
                Some((end, b';' | b',')) => {
                    return Some(trim(sub(value, start, end))).filter(|branch| !branch.is_empty());
                }
                Some(_) => break,
            }
        }
        let first = Split::outside_quotes(value, b',').find(|element| !trim(element).is_empty())?;
        Via::parse(first).branch()
    }

    /// The parameters.
    #[inline]
    pub fn params(&self) -> Params<'a> {
        Params::parse(self.params)
    }

    /// The branch: names the transaction (RFC 3261 8.1.1.7).
    #[inline]
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params().value(b"branch").filter(|branch| !branch.is_empty())
    }

    /// Where the request really came from, as the receiver noted it (RFC 3261 18.2.1).
    pub fn received(&self) -> Option<&'a [u8]> {
        let value = self.params().value(b"received")?;
        Some(value.strip_prefix(b"[").map_or(value, |inside| inside.strip_suffix(b"]").unwrap_or(inside)))
    }

    /// [`Via::received`] as an address.
    pub fn received_ip(&self) -> Option<IpAddr> {
        core::str::from_utf8(self.received()?).ok()?.parse().ok()
    }

    /// The rport parameter.
    pub fn rport(&self) -> Option<Rport> {
        match self.params().value(b"rport")? {
            [] => Some(Rport::Asked),
            digits => number(digits).and_then(|port| u16::try_from(port).ok()).map(Rport::Port),
        }
    }
}

/// `host[:port]`, white space allowed around the colon (RFC 3261 25.1 COLON).
#[inline]
fn host_port(text: &[u8]) -> (&[u8], Option<u16>) {
    let host_end = match text.first() {
        Some(b'[') => {
            let close = memchr::memchr(b']', text).unwrap_or(text.len());
            let port = tail(text, close + 1);
            return (
                text.get(1..close).unwrap_or_default(),
                port.iter().position(|&byte| byte == b':').and_then(|at| port_number(tail(port, at + 1))),
            );
        }
        _ => text.iter().position(|&byte| byte == b':').unwrap_or(text.len()),
    };
    (trim(head(text, host_end)), port_number(tail(text, host_end + 1)))
}

#[inline]
fn port_number(text: &[u8]) -> Option<u16> {
    number(trim(text)).and_then(|port| u16::try_from(port).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn parts_of_a_via() {
        let via =
            Via::parse(b"SIP/2.0/UDP 192.0.2.1:5060 ;branch=z9hG4bK77;rport=5062;received=[2001:db8::9]");
        assert_eq!((via.transport, via.host, via.port), (&b"UDP"[..], &b"192.0.2.1"[..], Some(5060)));
        assert_eq!(via.branch(), Some(&b"z9hG4bK77"[..]));
        assert_eq!(via.rport(), Some(Rport::Port(5062)));
        assert_eq!(via.received_ip(), Some("2001:db8::9".parse().unwrap()));
        assert_eq!(Via::parse(b"SIP/2.0/TLS a;rport").rport(), Some(Rport::Asked));
        assert_eq!(Via::parse(b"SIP/2.0/TLS a;rport=x").rport(), None);
    }

    #[test]
    fn white_space_lists_and_ipv6() {
        let vias: Vec<_> = Via::list(
            b"SIP / 2.0 / TCP  first.example : 4000;ttl=16, SIP/2.0/UDP [2001:db8::1]:5061;branch=b",
        )
        .collect();
        assert_eq!(vias.len(), 2);
        assert_eq!(
            (vias[0].transport, vias[0].host, vias[0].port),
            (&b"TCP"[..], &b"first.example"[..], Some(4000))
        );
        assert_eq!(
            (vias[1].host, vias[1].port, vias[1].branch()),
            (&b"2001:db8::1"[..], Some(5061), Some(&b"b"[..]))
        );
        assert_eq!(Via::parse(b"").host, b"");
    }
}
