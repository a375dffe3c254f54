//! What an operator may say about how legs are joined.

use std::collections::HashMap;

const SECOND: i64 = 1_000_000;

/// Headers that name a call across legs: a value is the Call-ID of another leg, or the same in both.
pub const HEADERS_DEFAULT: &[&str] = &[
    "X-CID",
    "X-Call-ID",
    "X-CallID",
    "X-Original-Call-ID",
    "X-Correlation-ID",
    "X-Session-ID",
    "X-FS-Call-UUID",
    "X-Asterisk-Linkedid",
    "X-Genesys-CallUUID",
    "P-Palladion-ID",
    "Av-Global-Session-ID",
    "X-BroadWorks-Correlation-Info",
];

/// What B2BUAs put behind the Call-ID of the other leg; `#` stands for digits.
pub const SUFFIXES_DEFAULT: &[&str] = &["_b2b-#", "-b2b_#", "-b2b-#", "_b2b_#", ";bleg", "-bleg", "_bleg"];

/// How legs are joined. The default suits a network of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub(crate) headers: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    /// The name of the machine an address belongs to: its first address.
    hosts: HashMap<String, String>,
    /// How long after a leg the next one begins.
    pub(crate) setup_max: i64,
    /// How long a leg that is up may wait for the next one: a queue, a menu.
    pub(crate) late_max: i64,
    /// How far clocks of capture points may be apart.
    pub(crate) skew_max: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            headers: HEADERS_DEFAULT.iter().map(|name| (*name).to_owned()).collect(),
            suffixes: SUFFIXES_DEFAULT.iter().map(|suffix| (*suffix).to_owned()).collect(),
            hosts: HashMap::new(),
            setup_max: 5 * SECOND,
            late_max: 180 * SECOND,
            skew_max: SECOND / 50,
        }
    }
}

impl Rules {
    /// These headers instead of the default ones.
    #[must_use]
    pub fn with_headers(mut self, headers: Vec<String>) -> Self {
        self.headers = headers;
        self
    }

    /// These endings of Call-IDs instead of the default ones.
    #[must_use]
    pub fn with_suffixes(mut self, suffixes: Vec<String>) -> Self {
        self.suffixes = suffixes;
        self
    }

    /// Addresses of one machine, for each machine that has several.
    #[must_use]
    pub fn with_hosts(mut self, machines: &[Vec<String>]) -> Self {
        for addresses in machines {
            let Some(first) = addresses.first() else { continue };
            for address in addresses {
                self.hosts.insert(address.clone(), first.clone());
            }
        }
        self
    }

    /// All addresses of the machine that has this one.
    pub fn addresses<'a>(&'a self, address: &'a str) -> Vec<&'a str> {
        let machine = self.host(address);
        let mut all: Vec<&str> = self
            .hosts
            .iter()
            .filter(|(_, host)| *host == machine)
            .map(|(address, _)| address.as_str())
            .collect();
        all.sort_unstable();
        if all.is_empty() { vec![address] } else { all }
    }

    /// The machine of an address.
    pub(crate) fn host<'a>(&'a self, address: &'a str) -> &'a str {
        self.hosts.get(address).map_or(address, String::as_str)
    }

    /// The Call-ID without what a B2BUA put behind it.
    pub(crate) fn without_suffix<'c>(&self, call_id: &'c str) -> Option<&'c str> {
        self.suffixes.iter().find_map(|suffix| match suffix.strip_suffix('#') {
            Some(before) => {
                let bare = call_id.trim_end_matches(|letter: char| letter.is_ascii_digit());
                (bare.len() < call_id.len()).then(|| bare.strip_suffix(before)).flatten()
            }
            None => call_id.strip_suffix(suffix.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        let rules = Rules::default();
        assert_eq!(rules.without_suffix("call_b2b-1"), Some("call"));
        assert_eq!(rules.without_suffix("call-b2b_12"), Some("call"));
        assert_eq!(rules.without_suffix("call;bleg"), Some("call"));
        assert_eq!(rules.without_suffix("call_b2b-"), None);
        assert_eq!(rules.without_suffix("call12"), None);
    }

    #[test]
    fn machines() {
        let rules = Rules::default().with_hosts(&[vec!["10.0.0.1".into(), "192.0.2.1".into()]]);
        assert_eq!(rules.host("192.0.2.1"), "10.0.0.1");
        assert_eq!(rules.host("192.0.2.2"), "192.0.2.2");
    }
}
