//! Addresses in a text, and those of documentation that stand for them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::replaced;

/// Digits of an address of IPv4 with its dots.
const IPV4_BYTES_MAX: usize = 15;

/// Letters between colons of an address of IPv6.
const IPV6_BYTES_MAX: usize = 39;

/// What stands for the addresses of one call.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    instead: HashMap<IpAddr, IpAddr>,
    v4: u32,
    v6: u32,
}

impl Addresses {
    /// In a text, with ports or without.
    pub(super) fn replace(&mut self, text: &str) -> String {
        replaced(text, |at, before| {
            let (length, address) = found(&text[at..], before)?;
            Some((length, self.word(address).to_string()))
        })
    }

    fn word(&mut self, address: IpAddr) -> IpAddr {
        if address.is_loopback() || address.is_unspecified() {
            // They name nobody.
            return address;
        }
        if let Some(word) = self.instead.get(&address) {
            return *word;
        }
        let word = match address {
            IpAddr::V4(_) => {
                self.v4 += 1;
                IpAddr::V4(v4_word(self.v4))
            }
            IpAddr::V6(_) => {
                self.v6 += 1;
                IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8_u128 << 96 | u128::from(self.v6)))
            }
        };
        self.instead.insert(address, word);
        word
    }
}

/// Ranges for documentation (RFC 5737), then the one for benchmarks (RFC 2544).
fn v4_word(index: u32) -> Ipv4Addr {
    const RANGES: [Ipv4Addr; 3] =
        [Ipv4Addr::new(192, 0, 2, 0), Ipv4Addr::new(198, 51, 100, 0), Ipv4Addr::new(203, 0, 113, 0)];
    const HOSTS: u32 = 254;
    let range = usize::try_from((index - 1) / HOSTS).ok().and_then(|place| RANGES.get(place));
    match range {
        Some(range) => Ipv4Addr::from_bits(range.to_bits() + (index - 1) % HOSTS + 1),
        None => Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() | index & 0x0001_ffff),
    }
}

pub(super) fn is_address(text: &str) -> bool {
    v4(text).is_some() || text.parse::<Ipv6Addr>().is_ok()
}

/// The address that begins here, and how long it is written.
fn found(text: &str, before: Option<char>) -> Option<(usize, IpAddr)> {
    let first = text.bytes().next()?;
    if !first.is_ascii_hexdigit() && first != b':' {
        return None;
    }
    let behind = |length: usize| text[length..].chars().next();
    let run =
        |is_part: fn(&u8) -> bool, most: usize| text.bytes().take(most + 1).take_while(&is_part).count();
    if first.is_ascii_digit() && !before.is_some_and(|letter| letter.is_ascii_digit() || letter == '.') {
        let length = text[..run(|byte| byte.is_ascii_digit() || *byte == b'.', IPV4_BYTES_MAX)]
            .trim_end_matches('.')
            .len();
        let is_end = !behind(length).is_some_and(|letter| letter.is_ascii_digit());
        if is_end && let Some(address) = v4(&text[..length]) {
            return Some((length, IpAddr::V4(address)));
        }
    }
    if before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | ':' | '.')) {
        return None;
    }
    // With the address of IPv4 in it that some write (RFC 4291 2.2), or without.
    let with_v4 = run(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'), IPV6_BYTES_MAX);
    let plain = run(|byte| byte.is_ascii_hexdigit() || *byte == b':', IPV6_BYTES_MAX);
    [with_v4, plain].into_iter().find_map(|length| {
        let written = text[..length].trim_end_matches('.');
        let written = match written.ends_with(':') && !written.ends_with("::") {
            true => &written[..written.len() - 1],
            false => written,
        };
        if behind(written.len()).is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            return None;
        }
        // `::` alone is a sign of many languages.
        let address = written.parse::<Ipv6Addr>().ok().filter(|_| written.len() > 3)?;
        Some((written.len(), IpAddr::V6(address)))
    })
}

/// Also with zeros before its numbers, as some devices write them.
fn v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| (1..=3).contains(&part.len()))?;
        *octet = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_wherever_they_stand_and_nothing_else_does() {
        let mut addresses = Addresses::default();
        let replaced = addresses.replace(
            "10.0.0.1:5060 (010.0.0.1) [2001:DB8:5::14]:5060 Call-ID: a@10.0.0.2. x_10.0.0.3 127.0.0.1 0.0.0.0",
        );
        assert_eq!(
            replaced,
            "192.0.2.1:5060 (192.0.2.1) [2001:db8::1]:5060 Call-ID: a@192.0.2.2. x_192.0.2.3 127.0.0.1 0.0.0.0"
        );
        for kept in [
            "Sat, 21 Nov 2026 03:00:00 GMT",
            "10.20.30",
            "AB:CD:EF:01:02:03",
            "std::string",
            "1.2.3.4.5",
            "fe",
            "é::",
        ] {
            assert_eq!(addresses.replace(kept), kept);
        }
        assert_eq!(addresses.replace("fe80::1 fe80:0:0:0:0:0:0:1."), "2001:db8::2 2001:db8::2.");
        assert_eq!(addresses.replace("::ffff:10.0.0.9 fe80::1.x"), "2001:db8::3 2001:db8::2.x");
        assert_eq!(
            addresses.replace("<sip:b@c?Replaces=7f3a%4010.0.0.1%3B"),
            "<sip:b@c?Replaces=7f3a%40192.0.2.1%3B"
        );
    }

    #[test]
    fn many_addresses_stay_different() {
        let mut addresses = Addresses::default();
        let words: std::collections::HashSet<String> = (0..2_000)
            .map(|index| addresses.replace(&format!("10.1.{}.{}", index >> 8, index & 255)))
            .collect();
        assert_eq!(words.len(), 2_000);
    }
}
