//! Who may read metrics without a login, and under which names they stand there.

use std::net::IpAddr;

use anyhow::{Context, Result, anyhow, bail};
use ingest::Network;
use outputs::metrics::Targets;

use super::file;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    /// Who needs no login.
    pub(crate) allow: Vec<Network>,
    /// Also under the names of heplify-server.
    pub(crate) heplify: Option<Targets>,
}

pub(super) fn metrics(written: file::Metrics) -> Result<Metrics> {
    let networks = written.allow.unwrap_or_default();
    let allow = networks.iter().map(|text| text.parse::<Network>().context("metrics.allow"));
    let allow = allow.collect::<Result<_>>()?;
    let has_names = written.heplify_names.unwrap_or(false);
    if written.heplify_targets.is_some() && !has_names {
        bail!("metrics.heplify_targets is for metrics.heplify_names = true");
    }
    let mut targets: Vec<(String, IpAddr)> = Vec::new();
    for (name, addresses) in written.heplify_targets.unwrap_or_default() {
        for address in addresses {
            let parsed: IpAddr = address
                .parse()
                .map_err(|_| anyhow!("metrics.heplify_targets.{name}: {address:?} is not an IP address"))?;
            if let Some((other, _)) =
                targets.iter().find(|(_, known)| known.to_canonical() == parsed.to_canonical())
            {
                bail!("metrics.heplify_targets: {address} is of {other} and of {name}");
            }
            targets.push((name.clone(), parsed));
        }
    }
    Ok(Metrics { allow, heplify: has_names.then(|| Targets::new(targets)) })
}
