//! Where an import stands, on this machine's disk: so that one that was interrupted goes on, and one that is done is
//! not done twice.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Of one file to one server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// For people who look into the folder.
    pub(super) file: String,
    pub(super) server: String,
    /// Packets of which it is known what became of them.
    pub(super) position: u64,
    /// The request after them, which was sent and perhaps not answered.
    pub(super) in_flight: Option<InFlight>,
    /// Microseconds added to every time: chosen once, so that going on moves by the same.
    pub(super) shift: i64,
    pub(super) totals: Totals,
    pub(super) done: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InFlight {
    pub(super) packets: u64,
    /// Microseconds since 1970 on the server's clock: nothing of it arrived before.
    pub(super) since: i64,
}

/// read = stored + keepalives + refused, once all is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) stored: u64,
    pub(super) keepalives: u64,
    /// By cause.
    pub(super) refused: BTreeMap<String, u64>,
}

impl Totals {
    pub(super) fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.stored += other.stored;
        self.keepalives += other.keepalives;
        for (cause, count) in &other.refused {
            *self.refused.entry(cause.clone()).or_default() += count;
        }
    }
}

/// Where states are kept.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder named, else that of the XDG base directories for state.
    pub(super) fn open(named: Option<&Path>) -> Result<Self> {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let usual = || variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
        let folder = match named {
            Some(folder) => folder.to_owned(),
            None => usual()
                .ok_or_else(|| anyhow!("neither XDG_STATE_HOME nor HOME is set; name a folder with --state"))?
                .join("rhapsode/import"),
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// The file of a state. What makes other packets of the same file is part of its name: `how`.
    pub(super) fn path(&self, file_hash: &str, server: &str, how: &str) -> PathBuf {
        let hash = Sha256::new().chain_update(server).chain_update([0]).chain_update(how).finalize();
        let rest: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        self.0.join(format!("{}-{rest}.json", file_hash.get(..32).unwrap_or(file_hash)))
    }
}

impl State {
    pub(super) fn load(path: &Path) -> Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => {
                let state = serde_json::from_slice(&bytes);
                Ok(Some(state.with_context(|| {
                    format!("{} is not the state of an import; --again starts over", path.display())
                })?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Written beside and then put in place: the file is whole whenever it is looked at.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let save = || -> Result<()> {
            let beside = path.with_extension("new");
            let mut file = std::fs::File::create(&beside)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_data()?;
            std::fs::rename(&beside, path)?;
            Ok(())
        };
        save().with_context(|| format!("cannot write {}", path.display()))
    }
}
