use std::io::{IsTerminal, Write};

use anyhow::Result;
use clap::Args;

use super::search::partial_reason;
use crate::client::{Client, ClientArguments, Path};
use crate::ladder;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Call-ID or correlation id
    #[arg(value_name = "CALL-ID")]
    call_id: String,
    /// Width in cells [default: the terminal's]
    #[arg(long, value_name = "CELLS")]
    width: Option<usize>,
    /// Leave out the other legs of the call
    #[arg(long)]
    no_legs: bool,
    /// Print the server's JSON answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode call 7f3a91@10.0.0.1
  rhapsode call 7f3a91@10.0.0.1 | less -R

Find Call-IDs with `rhapsode search`; write a pcap with `rhapsode export`.";

/// Width when it is not a terminal that tells its own.
const WIDTH_DEFAULT: usize = 120;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let client = Client::connect(&arguments.client)?;
    let legs = arguments.no_legs.then_some("off");
    let path = Path::new("/api/v1/call").segment(&arguments.call_id).parameter("legs", legs);
    let call = client.get(&path)?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{call:#}")?;
        return Ok(());
    }
    let width = ladder_width(arguments.width);
    let colours = has_colours();
    write!(out, "{}", ladder::draw(&call, width, colours))?;
    let page = Path::new("/#/call").segment(&arguments.call_id);
    writeln!(out, "\n{}{page}", client.url())?;
    out.flush()?;
    if let Some(reason) = partial_reason(&call) {
        eprintln!("the ladder is partial: {reason}");
    }
    Ok(())
}

/// The width asked for, else the terminal's.
pub(super) fn ladder_width(asked: Option<usize>) -> usize {
    let terminal = || {
        let on_terminal = std::io::stdout().is_terminal();
        let (_rows, columns) = on_terminal.then(|| console::Term::stdout().size_checked()).flatten()?;
        Some(usize::from(columns))
    };
    asked.or_else(terminal).unwrap_or(WIDTH_DEFAULT)
}

/// Whether standard output should be coloured.
pub(super) fn has_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
