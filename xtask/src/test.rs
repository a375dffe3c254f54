//! Everything that must hold, in the order that fails soonest.

use anyhow::{Result, bail};

use crate::run::{cargo, repository, run, step};
use crate::{bench, book, fuzz, install, instructions, licences, lints, package, tidy, web};

type Part = (&'static str, &'static str, fn() -> Result<()>);

const PARTS: &[Part] = &[
    ("fmt", "formatting", formatting),
    ("tidy", "rules of the house", tidy::check),
    ("licences", "licences and bans", licences::check),
    ("web", "web part: types, size, unit tests, build", web::check),
    ("rust", "unit, corpus, live and browser tests (the first build compiles the query engine)", rust),
    ("package", "the Debian package, from installing it to purging it", package::test),
    ("instructions", "instructions per message of the hottest steps", instructions::check),
    ("bench", "answers of the benches, over a small day of traffic", bench::smoke),
    ("doc", "the manual, documentation and its examples", documentation),
    ("clippy", "lints", lints::check),
    ("fuzz", "fuzzing, ten minutes over all parsers", fuzz::smoke),
];

pub(crate) fn everything() -> Result<()> {
    step("build tools", install::build_tools)?;
    step("foreign programs", install::foreign_programs)?;
    step("test runner", install::nextest)?;
    for (_, title, work) in PARTS {
        step(title, work)?;
    }
    println!("\nall parts passed");
    Ok(())
}

pub(crate) fn part(name: &str) -> Result<()> {
    let Some((_, title, work)) = PARTS.iter().find(|(known, ..)| *known == name) else {
        let names: Vec<&str> = PARTS.iter().map(|(name, ..)| *name).collect();
        bail!("no part {name:?}; the parts are {}", names.join(" "));
    };
    step(title, work)
}

fn formatting() -> Result<()> {
    let mut fmt = cargo(&["fmt", "--all", "--check", "--"]);
    // Registries declare their files in a macro, which cargo fmt does not look into. From a file rustfmt finds those of
    // its folder.
    for registry in ["crates/protocols/src", "crates/calls/src/findings"] {
        for entry in std::fs::read_dir(repository().join(registry))? {
            let path = entry?.path();
            let module = if path.is_dir() { path.join("mod.rs") } else { path };
            fmt.arg(module);
        }
    }
    run(fmt)
}

/// The program is built in the same profile and run, so the engine compiles once.
fn rust() -> Result<()> {
    run(cargo(&["build", "--release", "--workspace", "--all-targets"]))?;
    let mut tests = cargo(&["nextest", "run", "--release", "--workspace", "--no-fail-fast"]);
    // A foreign program that is missing now is a failure, not a skip: it was installed above.
    tests.env("RHAPSODE_TEST_PROGRAMS", "required");
    run(tests)
}

fn documentation() -> Result<()> {
    book::check()?;
    run(cargo(&[
        "test",
        "--release",
        "--doc",
        "--package",
        "hep",
        "--package",
        "sip",
        "--package",
        "media",
        "--package",
        "packet",
    ]))
}
