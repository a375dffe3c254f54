//! Whose mistakes are put right, and whose copies are dropped.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use ingest::{SenderRule, SenderRules, Treatment};
use protocols::Correction;
use protocols::corrections::{self, ALL};

use super::file::{Dedup, Sender, edit_distance};

pub(super) fn rules(
    switches: Option<&BTreeMap<String, bool>>,
    dedup: Option<Dedup>,
    senders: &[Sender],
) -> Result<SenderRules> {
    let switched = switches_of(switches, "corrections")?;
    let corrections =
        switched.iter().fold(protocols::Corrections::default(), |on, (rule, is_on)| on.with(rule, *is_on));
    let all = Treatment { corrections, drops_duplicates: dedup == Some(Dedup::Drop) };
    let some = senders.iter().enumerate().map(|(place, sender)| rule(&format!("sender[{place}]"), sender));
    Ok(SenderRules { all, some: some.collect::<Result<_>>()? })
}

fn rule(name: &str, sender: &Sender) -> Result<SenderRule> {
    if sender.address.is_none() && sender.node.is_none() {
        bail!(
            "{name} says neither address nor node; what is meant for all senders stands in corrections and hep.dedup"
        );
    }
    let address = sender.address.as_ref().map(|text| text.parse().with_context(|| format!("{name}.address")));
    Ok(SenderRule {
        address: address.transpose()?,
        node: sender.node.clone(),
        corrections: switches_of(sender.corrections.as_ref(), &format!("{name}.corrections"))?,
        drops_duplicates: sender.dedup.map(|dedup| dedup == Dedup::Drop),
    })
}

fn switches_of(
    switches: Option<&BTreeMap<String, bool>>,
    name: &str,
) -> Result<Vec<(&'static Correction, bool)>> {
    let switches = switches.into_iter().flatten();
    switches.map(|(rule, is_on)| Ok((find(rule).with_context(|| name.to_owned())?, *is_on))).collect()
}

fn find(name: &str) -> Result<&'static Correction> {
    corrections::find(name).ok_or_else(|| {
        let nearest = ALL.iter().min_by_key(|known| edit_distance(name, known.name));
        let nearest = nearest.map_or("", |known| known.name);
        anyhow!("there is no correction {name:?}; did you mean {nearest}?")
    })
}
