//! The types that documents defined when the server last ran, kept in the data folder as `types.toml`.
//!
//! Two things rest on it. A type that has left the configuration keeps its table: its rows are found and age as
//! before. And packets that an earlier run accepted and did not settle are understood as that run would have: else a
//! row could come into a second table, or be taken for one that its table has already.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use protocols::mapping::Definition;
use serde::{Deserialize, Serialize};

use super::Types;

const FILE: &str = "types.toml";

const HEADER: &str = "\
# Written by rhapsode at its start. The types that documents defined when it last ran, and those that were defined
# before and whose tables may still hold rows. To be rid of a former type and its rows, stop the server, delete its
# [[former]] here and its folder under lake/.

";

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    #[serde(default, rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub(crate) current: Vec<Definition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) former: Vec<Definition>,
}

impl Memory {
    /// Of a data folder; nothing if no server with types ever ran in it.
    pub(crate) fn read(data: &Path) -> Result<Self> {
        let path = data.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{} is damaged", path.display())),
            // Where the folder itself cannot be is said by who makes it.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Self::default())
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// What it is once a server with these types has started.
    pub(crate) fn after(&self, types: &Types) -> Self {
        let current: Vec<Definition> =
            types.defined.iter().map(|defined| defined.definition.clone()).collect();
        let has_table = |definitions: &[Definition], former: &Definition| {
            definitions.iter().any(|definition| definition.table_name() == former.table_name())
        };
        let mut former: Vec<Definition> = Vec::new();
        for definition in self.current.iter().chain(&self.former) {
            if !has_table(&current, definition) && !has_table(&former, definition) {
                former.push(definition.clone());
            }
        }
        Self { current, former }
    }

    pub(crate) fn all(&self) -> Vec<Definition> {
        self.current.iter().chain(&self.former).cloned().collect()
    }

    /// Replaces the file, so that a crash leaves the one or the other.
    pub(crate) fn write(&self, data: &Path) -> Result<()> {
        let path = data.join(FILE);
        let new = data.join(format!("{FILE}.new"));
        let text = toml::to_string(self).context("cannot write the types down")?;
        let written = || -> std::io::Result<()> {
            fs::create_dir_all(data)?;
            let mut file = File::create(&new)?;
            file.write_all(HEADER.as_bytes())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(data)?.sync_all()
        };
        written().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether an earlier run may have left packets in the log.
    pub(crate) fn has_log(data: &Path) -> bool {
        let log: PathBuf = data.join("log");
        fs::read_dir(log).is_ok_and(|mut entries| entries.next().is_some())
    }
}
