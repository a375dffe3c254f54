//! Benches that drive the built program. Those of a single room are criterion's: `cargo bench -p sip`.

use anyhow::Result;

use crate::run::{cargo, run};

/// One of those in crates/rhapsode/benches/program/.
pub(crate) fn program(name: &str) -> Result<()> {
    // The whole workspace, since one package alone has other features, and would compile the engine once more.
    run(cargo(&["bench", "--workspace", "--bench", "program", "--", name]))
}
