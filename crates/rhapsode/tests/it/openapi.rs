//! The committed description of the API is the one the program hands out.

use anyhow::{Context, Result, ensure};
use testkit::server::Server;

use crate::options;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_committed_description_is_up_to_date() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let served = Server::start(options(&folder)?)?.get_bytes("/api/v1/openapi.json")?;
    if std::env::var_os("UPDATE").is_some() {
        return std::fs::write(COMMITTED, served).context("cannot write docs/openapi.json");
    }
    ensure!(
        std::fs::read(COMMITTED).unwrap_or_default() == served,
        "docs/openapi.json is out of date: run this test with UPDATE=1 and commit the file"
    );
    Ok(())
}
