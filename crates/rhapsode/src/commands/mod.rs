//! One file per command.

mod alerts;
mod backup;
mod call;
mod check;
mod completions;
mod demo;
mod export;
mod generate;
mod hep;
mod import;
mod manual_pages;
mod progress;
mod restore;
mod script;
mod search;
mod serve;
mod sql;
mod tail;
mod user;

use std::io::ErrorKind;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Receive HEP, keep it, search and draw it
    Serve(serve::Arguments),
    /// A server with lifelike calls, to look around
    Demo(demo::Arguments),
    /// Explain the configuration, verify what is kept, and say what is wrong
    Check(check::Arguments),
    /// Copy what is kept into a folder, also while a server runs
    Backup(backup::Arguments),
    /// Make a data folder of a backup
    Restore(restore::Arguments),
    /// Send lifelike HEP traffic to a collector
    Generate(generate::Arguments),
    /// Bring recorded traffic into a running server: captures, HEP files
    Import(import::Arguments),
    /// Try a Lua script before a server runs it
    Script(script::Arguments),
    /// Take HEP packets apart, or make one: for whoever debugs senders
    Hep(hep::Arguments),
    /// Find calls or messages
    Search(search::Arguments),
    /// Draw one call as a ladder
    Call(call::Arguments),
    /// Show messages as they come in
    Tail(tail::Arguments),
    /// Ask in SQL (read-only)
    Sql(sql::Arguments),
    /// What is worth attention now, and what was
    Alerts(alerts::Arguments),
    /// Write a call, or what a query finds, as pcap, text or JSON
    Export(export::Arguments),
    /// Write what makes a shell complete the options of this program
    Completions(completions::Arguments),
    /// Write the manual pages of this program
    #[command(hide = true)]
    ManualPages(manual_pages::Arguments),
    /// Manage users, their roles and scopes
    User(user::Arguments),
}

impl Command {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Serve(arguments) => serve::run(&arguments),
            Self::Demo(arguments) => demo::run(&arguments),
            Self::Check(arguments) => check::run(&arguments),
            Self::Backup(arguments) => backup::run(&arguments),
            Self::Restore(arguments) => restore::run(&arguments),
            Self::Generate(arguments) => generate::run(&arguments),
            Self::Import(arguments) => import::run(&arguments),
            Self::Script(arguments) => script::run(&arguments),
            Self::Hep(arguments) => hep::run(&arguments),
            Self::Search(arguments) => search::run(&arguments),
            Self::Call(arguments) => call::run(&arguments),
            Self::Tail(arguments) => tail::run(&arguments),
            Self::Sql(arguments) => sql::run(&arguments),
            Self::Alerts(arguments) => alerts::run(&arguments),
            Self::Export(arguments) => export::run(&arguments),
            Self::Completions(arguments) => completions::run(&arguments),
            Self::ManualPages(arguments) => manual_pages::run(&arguments),
            Self::User(arguments) => user::run(&arguments),
        }
    }
}

pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
