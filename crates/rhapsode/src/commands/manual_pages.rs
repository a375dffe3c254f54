use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory as _};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder to write rhapsode.1 and a page for each command into
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = &arguments.folder;
    clap_mangen::generate_to(crate::Arguments::command(), folder)
        .with_context(|| format!("cannot write into {}", folder.display()))
}
