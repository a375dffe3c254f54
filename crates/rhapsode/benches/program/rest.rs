//! When a server has done everything it does by itself.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;
use testkit::server::Server;

/// Something moves sooner than this, also on a busy machine: the longest step is merging four million rows.
const STANDSTILL_MAX: Duration = Duration::from_secs(600);

/// Waits until everything that was received lies in the lake, and no files are left that can be merged by now.
///
/// Asks seldom: twenty times a second made up a twentieth of what was measured.
pub(crate) fn wait_until_at_rest(server: &Server) -> Result<()> {
    let mut moved = Instant::now();
    let mut last = Value::Null;
    while moved.elapsed() < STANDSTILL_MAX {
        std::thread::sleep(Duration::from_secs(1));
        let store = server.get("/api/v1/status")?["store"].clone();
        if store["hot_rows"] == 0 && store["compaction"]["files_due"] == 0 {
            return Ok(());
        }
        if store != last {
            moved = Instant::now();
            last = store;
        }
    }
    bail!("for {} s nothing was settled or merged: {last}", STANDSTILL_MAX.as_secs())
}
