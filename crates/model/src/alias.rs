//! Names for addresses: what people call a carrier, a switch or a phone, instead of numbers.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that an alias names: one, all that share their first bits, and of these all ports or one.
///
/// Written as `192.0.2.7`, `192.0.2.0/24`, `192.0.2.7:5060`, `192.0.2.0/24:5060`, `2001:db8::7`, `[2001:db8::7]:5060`,
/// `[2001:db8::/32]:5060`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// The first of them.
    network: IpAddr,
    /// How many bits they share.
    bits: u8,
    port: Option<u16>,
}

/// What names no addresses, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressesError(String);

impl fmt::Display for AddressesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} names no addresses; write 192.0.2.7, 192.0.2.0/24, 192.0.2.7:5060, 2001:db8::/32 or [2001:db8::7]:5060",
            self.0
        )
    }
}

impl std::error::Error for AddressesError {}

impl FromStr for Addresses {
    type Err = AddressesError;

    fn from_str(text: &str) -> Result<Self, AddressesError> {
        parse(text.trim()).ok_or_else(|| AddressesError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Addresses> {
    let (network, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (network, port) = rest.split_once(']')?;
            if port.is_empty() { (network, None) } else { (network, Some(port.strip_prefix(':')?)) }
        }
        // More than one colon is IPv6 without a port.
        None => match text.split_once(':') {
            Some((network, port)) if !port.contains(':') => (network, Some(port)),
            _ => (text, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    let (address, bits) = network.split_once('/').map_or((network, None), |(ip, bits)| (ip, Some(bits)));
    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    let most = bits_of(address);
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then(|| Addresses { network: masked(address, bits), bits, port })
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, bits, port } = self;
        let network =
            if *bits == bits_of(*network) { network.to_string() } else { format!("{network}/{bits}") };
        match port {
            Some(port) if self.network.is_ipv6() => write!(f, "[{network}]:{port}"),
            Some(port) => write!(f, "{network}:{port}"),
            None => f.write_str(&network),
        }
    }
}

fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first address of the network that this one is in.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
        }
    }
}

/// A name, and what has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub name: String,
    /// `None`: the capture point itself has the name, whatever it sees.
    pub addresses: Option<Addresses>,
    /// Only where this capture point saw them: private addresses are in use at several sites.
    pub capture_id: Option<i64>,
}

/// All aliases. Of several that fit an address the most specific counts: that of the smallest network, among these one
/// for the port, then one for the capture point.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    by_network: HashMap<(IpAddr, u8), Vec<Named>>,
    /// The sizes of networks there are, the smallest network first.
    bits: Vec<u8>,
    by_capture_id: HashMap<i64, String>,
}

#[derive(Clone, Debug)]
struct Named {
    port: Option<u16>,
    capture_id: Option<i64>,
    name: String,
}

impl Aliases {
    pub fn new(all: impl IntoIterator<Item = Alias>) -> Self {
        let mut aliases = Self::default();
        for Alias { name, addresses, capture_id } in all {
            match (addresses, capture_id) {
                (Some(Addresses { network, bits, port }), capture_id) => {
                    let named = aliases.by_network.entry((network, bits)).or_default();
                    named.push(Named { port, capture_id, name });
                    aliases.bits.push(bits);
                }
                (None, Some(capture_id)) => {
                    aliases.by_capture_id.insert(capture_id, name);
                }
                // It would name everything.
                (None, None) => {}
            }
        }
        aliases.bits.sort_unstable_by(|a, b| b.cmp(a));
        aliases.bits.dedup();
        for named in aliases.by_network.values_mut() {
            named.sort_by_key(|named| (named.port.is_none(), named.capture_id.is_none()));
        }
        aliases
    }

    pub fn is_empty(&self) -> bool {
        self.by_network.is_empty() && self.by_capture_id.is_empty()
    }

    /// What to call an address, as a capture point saw it.
    pub fn name(&self, ip: &str, port: Option<i32>, capture_id: Option<i64>) -> Option<&str> {
        if self.bits.is_empty() {
            return None;
        }
        let ip = ip.parse::<IpAddr>().ok()?.to_canonical();
        let port = port.and_then(|port| u16::try_from(port).ok());
        let fits = |named: &&Named| {
            (named.port.is_none() || named.port == port)
                && (named.capture_id.is_none() || named.capture_id == capture_id)
        };
        self.bits
            .iter()
            .filter(|bits| **bits <= bits_of(ip))
            .filter_map(|bits| self.by_network.get(&(masked(ip, *bits), *bits)))
            .find_map(|named| named.iter().find(fits))
            .map(|named| named.name.as_str())
    }

    /// What to call an address wherever it was seen: by those aliases that hold for all its ports.
    pub fn name_of_host(&self, ip: &str) -> Option<&str> {
        self.name(ip, None, None)
    }

