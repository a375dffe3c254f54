use std::io::Write;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use super::call::{has_colours, ladder_width};
use super::search::{endpoint, text};
use crate::client::{Client, ClientArguments, Path};
use crate::ladder::{Growing, coloured};
use crate::watch::Watch;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to show, in the query language; everything if left out
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Draw a ladder that grows
    #[arg(long, short)]
    ladder: bool,
    /// Print the messages as JSON, one on a line
    #[arg(long, conflicts_with = "ladder")]
    json: bool,
    /// End after so many messages
    #[arg(long, short = 'n', value_name = "MESSAGES")]
    messages: Option<u64>,
    /// Width in cells, with --ladder [default: the terminal's]
    #[arg(long, value_name = "CELLS", requires = "ladder")]
    width: Option<usize>,
    #[command(flatten)]
    client: ClientArguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode tail                                       everything as it comes in, until Ctrl-C
  rhapsode tail 'method = INVITE and from = \"+44*\"'
  rhapsode tail --ladder 'call_id = \"7f3a91@10.0.0.1\"'
  rhapsode tail --json 'status in 500..599' | jq .label
  rhapsode tail -n 1 'method = REGISTER'              waits for the next registration

A viewer gets at most 500 messages a second; what was left out is counted on standard error.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let client = Client::connect(&arguments.client)?;
    let query = arguments.query.join(" ");
    let path = Path::new("/api/v1/tail").parameter("q", Some(query).filter(|query| !query.is_empty()));
    let mut watch = Watch::open(&client, &path)?;
    eprintln!("watching {}; Ctrl-C ends it", client.url());
    let mut out = std::io::stdout().lock();
    let mut show = Show::new(arguments);
    let mut left = arguments.messages.unwrap_or(u64::MAX);
    while let Some(news) = watch.next()? {
        for message in news["messages"].as_array().into_iter().flatten() {
            show.message(&mut out, message)?;
            left -= 1;
            if left == 0 {
                return Ok(());
            }
        }
        // Whoever reads a pipe waits for whole rows.
        out.flush()?;
        if let Some(skipped) = news["skipped"].as_u64() {
            show.skipped(&mut out, skipped)?;
        }
    }
    bail!("the server has closed the connection")
}

/// How messages are shown.
enum Show {
    Lines { colours: bool },
    Ladder(Growing),
    Json,
}

impl Show {
    fn new(arguments: &Arguments) -> Self {
        if arguments.json {
            Self::Json
        } else if arguments.ladder {
            Self::Ladder(Growing::new(ladder_width(arguments.width), has_colours()))
        } else {
            Self::Lines { colours: has_colours() }
        }
    }

    fn message(&mut self, out: &mut impl Write, message: &Value) -> Result<()> {
        match self {
            Self::Json => writeln!(out, "{message}")?,
            Self::Ladder(ladder) => write!(out, "{}", ladder.row(message))?,
            Self::Lines { colours } => {
                let time = message["ts"].as_str().and_then(|time| time.get(11..23)).unwrap_or("-");
                let label = text(&message["label"]);
                let padding = LABEL_WIDTH.saturating_sub(label.chars().count());
                let label = coloured(&label, message, *colours);
                let ends = format!("{} -> {}", endpoint(message, "src"), endpoint(message, "dst"));
                let call_id = text(&message["call_id"]);
                writeln!(out, "{time}  {label}{:padding$}  {ends:<ENDS_WIDTH$}  {call_id}", "")?;
            }
        }
        Ok(())
    }

    fn skipped(&self, out: &mut impl Write, count: u64) -> Result<()> {
        match self {
            Self::Json => writeln!(out, "{{\"skipped\":{count}}}")?,
            Self::Ladder(_) | Self::Lines { .. } => {
                eprintln!("({count} left out: too many at a time; a narrower query helps)");
            }
        }
        Ok(())
    }
}

/// Columns start at the same cell for what is usual; the longest reason phrases and IPv6 addresses push them on.
const LABEL_WIDTH: usize = 24;
const ENDS_WIDTH: usize = 44;
