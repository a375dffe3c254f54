//! One binary: commands, configuration and wiring; nothing else.

mod alerting;
mod capture;
mod client;
mod commands;
mod config;
mod findings;
mod ladder;
mod legs;
mod live;
mod metrics;
mod play;
mod quality;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// That of the system keeps what a burst has needed: batches of rows are made by one thread and let go by another.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Captures, keeps and explains voice and real-time traffic.
#[derive(Parser)]
#[command(name = "rhapsode", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode serve                          HEP on 9060 (UDP and TCP), web and API on 9080, data in ./rhapsode-data
  rhapsode demo                           the same with lifelike calls, to look around
  rhapsode search 'status in 500..599' --from=-1h
  rhapsode call 7f3a91@10.0.0.1           draws the call as a ladder
  rhapsode tail 'method = INVITE'         shows messages as they come in
  rhapsode sql 'SELECT method, count(*) FROM sip GROUP BY method'";

fn main() -> ExitCode {
    match Arguments::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A reader that went away (`rhapsode search ... | head`) is not an error.
            if commands::is_broken_pipe(&error) {
                return ExitCode::SUCCESS;
            }
            eprintln!("rhapsode: {error:#}");
            ExitCode::FAILURE
        }
    }
}
