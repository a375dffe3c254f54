//! The repository's own commands. `cargo xtask` lists them.

mod bench;
mod book;
mod demo;
mod fuzz;
mod install;
mod instructions;
mod licences;
mod lints;
mod package;
mod run;
mod test;
mod tidy;
mod web;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask COMMAND

  demo [OPTIONS]     install what is missing, build, start a server with lifelike calls (options go to `rhapsode demo`)
  test [PART]        install the foreign programs, then run everything; PART runs one part of it:
                     web fmt tidy licences clippy rust package instructions bench doc fuzz
  tidy               rules of the house that can be counted: imports, file length, type numbers
  fuzz ROOM/ENTRY [LIBFUZZER OPTIONS | FILES]
                     one entry until it is stopped (-runs=10000000: or so often), or FILES once each
  bench ingest       CPU seconds per million messages, from socket to settled file
  bench search       how long answers take over a day of messages: cold, warm, and while traffic comes in
  bench space        bytes of disk per message, column by column
  bench legs         which legs of calls are joined rightly, wrongly or not at all, in a corpus of known calls
  bench calls        what following calls costs as their messages arrive, and what those take that go on
  web                build the web part
  package            a Debian package of the built program: target/package/*.deb";

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if lints::is_asked_to_compile(&words) {
        // The compiler has said what is wrong.
        return if lints::stand_in(&words).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        ["demo", options @ ..] => demo::run(options),
        ["test"] => test::everything(),
        ["test", part] => test::part(part),
        ["tidy"] => tidy::check(),
        ["fuzz", entry, arguments @ ..] => fuzz::one(entry, arguments),
        ["bench", name @ ("ingest" | "search" | "space")] => bench::program(name),
        ["bench", "legs"] => bench::legs(),
        ["bench", "calls"] => bench::calls(),
        ["web"] => web::build(),
        ["package"] => package::build(),
        // The second half of the part `package` of the tests, in a namespace of its own.
        ["package", "inside", root, first, second] => package::inside(root, first, second),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("unknown command {other:?}\n\n{HELP}"),
    }
}
