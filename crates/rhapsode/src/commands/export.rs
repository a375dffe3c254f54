use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::client::{Client, ClientArguments, Path};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Call-ID of the call to write; or use --query
    #[arg(value_name = "CALL-ID")]
    call_id: Option<String>,
    /// What to write instead of one call, in the query language
    #[arg(long, short, conflicts_with = "call_id")]
    query: Option<String>,
    /// Start of the time range, with --query: RFC 3339 or relative as in -1h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// End of the time range, with --query [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// How many messages at most, with --query
    #[arg(long, short = 'n')]
    limit: Option<u32>,
    #[arg(long, short, value_enum, default_value_t = Format::Pcap)]
    format: Format,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    client: ClientArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For Wireshark, sngrep and other tools
    Pcap,
    Text,
    Json,
    /// A packet on each line, as hep-js and HEPop write it and `POST /api/v1/ingest` takes it
    Hepjs,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode export 7f3a91@10.0.0.1 -o call.pcap
  rhapsode export 7f3a91@10.0.0.1 -f text
  rhapsode export --query 'status = 503' --from=-1h -o failures.pcap";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.call_id.is_none() && arguments.query.is_none() {
        bail!("say what to export: a Call-ID, or --query with a time range");
    }
    let format = match arguments.format {
        Format::Pcap => "pcap",
        Format::Text => "text",
        Format::Json => "json",
        Format::Hepjs => "hepjs",
    };
    if arguments.output.is_none() && format == "pcap" && std::io::stdout().is_terminal() {
        bail!("a pcap on the terminal would be unreadable; write it to a file with -o FILE");
    }
    let client = Client::connect(&arguments.client)?;
    let path = Path::new("/api/v1/export")
        .parameter("format", Some(format))
        .parameter("call_id", arguments.call_id.as_ref())
        .parameter("q", arguments.query.as_ref())
        .parameter("from", arguments.from.as_ref())
        .parameter("to", arguments.to.as_ref())
        .parameter("limit", arguments.limit.map(|limit| limit.to_string()));
    let Some(output) = &arguments.output else {
        let mut out = std::io::stdout().lock();
        client.download(&path, &mut out, true)?;
        return Ok(out.flush()?);
    };
    let file = File::create(output).with_context(|| format!("cannot write {}", output.display()))?;
    let mut out = BufWriter::new(file);
    let bytes = client.download(&path, &mut out, false)?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    eprintln!("wrote {} ({bytes} bytes)", output.display());
    Ok(())
}
