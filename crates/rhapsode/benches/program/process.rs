//! What a process costs, as the kernel counts it.

use std::path::PathBuf;

use anyhow::{Context, Result};

pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// User and system time, from the kernel's clock ticks.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        /// USER_HZ is 100 on every Linux architecture Rust runs on.
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(self.file("stat"))?;
        // The name in parentheses may hold blanks; what follows it does not.
        let fields: Vec<&str> =
            stat.rsplit(')').next().context("no process name")?.split_whitespace().collect();
        let ticks = |index: usize| {
            fields.get(index).and_then(|field| field.parse::<f64>().ok()).context("no such field")
        };
        Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
    }

    pub(crate) fn peak_memory_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(self.file("status"))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
        let kilobytes: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kilobytes * 1024)
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }
}
