//! How the legs of a call are joined: headers that name calls, endings of Call-IDs, machines with several addresses.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use api::LegRules;
use protocols::mapping::read_homer_legs;

use super::file::Calls;

/// Headers looked for in each message that is read: more would be felt.
const HEADERS_MAX: usize = 64;
const SUFFIXES_MAX: usize = 64;

/// Rules, and what was not taken over from HOMER's document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Legs {
    pub(crate) rules: LegRules,
    pub(crate) headers: Vec<String>,
    pub(crate) notes: Vec<String>,
}

pub(super) fn legs(written: Calls) -> Result<Legs> {
    let mut headers: Vec<String> = match written.correlation_headers {
        Some(headers) => headers,
        None => api::LEG_HEADERS_DEFAULT.iter().map(|name| (*name).to_owned()).collect(),
    };
    let mut notes = Vec::new();
    if let Some(path) = &written.homer_correlation {
        let imported = homer(path)?;
        notes.extend(imported.notes.iter().map(|note| format!("{}: {note}", path.display())));
        for header in imported.headers {
            if !headers.iter().any(|known| known.eq_ignore_ascii_case(&header)) {
                headers.push(header);
            }
        }
    }
    for header in &headers {
        if header.is_empty()
            || !header.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        {
            bail!("calls.correlation_headers: {header:?} is no name of a header");
        }
    }
    if headers.len() > HEADERS_MAX {
        bail!("calls.correlation_headers: {} are more than the {HEADERS_MAX} allowed", headers.len());
    }
    let mut rules = LegRules::default().with_headers(headers.clone());
    if let Some(suffixes) = written.call_id_suffixes {
        if suffixes.len() > SUFFIXES_MAX
            || suffixes.iter().any(|suffix| suffix.trim_end_matches('#').is_empty())
        {
            bail!("calls.call_id_suffixes: at most {SUFFIXES_MAX}, each with more than a #");
        }
        rules = rules.with_suffixes(suffixes);
    }
    let machines = written.same_host.unwrap_or_default();
    Ok(Legs { rules: rules.with_hosts(&addresses(&machines)?), headers, notes })
}

fn homer(path: &Path) -> Result<protocols::mapping::ImportedLegs> {
    super::types::check_size(path)?;
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_homer_legs(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// Each address as captures write it, in one machine only.
fn addresses(machines: &[Vec<String>]) -> Result<Vec<Vec<String>>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for machine in machines {
        let mut own = Vec::new();
        for written in machine {
            let address: IpAddr =
                written.parse().with_context(|| format!("calls.same_host: {written:?} is no address"))?;
            if !seen.insert(address) {
                bail!("calls.same_host: {address} stands there twice");
            }
            own.push(address.to_string());
        }
        all.push(own);
    }
    Ok(all)
}
