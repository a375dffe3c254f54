//! The PROXY protocol, versions 1 and 2: how HAProxy, stunnel and their kind tell whose connection they pass on.
//! (haproxy.org, "The PROXY protocol", revision 2020/03/05.)
//!
//! Pure, and free of the rest of the room, so that it can be fuzzed without it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Section 2.2: what a header of version 2 starts with; no other protocol does.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Section 2.1: what a header of version 1 starts with.
const WORD: &[u8] = b"PROXY ";

/// Section 2.1: the longest header of version 1, its line end included.
const LINE_BYTES_MAX: usize = 107;

/// Of version 2: the addresses and a few kilobytes of extensions, which hold certificate names at the most.
const HEADER_BYTES_MAX: usize = 4_096;

/// What can be said of the first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// So many more bytes are sure to belong to the header: reading them never reads what comes after it.
    Needs(usize),
    /// The header is whole.
    Whole(Source),
    /// No header, or a broken one.
    Bad,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// That of another program, which connected to the proxy from here.
    Of(SocketAddr),
    /// The proxy's own, as to see whether we live; or of a kind that has no address we know.
    Own,
}

/// Reads the header that a connection must start with.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some(start) = bytes.first_chunk::<12>() else {
        return if could_be_header(bytes) {
            Parsed::Needs(SIGNATURE.len() - bytes.len())
        } else {
            Parsed::Bad
        };
    };
    if start == SIGNATURE { version_2(bytes) } else { version_1(bytes) }
}

/// Whether these first bytes of a connection are those of a header.
pub(crate) fn is_header(bytes: &[u8]) -> bool {
    bytes.len() >= SIGNATURE.len() && could_be_header(bytes)
}

fn could_be_header(bytes: &[u8]) -> bool {
    let shared = |known: &[u8]| bytes.iter().zip(known).all(|(byte, known)| byte == known);
    shared(WORD) || shared(SIGNATURE)
}

/// Section 2.1: `PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n`.
fn version_1(bytes: &[u8]) -> Parsed {
    if !bytes.starts_with(WORD) {
        return Parsed::Bad;
    }
    let Some(line) = bytes.strip_suffix(b"\n") else {
        // Where the line ends is not known before it does.
        return if bytes.len() < LINE_BYTES_MAX { Parsed::Needs(1) } else { Parsed::Bad };
    };
    let line = line.strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
    let source = line.and_then(|line| {
        let mut words = line.split(' ').skip(1);
        let family = words.next()?;
        if family == "UNKNOWN" {
            // Whatever else is on the line must be ignored.
            return Some(Source::Own);
        }
        let (from, to): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (from_port, _to_port) = (port(words.next()?)?, port(words.next()?)?);
        let fits = match family {
            "TCP4" => from.is_ipv4() && to.is_ipv4(),
            "TCP6" => from.is_ipv6() && to.is_ipv6(),
            _ => false,
        };
        (fits && words.next().is_none()).then(|| Source::Of(SocketAddr::new(from, from_port)))
    });
    source.map_or(Parsed::Bad, Parsed::Whole)
}

/// Decimal digits and nothing else; `str::parse` would take a sign.
fn port(word: &str) -> Option<u16> {
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}

