//! Lints, without compiling the query engine a second time.
//!
//! `cargo clippy` checks every dependency anew, since what a check leaves behind and what a build leaves behind are apart
//! for cargo: a quarter of an hour for the engine alone. Here cargo builds, with the dependencies that the tests have
//! built already, and this program stands in for the compiler of our own packages ([`stand_in`]): it runs clippy over
//! them, and stops where code would be made.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, ensure};

use crate::demo::target_folder;
use crate::run::{cargo, run};

pub(crate) fn check() -> Result<()> {
    let mut build = cargo(&["build", "--release", "--workspace", "--all-targets"]);
    // By its name: the file we were started from is gone once cargo has built this program again.
    build.env("RUSTC_WORKSPACE_WRAPPER", target_folder()?.join("release/xtask"));
    run(build)
}

/// Whether cargo calls this program in place of the compiler, which it then names first.
pub(crate) fn is_asked_to_compile(words: &[OsString]) -> bool {
    words.first().is_some_and(|first| Path::new(first).file_stem().is_some_and(|name| name == "rustc"))
}

/// Examines one of our packages; what depends on it needs no more than its metadata.
pub(crate) fn stand_in(words: &[OsString]) -> Result<()> {
    let (rustc, arguments) = words.split_first().context("no compiler is named")?;
    let is_build_script = arguments.iter().any(|word| word == "build_script_build");
    // What can the compiler do?
    let is_question = !arguments.iter().any(|word| word == "--crate-name");
    if is_question {
        return ended(Command::new(rustc).args(arguments).status(), rustc);
    }
    // Of the same toolchain: beside the compiler, or found as it is.
    let mut clippy = Command::new(Path::new(rustc).with_file_name("clippy-driver"));
    clippy.arg(rustc);
    if is_build_script {
        // It will be run.
        clippy.args(arguments);
    } else {
        clippy.args(arguments.iter().map(without_code));
    }
    clippy.env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings");
    ended(clippy.status(), rustc)
}

/// An argument for the compiler, so that it makes no code and asks for none.
fn without_code(word: &OsString) -> OsString {
    let Some(text) = word.to_str() else { return word.clone() };
    if text.starts_with("--emit=") {
        return "--emit=dep-info,metadata".into();
    }
    // `name=path`, of a package that was examined before: it has metadata alone.
    match text.split_once('=') {
        Some((_, path)) if path.ends_with(".rlib") && !Path::new(path).exists() => {
            text.replace(".rlib", ".rmeta").into()
        }
        _ => word.clone(),
    }
}

fn ended(status: std::io::Result<ExitStatus>, rustc: &OsString) -> Result<()> {
    let status = status.with_context(|| format!("cannot start clippy for {}", Path::new(rustc).display()))?;
    ensure!(status.success(), "{status}");
    Ok(())
}
