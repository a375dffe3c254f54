//! Logs, and their level, which may change.

use std::io::IsTerminal as _;

use anyhow::{Context, Result, anyhow};
use tracing_subscriber::EnvFilter;

use crate::config::Resolved;

/// Our own rooms: at the level `info` the libraries below them would drown what an operator must see.
const ROOMS: [&str; 7] = ["rhapsode", "api", "ingest", "outputs", "store", "protocols", "model"];

/// Other nodes' commits to a shared lake are ordinary here, and what goes wrong with a commit the store tells itself.
const QUIET: &str = "deltalake_core::kernel::transaction=off";

/// Sets another level.
pub(in crate::commands) struct Logging(Box<dyn Fn(EnvFilter) -> Result<()>>);

impl Logging {
    /// Logs go to standard error: what the program says to its user is on standard output.
    pub(in crate::commands) fn start(settings: &Resolved) -> Result<Self> {
        let logs = tracing_subscriber::fmt()
            .with_env_filter(filter(&settings.log_level)?)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        let wrong =
            |error: Box<dyn std::error::Error + Send + Sync>| anyhow!("cannot start logging: {error}");
        // Last of all: the handle knows the whole of what it is in.
        if settings.log_json {
            let logs = logs.json().with_filter_reloading();
            let handle = logs.reload_handle();
            logs.try_init().map_err(wrong)?;
            return Ok(Self(Box::new(move |filter| handle.reload(filter).context("the logs have ended"))));
        }
        let logs = logs.with_filter_reloading();
        let handle = logs.reload_handle();
        logs.try_init().map_err(wrong)?;
        Ok(Self(Box::new(move |filter| handle.reload(filter).context("the logs have ended"))))
    }

    pub(super) fn set_level(&self, level: &str) -> Result<()> {
        (self.0)(filter(level)?)
    }
}

fn filter(level: &str) -> Result<EnvFilter> {
    let trimmed = level.trim();
    let is_plain = ["error", "warn", "info", "debug", "trace", "off"].contains(&trimmed);
    let directives = if is_plain {
        ROOMS
            .iter()
            .fold(format!("warn,{QUIET}"), |directives, room| format!("{directives},{room}={trimmed}"))
    } else {
        trimmed.to_owned()
    };
    EnvFilter::try_new(directives).with_context(|| format!("log.level = {level:?}"))
}
