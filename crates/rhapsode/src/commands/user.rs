use std::io::{IsTerminal, Write};

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use crate::client::{Client, ClientArguments, Path};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show who there is
    List {
        #[command(flatten)]
        client: ClientArguments,
    },
    /// Make a user; a random password is printed unless one is given
    Add {
        name: String,
        #[arg(long, value_enum, default_value_t = Role::Viewer)]
        role: Role,
        /// What records must satisfy, so that they are shown: a text of the query language
        #[arg(long, value_name = "QUERY")]
        scope: Option<String>,
        /// Read a password from standard input
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        client: ClientArguments,
    },
    /// Give a user another password, read from standard input
    Passwd {
        name: String,
        #[command(flatten)]
        client: ClientArguments,
    },
    /// Give a user another role
    Role {
        name: String,
        #[arg(value_enum)]
        role: Role,
        #[command(flatten)]
        client: ClientArguments,
    },
    /// Give a user another scope, or none
    Scope {
        name: String,
        /// A text of the query language; none is everything
        scope: Option<String>,
        #[command(flatten)]
        client: ClientArguments,
    },
    /// Remove a user with sessions and tokens
    Remove {
        name: String,
        #[command(flatten)]
        client: ClientArguments,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    /// Searches, and reads calls and messages
    Viewer,
    /// Downloads, and asks in SQL
    Engineer,
    /// Manages users, and reads the audit log
    Admin,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode user add ann --role engineer
  rhapsode user add reseller-7 --scope 'capture_id = 2001'
  rhapsode user passwd admin < password-file
  rhapsode user role ann admin

They ask the running server, as all commands do. What each role may: docs/security.md.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.action {
        Action::List { client } => list(&Client::connect(client)?),
        Action::Add { name, role, scope, password_stdin, client } => {
            let password = if *password_stdin { Some(password()?) } else { None };
            let body = json!({"name": name, "role": role.name(), "scope": scope, "password": password});
            let answer = Client::connect(client)?.post("/api/v1/users", &body, "application/json")?;
            let made: Value = serde_json::from_reader(answer)?;
            if let Some(random) = made["password"].as_str() {
                println!("user      {name}\npassword  {random}     (shown this once)");
            }
            Ok(())
        }
        Action::Passwd { name, client } => change(name, client, "password", Value::String(password()?)),
        Action::Role { name, role, client } => change(name, client, "role", role.name().into()),
        Action::Scope { name, scope, client } => change(name, client, "scope", scope.clone().into()),
        Action::Remove { name, client } => Client::connect(client)?.delete(&path(name)),
    }
}

fn list(client: &Client) -> Result<()> {
    let answer = client.get(&Path::new("/api/v1/users"))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<24} {:<9} {:<28} SCOPE", "NAME", "ROLE", "LAST SEEN")?;
    for user in answer["users"].as_array().into_iter().flatten() {
        let text = |name: &str| user[name].as_str().unwrap_or("-");
        let line = format!("{:<24} {:<9} {:<28}", text("name"), text("role"), text("last_seen"));
        writeln!(out, "{line} {}", text("scope"))?;
    }
    Ok(out.flush()?)
}

fn change(name: &str, client: &ClientArguments, what: &str, value: Value) -> Result<()> {
    let body = Value::Object(Map::from_iter([(what.to_owned(), value)]));
    Client::connect(client)?.patch(&path(name), &body)
}

fn path(name: &str) -> Path {
    Path::new("/api/v1/users").segment(name)
}

/// The first line of standard input. Not an argument: the list of processes shows those to everybody.
fn password() -> Result<String> {
    if std::io::stdin().is_terminal() {
        eprint!("password (it is shown as you type): ");
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password on standard input");
    }
    Ok(password.to_owned())
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Engineer => "engineer",
            Self::Admin => "admin",
        }
    }
}
