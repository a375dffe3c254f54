//! Where a token may be used from.

use std::net::IpAddr;

use model::query::Net;

/// `10.0.0.7`, `10.1.0.0/16` or `2001:db8::/32`; bits of the host are cleared.
pub(crate) fn network(text: &str) -> Option<Net> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let written: IpAddr = address.parse().ok()?;
    let address = written.to_canonical();
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        // Bits of an IPv4 address written as IPv6 would count from somewhere else.
        Some(bits) if written == address => bits.parse().ok()?,
        Some(_) => return None,
        None => whole,
    };
    Net::new(address, bits)
}

/// Of networks with blanks between them; `None` if one of them is none.
pub(crate) fn networks(text: &str) -> Option<Vec<Net>> {
    text.split_ascii_whitespace().map(network).collect()
}

/// Whether somebody at this address may come: from everywhere, if no network is named.
pub(crate) fn may_come_from(networks: &[Net], address: Option<IpAddr>) -> bool {
    networks.is_empty()
        || address.is_some_and(|address| networks.iter().any(|net| net.contains(address.to_canonical())))
}

pub(crate) fn written(network: &Net) -> String {
    format!("{}/{}", network.addr(), network.prefix())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_looked_up() {
        let known = networks("192.0.2.0/24 2001:db8::/32 10.0.0.7").expect("networks");
        let may = |address: &str| may_come_from(&known, Some(address.parse().expect("an address")));
        for inside in ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8:1::1", "10.0.0.7"] {
            assert!(may(inside), "{inside}");
        }
        for outside in ["192.0.3.9", "2001:db9::1", "10.0.0.8", "::1"] {
            assert!(!may(outside), "{outside}");
        }
        assert!(!may_come_from(&known, None), "who is not known does not come in");
        assert!(may_come_from(&[], None));
        for wrong in ["192.0.2.0/33", "192.0.2", "x", "10.0.0.0/", "::ffff:10.0.0.0/104"] {
            assert_eq!(network(wrong), None, "{wrong}");
        }
        assert_eq!(written(&network("192.0.2.9/24").expect("a network")), "192.0.2.0/24");
    }
}
