use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::client::{Client, ClientArguments, Path};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to find, in the query language; everything if left out
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// List single messages instead of calls
    #[arg(long, short)]
    messages: bool,
    /// Start of the time range: RFC 3339 or relative as in -1h, -15m
    #[arg(long, default_value = "-1h", value_name = "TIME", allow_hyphen_values = true)]
    from: String,
    /// End of the time range [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// How many rows at most
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: u32,
    /// Print the server's JSON answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode search                                     calls of the last hour
  rhapsode search 'status in 500..599' --from=-1d     failed calls of the last day
  rhapsode search 'from = \"+44*\" and status = 486'
  rhapsode search -m 'method = REGISTER and src_ip = 10.0.0.0/8'
  rhapsode search 7f3a91@10.0.0.1                     by anything: Call-ID, number, address, user";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let client = Client::connect(&arguments.client)?;
    let list = if arguments.messages { "messages" } else { "calls" };
    let path = Path::new(&format!("/api/v1/{list}"))
        .parameter("q", Some(arguments.query.join(" ")).filter(|query| !query.is_empty()))
        .parameter("from", Some(&arguments.from))
        .parameter("to", arguments.to.as_ref())
        .parameter("limit", Some(arguments.limit.to_string()));
    let answer = client.get(&path)?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{answer:#}")?;
        return Ok(());
    }
    let rows = answer[list].as_array().context("the answer has no rows")?;
    if arguments.messages {
        print_messages(&mut out, rows)?;
    } else {
        print_calls(&mut out, rows)?;
    }
    out.flush()?;
    if rows.is_empty() {
        let to = arguments.to.as_deref().unwrap_or("now");
        eprintln!("nothing found between {} and {to}; a wider --from may help", arguments.from);
    }
    if let Some(reason) = partial_reason(&answer) {
        eprintln!("the answer is partial: {reason}");
    } else if !answer["next"].is_null() {
        eprintln!("there is more: raise --limit (now {}) or narrow the time range", arguments.limit);
    }
    Ok(())
}

/// Why an answer is cut, if it is.
pub(super) fn partial_reason(answer: &Value) -> Option<String> {
    let partial = &answer["partial"];
    (!partial.is_null())
        .then(|| partial["reason"].as_str().map_or_else(|| partial.to_string(), str::to_owned))
}

fn print_calls(out: &mut impl Write, calls: &[Value]) -> Result<()> {
    let mut table = Table::new(&[
        "start", "duration", "state", "status", "from", "to", "messages", "findings", "call-id",
    ]);
    for call in calls {
        table.row([
            clock(&call["first"]),
            duration(&call["duration_ms"]),
            text(&call["state"]),
            text(&call["status"]),
            text(&call["from_user"]),
            text(&call["to_user"]),
            text(&call["messages"]),
            findings(&call["findings"]),
            text(&call["call_id"]),
        ]);
    }
    table.print(out)
}

/// The one that matters most, and how many there are beside it.
fn findings(ids: &Value) -> String {
    match ids.as_array().map(Vec::as_slice) {
        None | Some([]) => String::new(),
        Some([only]) => text(only),
        Some([worst, others @ ..]) => format!("{} +{}", text(worst), others.len()),
    }
}

fn print_messages(out: &mut impl Write, messages: &[Value]) -> Result<()> {
    let mut table = Table::new(&["time", "what", "from", "to", "node", "call-id"]);
    for message in messages {
        table.row([
            clock(&message["ts"]),
            text(&message["label"]),
            endpoint(message, "src"),
            endpoint(message, "dst"),
            text(&message["node"]),
            text(&message["call_id"]),
        ]);
    }
    table.print(out)
}

/// `ip:port`, an IPv6 address in brackets.
pub(super) fn endpoint(message: &Value, side: &str) -> String {
    let ip = message[format!("{side}_ip")].as_str().unwrap_or("-");
    match message[format!("{side}_port")].as_u64() {
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
        None => ip.to_owned(),
    }
}

/// The date and time without the zone, to the millisecond.
pub(super) fn clock(value: &Value) -> String {
    let text = value.as_str().unwrap_or("-");
    text.get(..23).unwrap_or(text).replace('T', " ")
}

fn duration(milliseconds: &Value) -> String {
    milliseconds.as_f64().map_or_else(String::new, |value| format!("{:.1} s", value / 1000.0))
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        other => other.to_string(),
    }
}

/// Columns as wide as their widest cell; the last one is never padded.
pub(super) struct Table<const N: usize> {
    head: [String; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// Wider cells are cut on a terminal, where a wrapped line hurts more than a cut one.
    const CELL_WIDTH_MAX: usize = 44;

    pub(super) fn new(head: &[&str; N]) -> Self {
        Self { head: head.map(str::to_owned), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    pub(super) fn print(&self, out: &mut impl Write) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let on_terminal = std::io::stdout().is_terminal();
        let mut widths = [0; N];
        for row in std::iter::once(&self.head).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (index, row) in std::iter::once(&self.head).chain(&self.rows).enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let last = column + 1 == N;
                let width = if on_terminal && !last {
                    widths[column].min(Self::CELL_WIDTH_MAX)
                } else {
                    widths[column]
                };
                let cut: String = if last { cell.clone() } else { cell.chars().take(width).collect() };
                let shown =
                    if index == 0 && on_terminal { format!("\x1b[1m{cut}\x1b[0m") } else { cut.clone() };
                let padding = if last { 0 } else { width - cut.chars().count() + 2 };
                write!(out, "{shown}{:padding$}", "")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}
