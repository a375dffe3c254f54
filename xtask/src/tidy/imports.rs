//! Which room may use which: the floors of the house. A room uses rooms below it, never beside or above.

use anyhow::{Context, Result};
use toml::Table;

use crate::run::repository;

/// Room, and the rooms it may import. Tests may import `testkit` and any room below the one they test.
const HOUSE: &[(&str, &[&str])] = &[
    ("hep", &[]),
    ("sip", &[]),
    ("media", &[]),
    ("packet", &[]),
    ("model", &[]),
    ("unify", &[]),
    ("protocols", &["hep", "sip", "media", "model"]),
    ("calls", &["sip", "media", "model", "protocols"]),
    ("traffic", &["hep", "sip", "media"]),
    ("alerts", &["model"]),
    ("store", &["model", "unify"]),
    ("scripts", &["hep", "sip", "model", "protocols"]),
    ("reach", &[]),
    ("ingest", &["hep", "model", "protocols", "calls", "scripts", "store", "reach"]),
    ("outputs", &["hep", "model", "calls", "alerts", "store", "reach"]),
    ("api", &["model", "protocols", "calls", "alerts", "store", "hep", "sip", "media", "packet"]),
    (
        "rhapsode",
        &[
            "hep",
            "sip",
            "media",
            "packet",
            "model",
            "protocols",
            "calls",
            "scripts",
            "traffic",
            "store",
            "ingest",
            "outputs",
            "api",
            "alerts",
            "reach",
        ],
    ),
    ("testkit", &["packet", "hep"]),
];

pub(super) fn check() -> Result<Vec<String>> {
    let crates = repository().join("crates");
    let mut faults = Vec::new();
    for entry in std::fs::read_dir(&crates).context("cannot list crates/")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some((_, allowed)) = HOUSE.iter().find(|(room, _)| *room == name) else {
            faults.push(format!("crates/{name}: no such room in the house; add it to xtask/src/tidy/imports.rs and ARCHITECTURE.md"));
            continue;
        };
        let manifest = std::fs::read_to_string(crates.join(&name).join("Cargo.toml"))?;
        let manifest: Table = manifest.parse().with_context(|| format!("crates/{name}/Cargo.toml"))?;
        let used =
            manifest.get("dependencies").and_then(|value| value.as_table()).cloned().unwrap_or_default();
        for dependency in used.keys() {
            let is_room = HOUSE.iter().any(|(room, _)| room == dependency);
            if is_room && !allowed.contains(&dependency.as_str()) {
                faults.push(format!("crates/{name}/Cargo.toml: {name} may not import {dependency}"));
            }
        }
    }
    Ok(faults)
}
