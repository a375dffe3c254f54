use std::io::{BufRead, BufReader, Write};

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::client::{Client, ClientArguments};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// One SELECT; `-` reads it from standard input
    sql: String,
    /// How to print the rows
    #[arg(long, short, value_enum, default_value_t = Format::Csv)]
    format: Format,
    #[command(flatten)]
    client: ClientArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    /// One JSON object a row
    Ndjson,
    /// One JSON document with columns and rows
    Json,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode sql 'SELECT method, status, count(*) FROM sip GROUP BY 1, 2 ORDER BY 3 DESC'
  rhapsode sql \"SELECT ts, src_ip, dst_ip FROM messages WHERE call_id = '7f3a91@10.0.0.1' ORDER BY ts\" -f ndjson

Tables: messages (all), sip, rtcp, report, log and more: `SELECT DISTINCT table_name FROM information_schema.columns`.
Columns: `rhapsode sql 'SELECT * FROM sip LIMIT 1' -f json`.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let sql =
        if arguments.sql == "-" { std::io::read_to_string(std::io::stdin())? } else { arguments.sql.clone() };
    let client = Client::connect(&arguments.client)?;
    let accept = match arguments.format {
        Format::Csv => "text/csv",
        Format::Ndjson => "application/x-ndjson",
        Format::Json => "application/json",
    };
    let answer = client.post("/api/v1/sql", &json!({"sql": sql}), accept)?;
    let mut out = std::io::stdout().lock();
    let mut reader = BufReader::new(answer);
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        out.write_all(bytes)?;
        reader.consume(length);
    }
    if matches!(arguments.format, Format::Json) {
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}
