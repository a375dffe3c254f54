use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use store::backup::{self, Scope};
use store::check::Progress;

use super::backup::summary;
use super::progress::watched;
use crate::config::{self, ServeArguments};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folder of the backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    #[command(flatten)]
    settings: ServeArguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode restore --from /backup/rhapsode --data /var/lib/rhapsode
  rhapsode restore --from /backup/rhapsode --config /etc/rhapsode/rhapsode.toml

Takes the options of `rhapsode serve`, to find where the data folder and the lake are to be. Both must be empty, or not
there yet. Every byte is compared with its checksum; where one differs, nothing is left behind. Run it as the user that
the server runs as. See docs/backup.md.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let settings = config::resolve(&arguments.settings)?;
    let progress = Progress::default();
    let data = &settings.data;
    let restored =
        watched(&progress, "restored", || backup::restore(&arguments.from, data, &settings.lake, &progress));
    let manifest = restored.context("nothing was restored")?;
    println!("restored into {}: {}", data.display(), summary(&manifest));
    if manifest.scope == Scope::All {
        println!("the former server must not run on: both would call themselves node {}", manifest.node);
    }
    Ok(())
}
