//! From a clean clone to a drawn call in one command.

use anyhow::Result;

use crate::run::{self as runner, cargo, command, repository, step};
use crate::{install, web};

pub(crate) fn run(options: &[&str]) -> Result<()> {
    step("build tools", install::build_tools)?;
    step("web part", web::build)?;
    step("program (the first build compiles the query engine: about 20 minutes on two cores)", || {
        run_build()
    })?;
    let program = target_folder()?.join("release/rhapsode");
    let mut demo = command(program, &["demo"]);
    demo.args(options);
    runner::run(demo)
}

fn run_build() -> Result<()> {
    runner::run(cargo(&["build", "--release", "--package", "rhapsode"]))
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> Result<std::path::PathBuf> {
    let metadata = runner::output(cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    Ok(metadata["target_directory"].as_str().map_or_else(|| repository().join("target"), Into::into))
}
