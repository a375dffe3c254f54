//! Benches that drive the built program. Those of a single room are criterion's: `cargo bench -p sip`.

use anyhow::Result;

use crate::run::{cargo, run};

/// CPU seconds per million messages; see crates/rhapsode/benches/ingest.rs.
pub(crate) fn ingest() -> Result<()> {
    run(cargo(&["bench", "--package", "rhapsode", "--bench", "ingest"]))
}
