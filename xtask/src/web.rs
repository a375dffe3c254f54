//! The web part: checked and built with npm, embedded by the `api` room.

use anyhow::Result;

use crate::install;
use crate::run::{command, repository, run};

/// Builds `web/dist`. The binary embeds it, so this comes before `cargo build`.
pub(crate) fn build() -> Result<()> {
    install::npm_packages()?;
    npm("build")
}

/// Types, lint, size budget and unit tests.
pub(crate) fn check() -> Result<()> {
    build()?;
    npm("check")?;
    npm("test")
}

fn npm(script: &str) -> Result<()> {
    let mut npm = command("npm", &["run", "--silent", script]);
    npm.current_dir(repository().join("web"));
    run(npm)
}
