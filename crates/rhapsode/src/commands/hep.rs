//! `hep decode` and `hep encode`: for people who debug senders.

mod decode;
mod encode;
mod input;

use anyhow::Result;
use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show every chunk of HEP packets, what is odd about them, and what they carry
    Decode(decode::Arguments),
    /// Make a HEP packet, and print or send it
    Encode(Box<encode::Arguments>),
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Command::Decode(arguments) => decode::run(arguments),
        Command::Encode(arguments) => encode::run(arguments),
    }
}
