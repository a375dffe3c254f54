//! `cargo xtask bench ingest`: filled when the program can be driven.

use anyhow::{Result, bail};

pub(crate) fn ingest() -> Result<()> {
    bail!("not yet")
}
