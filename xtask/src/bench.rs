//! Benches that drive the built program. Those of a single room are criterion's: `cargo bench -p sip`.

use anyhow::Result;

use crate::run::{cargo, run};

/// One of those in crates/rhapsode/benches/program/.
pub(crate) fn program(name: &str) -> Result<()> {
    // The whole workspace, since one package alone has other features, and would compile the engine once more.
    run(cargo(&["bench", "--workspace", "--bench", "program", "--", name]))
}

/// Precision and recall of joining legs; of a pure room, so no other is compiled.
pub(crate) fn legs() -> Result<()> {
    run(cargo(&["bench", "-p", "calls", "--bench", "legs"]))
}

/// What following calls costs, and keeping those that go on.
pub(crate) fn calls() -> Result<()> {
    run(cargo(&["bench", "-p", "calls", "--bench", "tracker"]))
}

/// The benches that check what the server answers, small: whether answers are right, not how fast they come.
pub(crate) fn smoke() -> Result<()> {
    for (name, messages) in [("space", "100000"), ("search", SMOKE_MESSAGES)] {
        let mut bench = cargo(&["bench", "--workspace", "--bench", "program", "--", name]);
        // Answers while packets come in are what the tests look at.
        bench.env("BENCH_MESSAGES", messages).env("BENCH_RATE", "0").env_remove("BENCH_DATA");
        run(bench)?;
    }
    Ok(())
}

/// Made in some seconds, and more than a dozen files.
const SMOKE_MESSAGES: &str = "1000000";
