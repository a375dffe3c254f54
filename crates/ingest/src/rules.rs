use std::net::IpAddr;

use protocols::{Correction, Corrections};

use crate::network::Network;

/// What the operator has said of senders: whose mistakes are put right, and whose copies are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderRules {
    /// For all senders.
    pub all: Treatment,
    /// For some, each over the ones before it. They are gone through for every packet: a few dozen at most.
    pub some: Vec<SenderRule>,
}

/// How packets of one sender are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    pub corrections: Corrections,
    /// Messages that have just been seen by another capture point, or twice by this one, are not kept.
    pub drops_duplicates: bool,
}

/// Whom a rule is for, and what it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderRule {
    /// Peer addresses; `None` for any.
    pub address: Option<Network>,
    /// Capture node name (chunk 0x0013); `None` for any.
    pub node: Option<String>,
    pub corrections: Vec<(&'static Correction, bool)>,
    pub drops_duplicates: Option<bool>,
}

impl SenderRules {
    pub(crate) fn of(&self, sender: IpAddr, node: Option<&[u8]>) -> Treatment {
        self.some.iter().filter(|rule| rule.is_for(sender, node)).fold(self.all, |treatment, rule| {
            Treatment {
                corrections: rule
                    .corrections
                    .iter()
                    .fold(treatment.corrections, |on, (rule, is_on)| on.with(rule, *is_on)),
                drops_duplicates: rule.drops_duplicates.unwrap_or(treatment.drops_duplicates),
            }
        })
    }

    /// Whether any sender's duplicates are dropped: only then must messages be remembered.
    pub(crate) fn drop_any(&self) -> bool {
        self.all.drops_duplicates || self.some.iter().any(|rule| rule.drops_duplicates == Some(true))
    }
}

impl SenderRule {
    fn is_for(&self, sender: IpAddr, node: Option<&[u8]>) -> bool {
        self.address.is_none_or(|network| network.contains(sender))
            && self.node.as_ref().is_none_or(|wanted| node == Some(wanted.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use protocols::corrections::find;

    use super::*;

    fn rule(address: Option<&str>, node: Option<&str>, name: &str, is_on: bool) -> SenderRule {
        SenderRule {
            address: address.map(|text| text.parse().expect("a network")),
            node: node.map(str::to_owned),
            corrections: vec![(find(name).expect("a rule"), is_on)],
            drops_duplicates: None,
        }
    }

    #[test]
    fn later_rules_win_and_only_for_whom_they_are() {
        let some = vec![
            rule(Some("192.0.2.0/24"), None, "milliseconds", true),
            rule(Some("192.0.2.7"), Some("edge"), "milliseconds", false),
            SenderRule { drops_duplicates: Some(true), ..rule(None, Some("copy"), "channel_name", false) },
        ];
        let rules = SenderRules { some, ..SenderRules::default() };
        let milliseconds = find("milliseconds").expect("a rule");
        let is_on = |sender: &str, node: Option<&str>| {
            let sender = sender.parse().expect("an address");
            rules.of(sender, node.map(str::as_bytes)).corrections.contains(milliseconds)
        };
        assert!(is_on("192.0.2.1", None) && is_on("192.0.2.7", None) && is_on("192.0.2.7", Some("core")));
        assert!(!is_on("192.0.2.7", Some("edge")) && !is_on("198.51.100.1", None));
        let copy = rules.of("198.51.100.1".parse().expect("an address"), Some(b"copy"));
        assert!(copy.drops_duplicates && !copy.corrections.contains(find("channel_name").expect("a rule")));
        assert!(rules.drop_any() && !SenderRules::default().drop_any());
        assert_eq!(SenderRules::default().of("::1".parse().expect("an address"), None), Treatment::default());
    }
}