    pub fn name_of_capture_point(&self, capture_id: i64) -> Option<&str> {
        self.by_capture_id.get(&capture_id).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(all: &[(&str, &str, Option<i64>)]) -> Aliases {
        Aliases::new(all.iter().map(|(name, addresses, capture_id)| Alias {
            name: (*name).to_owned(),
            addresses: (!addresses.is_empty()).then(|| addresses.parse().expect("addresses")),
            capture_id: *capture_id,
        }))
    }

    #[test]
    fn the_most_specific_name_counts() {
        let aliases = aliases(&[
            ("everybody", "0.0.0.0/0", None),
            ("carrier", "192.0.2.0/24", None),
            ("carrier, gateway 7", "192.0.2.7", None),
            ("its management", "192.0.2.7:8060", None),
            ("its lab", "192.0.2.7", Some(3)),
            ("services", "192.0.2.0/24:5080", None),
        ]);
        let name = |ip, port, capture_id| aliases.name(ip, port, capture_id);
        assert_eq!(name("198.51.100.1", None, None), Some("everybody"));
        assert_eq!(name("192.0.2.8", Some(5060), None), Some("carrier"));
        assert_eq!(name("192.0.2.8", Some(5080), None), Some("services"));
        assert_eq!(name("192.0.2.7", Some(5060), Some(1)), Some("carrier, gateway 7"));
        assert_eq!(name("192.0.2.7", Some(5080), None), Some("carrier, gateway 7"), "the smallest network");
        assert_eq!(name("192.0.2.7", Some(8060), Some(3)), Some("its management"), "the port goes first");
        assert_eq!(name("192.0.2.7", Some(5060), Some(3)), Some("its lab"));
        assert_eq!(name("::ffff:192.0.2.8", None, None), Some("carrier"), "as a dual-stack socket shows it");
        assert_eq!(name("2001:db8::1", None, None), None);
        assert_eq!(aliases.name_of_host("192.0.2.7"), Some("carrier, gateway 7"));
    }

    #[test]
    fn a_name_for_one_port_is_not_one_for_the_network_around_it() {
        let aliases = aliases(&[("sbc", "10.0.0.0/8", None), ("lab", "10.0.0.1:5070", None)]);
        assert_eq!(aliases.name("10.0.0.1", Some(5060), None), Some("sbc"));
        assert_eq!(aliases.name("10.0.0.1", Some(5070), None), Some("lab"));
        assert_eq!(aliases.name("10.0.0.1", None, None), Some("sbc"));
    }

    #[test]
    fn networks_of_both_families_are_kept_apart() {
        let aliases = aliases(&[("old", "0.0.0.0/0", None), ("new", "2001:db8::/32", None)]);
        assert_eq!(aliases.name("2001:db8:1::1", None, None), Some("new"));
        assert_eq!(aliases.name("2001:db9::1", None, None), None);
        assert_eq!(aliases.name("::", None, None), None);
        assert_eq!(aliases.name("not an address", None, None), None);
    }

    #[test]
    fn a_capture_point_has_a_name_of_its_own() {
        let aliases = aliases(&[("sbc-fra", "", Some(2001)), ("nothing", "", None)]);
        assert_eq!(aliases.name_of_capture_point(2001), Some("sbc-fra"));
        assert_eq!(aliases.name_of_capture_point(2002), None);
        assert_eq!(aliases.name("192.0.2.1", None, Some(2001)), None, "it names no address");
    }

    #[test]
    fn addresses_are_written_in_one_way() {
        for (text, written) in [
            ("192.0.2.7", "192.0.2.7"),
            (" 192.0.2.7/32", "192.0.2.7"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("192.0.2.7:5060", "192.0.2.7:5060"),
            ("192.0.2.0/24:5060", "192.0.2.0/24:5060"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::7", "2001:db8::7"),
            ("2001:db8::7/32", "2001:db8::/32"),
            ("[2001:db8::7]:5060", "[2001:db8::7]:5060"),
            ("[2001:db8::/32]:5060", "[2001:db8::/32]:5060"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            let addresses: Addresses = text.parse().expect(text);
            assert_eq!(addresses.to_string(), written);
            assert_eq!(written.parse::<Addresses>(), Ok(addresses), "{written} is read back");
        }
        for wrong in [
            "",
            "example.com",
            "192.0.2",
            "192.0.2.7/33",
            "192.0.2.7:",
            "192.0.2.7:0",
            "192.0.2.7:70000",
            "192.0.2.7/",
            "::/129",
            "[2001:db8::7",
            "[2001:db8::7]5060",
            "[]:5060",
        ] {
            let error = wrong.parse::<Addresses>().expect_err(wrong).to_string();
            assert!(error.starts_with(&format!("{wrong:?}")), "{error}");
        }
    }
}
