//! Benches that drive the built program. Those of a single room are criterion's: `cargo bench -p sip`.

use anyhow::Result;

use crate::run::{cargo, run};

/// CPU seconds per million messages; see crates/rhapsode/benches/ingest.rs.
pub(crate) fn ingest() -> Result<()> {
    // The whole workspace, since one package alone has other features, and would compile the engine once more.
    run(cargo(&["bench", "--workspace", "--bench", "ingest"]))
}
