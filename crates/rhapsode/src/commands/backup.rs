use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use store::backup::{self, BackedUpLake, Manifest, Scope, Wanted};
use store::check::Progress;

use super::progress::{size, watched};
use super::serve;
use crate::config::{self, ServeArguments};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folder of the backup: an empty one, or that of the backup before, which is brought up to date
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Users, tokens, aliases, alerts, the audit log and types, and no traffic
    #[arg(long, conflicts_with = "verify")]
    settings_only: bool,
    /// Make none: read the one that is there, and compare every file with its checksum
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    settings: ServeArguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode backup --data /var/lib/rhapsode --to /backup/rhapsode
  rhapsode backup --config /etc/rhapsode/rhapsode.toml --to /backup/rhapsode
  rhapsode backup --data /var/lib/rhapsode --to /backup/settings --settings-only
  rhapsode backup --to /backup/rhapsode --verify

Takes the options of `rhapsode serve`, to find the data folder and the lake. The server may run: the backup is what
was there at one moment. Files that are there already are not copied again. A lake in a bucket is not copied. The
backup holds payloads and hashes of passwords: its files are for their owner alone. See docs/backup.md.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let progress = Progress::default();
    if arguments.verify {
        let manifest = watched(&progress, "verified", || backup::verify(&arguments.to, &progress))?;
        println!("the backup is whole: {}", summary(&manifest));
        return Ok(());
    }
    let settings = config::resolve(&arguments.settings)?;
    let config = serve::store_config(&settings);
    let scope = if arguments.settings_only { Scope::Settings } else { Scope::All };
    let wanted = Wanted { scope, program: env!("CARGO_PKG_VERSION"), databases: api::copy_databases };
    let made = watched(&progress, "copied", || backup::back_up(&config, &arguments.to, &wanted, &progress))
        .context("no backup was made")?;
    println!("{}; {} of it copied now", summary(&made.manifest), size(made.copied));
    if let BackedUpLake::Bucket(bucket) = &made.manifest.lake {
        println!(
            "the lake is in {bucket} and was not copied: use what the bucket offers, such as versions or replication"
        );
    }
    for fault in &made.faults {
        println!("wrong  {fault}");
    }
    match made.faults.len() {
        0 => Ok(()),
        faults => {
            bail!("the backup was made, and {faults} files in it are no better than in the data folder")
        }
    }
}

/// What a backup holds, on one line.
pub(super) fn summary(manifest: &Manifest) -> String {
    let Manifest { made, node, files, tables, .. } = manifest;
    let rows: u64 = tables.iter().map(|table| table.rows).sum();
    let what = match (manifest.scope, &manifest.lake) {
        (Scope::Settings, _) => "settings".to_owned(),
        (Scope::All, BackedUpLake::Bucket(_)) => "settings and log".to_owned(),
        (Scope::All, _) => format!("settings, log, and {rows} rows in {} tables", tables.len()),
    };
    format!("{what} of node {node} at {made}, {} files, {}", files.len(), size(manifest.bytes()))
}
