//! The rules of the house that can be counted. Each is one file with its reason.

mod imports;
mod length;
mod purity;
mod type_numbers;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::{command, output, repository};

/// A file of the repository, as tidy sees it.
pub(crate) struct Source {
    /// Relative to the repository, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The room the file belongs to: the folder under `crates/`.
    pub(crate) fn room(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// The program itself, not its tests, benches or examples.
    pub(crate) fn is_program(&self) -> bool {
        self.path.split('/').nth(2) == Some("src") && !self.path.ends_with("/tests.rs")
    }

    /// The lines of the program with their numbers; unit tests at the end of a file are left out.
    pub(crate) fn program_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]").map(|(index, line)| (index + 1, line))
    }
}

pub(crate) fn check() -> Result<()> {
    let sources = sources()?;
    let mut faults = Vec::new();
    faults.extend(imports::check()?);
    faults.extend(length::check(&sources));
    faults.extend(type_numbers::check(&sources));
    faults.extend(purity::check(&sources));
    if !faults.is_empty() {
        bail!("{} faults\n{}", faults.len(), faults.join("\n"));
    }
    println!("{} files are tidy", sources.len());
    Ok(())
}

/// The source files git knows of or would take.
fn sources() -> Result<Vec<Source>> {
    let listed = output(command("git", &["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let wanted = |path: &&str| {
        ["rs", "ts", "svelte", "css", "mjs"]
            .iter()
            .any(|ending| Path::new(path).extension().is_some_and(|found| found == *ending))
    };
    let root = repository();
    let mut sources = Vec::new();
    for path in listed.lines().filter(wanted) {
        let file: PathBuf = root.join(path);
        if !file.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
        sources.push(Source { path: path.to_owned(), text });
    }
    Ok(sources)
}
