//! `[scripts]`: Lua files, what they see, and what a run of them may take.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use scripts::{Limits, Settings, Source};
use serde::Deserialize;

use super::file::Size;
use super::types::check_size;

/// How long a run may be allowed to take: longer, and a listener would lose what comes meanwhile.
const MILLISECONDS_MAX: u64 = 1_000;

/// Fewer bytes are not enough for Lua itself.
const MEMORY_BYTES_MIN: u64 = 1 << 20;

/// Scripts: each has a state, as large as its limit, for each thread.
const SCRIPTS_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Its `*.lua` in the order of their names.
    folder: Option<PathBuf>,
    /// Before those of the folder.
    files: Option<Vec<PathBuf>>,
    hep_types: Option<Vec<u16>>,
    instructions_max: Option<u64>,
    milliseconds_max: Option<u64>,
    memory_bytes_max: Option<Size>,
    limits_in_a_row_max: Option<u32>,
}

/// Reads the scripts and tries each of them; `None` if there are none.
pub(super) fn scripts(written: &Written) -> Result<Option<Settings>> {
    let mut paths = written.files.clone().unwrap_or_default();
    if let Some(folder) = &written.folder {
        paths.extend(lua_files(folder)?);
    }
    let settings = Settings {
        sources: paths.iter().map(|path| read(path)).collect::<Result<_>>()?,
        hep_types: written
            .hep_types
            .clone()
            .unwrap_or_else(|| protocols::scripted::HEP_TYPES_DEFAULT.to_vec()),
        limits: limits(written)?,
    };
    if settings.sources.len() > SCRIPTS_MAX {
        bail!("{} scripts are more than the {SCRIPTS_MAX} allowed", settings.sources.len());
    }
    if settings.sources.is_empty() {
        return Ok(None);
    }
    // Counters are by name.
    let mut names = std::collections::BTreeSet::new();
    if let Some(twice) = paths.iter().find(|path| !names.insert(path.file_name())) {
        bail!("{}: another script has this name", twice.display());
    }
    ::scripts::check(&settings)?;
    Ok(Some(settings))
}

/// One script alone, with the limits that hold unless a configuration says otherwise.
pub(crate) fn script(path: &Path) -> Result<Settings> {
    let written = Written { files: Some(vec![path.to_owned()]), ..Written::default() };
    scripts(&written)?.ok_or_else(|| anyhow!("{} is no script", path.display()))
}

fn limits(written: &Written) -> Result<Limits> {
    let default = Limits::default();
    let milliseconds = match written.milliseconds_max {
        None => default.time_max,
        Some(given) if (1..=MILLISECONDS_MAX).contains(&given) => Duration::from_millis(given),
        Some(given) => bail!("scripts.milliseconds_max = {given} is outside 1 to {MILLISECONDS_MAX}"),
    };
    let memory = match &written.memory_bytes_max {
        None => default.memory_bytes_max,
        Some(given) => {
            let bytes = given.bytes().with_context(|| format!("scripts.memory_bytes_max = {given}"))?;
            if bytes < MEMORY_BYTES_MIN {
                bail!("scripts.memory_bytes_max = {given} is less than {MEMORY_BYTES_MIN} bytes");
            }
            usize::try_from(bytes).unwrap_or(usize::MAX)
        }
    };
    if written.instructions_max == Some(0) {
        bail!("scripts.instructions_max is 0, which no script could do anything with");
    }
    if written.limits_in_a_row_max == Some(0) {
        bail!("scripts.limits_in_a_row_max is 0; the least is 1");
    }
    Ok(Limits {
        instructions_max: written.instructions_max.unwrap_or(default.instructions_max),
        time_max: milliseconds,
        memory_bytes_max: memory,
        in_a_row_max: written.limits_in_a_row_max.unwrap_or(default.in_a_row_max),
    })
}

fn lua_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let wrong = || format!("cannot read the folder of scripts {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(wrong)? {
        let path = entry.with_context(wrong)?.path();
        if path.extension().is_some_and(|ending| ending == "lua") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Source> {
    check_size(path)?;
    let wrong = || format!("cannot read {}", path.display());
    Ok(Source { path: path.display().to_string(), text: std::fs::read_to_string(path).with_context(wrong)? })
}