/// Section 2.2: signature, version and command, family and protocol, length, addresses, extensions.
fn version_2(bytes: &[u8]) -> Parsed {
    let Some(&[command, family, high, low]) = bytes.get(12..16).and_then(<[u8]>::first_chunk::<4>) else {
        return Parsed::Needs(16_usize.saturating_sub(bytes.len()));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let whole = 16 + length;
    if command >> 4 != 2 || whole > HEADER_BYTES_MAX {
        return Parsed::Bad;
    }
    let Some(rest) = bytes.get(16..whole) else {
        return Parsed::Needs(whole.saturating_sub(bytes.len()));
    };
    let source = match (command & 0x0F, family >> 4) {
        // LOCAL, or a family without IP addresses: the rest must be ignored.
        (0, _) | (1, 0 | 3) => Some(Source::Own),
        (1, 1) => rest.first_chunk::<12>().map(|&[a, b, c, d, _, _, _, _, high, low, _, _]| {
            let port = u16::from_be_bytes([high, low]);
            Source::Of(SocketAddr::from((Ipv4Addr::new(a, b, c, d), port)))
        }),
        (1, 2) => rest.first_chunk::<36>().and_then(|addresses| {
            let ip = Ipv6Addr::from(*addresses.first_chunk::<16>()?);
            let port = u16::from_be_bytes([addresses[32], addresses[33]]);
            Some(Source::Of(SocketAddr::from((ip, port))))
        }),
        _ => None,
    };
    source.map_or(Parsed::Bad, Parsed::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads as a door does, never past what is said to be needed; what it was, and what was left unread.
    fn read(mut bytes: &[u8]) -> (Option<Source>, &[u8]) {
        let mut header = Vec::new();
        loop {
            match parse(&header) {
                Parsed::Needs(count) => {
                    assert!(count > 0, "{header:?}");
                    let Some((next, rest)) = bytes.split_at_checked(count) else { return (None, bytes) };
                    header.extend_from_slice(next);
                    bytes = rest;
                }
                Parsed::Whole(source) => return (Some(source), bytes),
                Parsed::Bad => return (None, bytes),
            }
        }
    }

    fn of(address: &str) -> Option<Source> {
        Some(Source::Of(address.parse().expect("an address")))
    }

    #[test]
    fn version_1_lines_and_not_a_byte_more() {
        let cases = [
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", of("192.0.2.1:56324")),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n", of("[2001:db8::1]:0")),
            ("PROXY UNKNOWN\r\n", Some(Source::Own)),
            ("PROXY UNKNOWN whatever 1 2 3 4\r\n", Some(Source::Own)),
        ];
        for (line, expected) in cases {
            assert_eq!(read(format!("{line}HEP3").as_bytes()), (expected, b"HEP3".as_slice()), "{line:?}");
            assert!(is_header(line.as_bytes()));
        }
    }

    #[test]
    fn version_1_lines_that_are_none() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        for line in [
            "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 5\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 +1 443\r\n",
            "PROXY TCP4 192.0.2.1 2001:db8::2 1 443\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 1 443\r\n",
            "PROXY TCP5 192.0.2.1 192.0.2.2 1 443\r\n",
            "PROXY TCP4  192.0.2.1 192.0.2.2 1 443\r\n",
            "PROXY \r\n\r\n\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "HEP3\0\x10aaaaaaaaaaaaaaaa",
            &long,
        ] {
            assert_eq!(read(line.as_bytes()).0, None, "{line:?}");
        }
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("it fits").to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, body].concat()
    }

    #[test]
    fn version_2_headers_and_not_a_byte_more() {
        let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0xDC, 0x04, 0x01, 0xBB];
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().expect("an address").octets());
        v6[32..34].copy_from_slice(&5061_u16.to_be_bytes());
        let extended = [v4.as_slice(), &[0x04, 0, 3, 0, 0, 0]].concat();
        let cases = [
            (binary(0x21, 0x11, &v4), of("192.0.2.1:56324")),
            (binary(0x21, 0x11, &extended), of("192.0.2.1:56324")),
            (binary(0x21, 0x21, &v6), of("[2001:db8::1]:5061")),
            (binary(0x20, 0x00, &[]), Some(Source::Own)),
            (binary(0x20, 0x11, &v4), Some(Source::Own)),
            (binary(0x21, 0x31, &[0; 216]), Some(Source::Own)),
            (binary(0x21, 0x00, &[1, 2, 3]), Some(Source::Own)),
        ];
        for (mut bytes, expected) in cases {
            assert!(is_header(&bytes));
            let header = bytes.clone();
            bytes.extend_from_slice(b"HEP3");
            assert_eq!(read(&bytes), (expected, b"HEP3".as_slice()), "{header:?}");
            for length in 0..header.len() {
                assert_eq!(read(&header[..length]).0, None, "cut at {length}");
            }
        }
    }

    #[test]
    fn version_2_headers_that_are_none() {
        for bytes in [
            binary(0x11, 0x11, &[0; 12]),
            binary(0x22, 0x11, &[0; 12]),
            binary(0x21, 0x11, &[0; 11]),
            binary(0x21, 0x21, &[0; 35]),
            binary(0x21, 0x51, &[0; 36]),
            binary(0x21, 0x11, &[0; HEADER_BYTES_MAX]),
        ] {
            assert_eq!(read(&bytes).0, None, "{bytes:?}");
        }
    }
}
