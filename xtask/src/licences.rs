//! Licences, banned crates and sources of everything in the tree, by the rules of `deny.toml`.
//!
//! The subset of cargo-deny that needs no network and no ten-minute build. Where cargo-deny is installed it also
//! checks the advisories, whose database has to be fetched.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::install;
use crate::run::{cargo, output, repository, run};

#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    #[serde(default)]
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

pub(crate) fn check() -> Result<()> {
    let rules = std::fs::read_to_string(repository().join("deny.toml")).context("cannot read deny.toml")?;
    let rules: Rules = toml::from_str(&rules).context("deny.toml")?;
    let metadata = output(cargo(&["metadata", "--format-version=1", "--locked"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cargo metadata")?;

    let faults: Vec<String> = metadata.packages.iter().flat_map(|package| faults(package, &rules)).collect();
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for package in &metadata.packages {
        *counts.entry(package.license.as_deref().unwrap_or_default()).or_default() += 1;
    }
    println!(
        "{} crates under {} licence expressions, all allowed; none banned",
        metadata.packages.len(),
        counts.len()
    );
    advisories()
}

fn advisories() -> Result<()> {
    if install::find("cargo-deny").is_none() {
        println!("advisories not checked: cargo-deny is not installed, or its database cannot be had here");
        return Ok(());
    }
    run(cargo(&["deny", "check", "advisories"]))
}

fn faults(package: &Package, rules: &Rules) -> Vec<String> {
    let label = format!("{} {}", package.name, package.version);
    let mut faults = Vec::new();
    if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == package.name) {
        faults.push(format!("{label} is banned: {}", ban.reason));
    }
    if package.source.as_ref().is_some_and(|source| !source.starts_with("registry+")) {
        faults.push(format!("{label} does not come from the registry"));
    }
    let exceptions = rules.licenses.exceptions.iter().filter(|exception| exception.name == package.name);
    let allowed: Vec<&str> = exceptions
        .flat_map(|exception| &exception.allow)
        .chain(&rules.licenses.allow)
        .map(String::as_str)
        .collect();
    match &package.license {
        None => faults.push(format!("{label} names no licence")),
        Some(licence) if !is_allowed(licence, &allowed) => {
            faults.push(format!("{label}: licence {licence} is not allowed"));
        }
        Some(_) => {}
    }
    faults
}

/// An SPDX expression of `OR` (also the old `/`), `AND` and parentheses holds where the allowed licences satisfy it.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut holds = all_of(words, allowed);
    while words.first() == Some(&"OR") {
        *words = &words[1..];
        holds |= all_of(words, allowed);
    }
    holds
}

fn all_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut holds = one(words, allowed);
    while words.first() == Some(&"AND") {
        *words = &words[1..];
        holds &= one(words, allowed);
    }
    holds
}

fn one(words: &mut &[&str], allowed: &[&str]) -> bool {
    let Some((first, rest)) = words.split_first() else { return false };
    *words = rest;
    if *first == "(" {
        let holds = any_of(words, allowed);
        *words = words.get(1..).unwrap_or_default();
        return holds;
    }
    if let ["WITH", exception, rest @ ..] = *words {
        *words = rest;
        return allowed.contains(&format!("{first} WITH {exception}").as_str());
    }
    allowed.contains(first)
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn expressions_hold_as_spdx_says() {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
        for (expression, holds) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT/GPL-3.0", true),
            ("GPL-3.0 OR MIT", true),
            ("ISC AND GPL-3.0", false),
            ("ISC AND (GPL-3.0 OR MIT)", true),
            ("(MIT OR GPL-3.0) AND (GPL-2.0)", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("", false),
            ("MIT MIT", false),
        ] {
            assert_eq!(is_allowed(expression, &allowed), holds, "{expression}");
        }
    }
}
