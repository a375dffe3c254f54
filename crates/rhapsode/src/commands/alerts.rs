use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use super::search::{Table, clock, text};
use crate::client::{Client, ClientArguments, Path};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What began and ended, instead of what is now
    #[arg(long, conflicts_with = "rules")]
    history: bool,
    /// The rules, and how their looks went
    #[arg(long)]
    rules: bool,
    /// Start of the history: RFC 3339 or relative as in -1h, -7d
    #[arg(long, default_value = "-7d", value_name = "TIME", allow_hyphen_values = true)]
    from: String,
    /// How many rows of the history at most
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: u32,
    /// Tell nobody of this alert, or of all of this rule
    #[arg(long, value_name = "ID", requires = "until", conflicts_with_all = ["history", "rules"])]
    silence: Option<String>,
    /// Until when: RFC 3339, or ahead of now as +2h
    #[arg(long, value_name = "TIME", requires = "silence")]
    until: Option<String>,
    /// Why
    #[arg(long, requires = "silence")]
    comment: Option<String>,
    /// Print the server's JSON answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode alerts                                     what fires, and what is about to
  rhapsode alerts --history --from=-1d                what began and ended
  rhapsode alerts --rules                             what is looked at, and how that went
  rhapsode alerts --silence sender_silent --until=+2h --comment 'moving the rack'";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let client = Client::connect(&arguments.client)?;
    let mut out = std::io::stdout().lock();
    if let Some(id) = &arguments.silence {
        let path = Path::new("/api/v1/alerts").segment(id).to_string() + "/silence";
        let body =
            json!({"until": arguments.until, "comment": arguments.comment.as_deref().unwrap_or_default()});
        let answer: Value = serde_json::from_reader(client.post(&path, &body, "application/json")?)?;
        writeln!(out, "{id} is silenced until {}", text(&answer["until"]))?;
        return Ok(());
    }
    let path = if arguments.history {
        Path::new("/api/v1/alerts/history")
            .parameter("from", Some(&arguments.from))
            .parameter("limit", Some(arguments.limit.to_string()))
    } else {
        Path::new("/api/v1/alerts")
    };
    let answer = client.get(&path)?;
    if arguments.json {
        writeln!(out, "{answer:#}")?;
    } else if arguments.history {
        print_history(&mut out, &answer)?;
    } else if arguments.rules {
        print_rules(&mut out, &answer)?;
    } else {
        print_alerts(&mut out, &answer)?;
    }
    out.flush()?;
    Ok(())
}

fn rows<'a>(answer: &'a Value, name: &str) -> Result<&'a [Value]> {
    Ok(answer[name].as_array().with_context(|| format!("the answer has no {name}"))?)
}

fn print_alerts(out: &mut impl Write, answer: &Value) -> Result<()> {
    let alerts = rows(answer, "alerts")?;
    let mut table = Table::new(&["since", "state", "severity", "rule", "about", "value", "id", "link"]);
    for alert in alerts {
        let since =
            if alert["firing_since"].is_null() { &alert["pending_since"] } else { &alert["firing_since"] };
        let state =
            if alert["silenced_until"].is_null() { text(&alert["state"]) } else { "silenced".to_owned() };
        table.row([
            clock(since),
            state,
            text(&alert["severity"]),
            text(&alert["rule"]),
            about(&alert["labels"]),
            value(&alert["value"]),
            text(&alert["id"]),
            text(&alert["link"]),
        ]);
    }
    table.print(out)?;
    if alerts.is_empty() {
        eprintln!("nothing is worth attention; {} rules look", rows(answer, "rules")?.len());
    }
    for notifier in rows(answer, "notifiers")?.iter().filter(|notifier| !notifier["error"].is_null()) {
        eprintln!("{} could not tell: {}", text(&notifier["name"]), text(&notifier["error"]));
    }
    Ok(())
}

fn print_history(out: &mut impl Write, answer: &Value) -> Result<()> {
    let changes = rows(answer, "changes")?;
    let mut table = Table::new(&["time", "what", "severity", "rule", "about", "value", "summary"]);
    for change in changes {
        let alert = &change["alert"];
        let told = if change["told"] == true { "" } else { " (untold)" };
        table.row([
            clock(&change["at"]),
            format!("{}{told}", text(&change["what"])),
            text(&alert["severity"]),
            text(&alert["rule"]),
            about(&alert["labels"]),
            value(&alert["value"]),
            text(&alert["summary"]),
        ]);
    }
    table.print(out)?;
    if changes.is_empty() {
        eprintln!("nothing began or ended; an earlier --from may help");
    }
    Ok(())
}

fn print_rules(out: &mut impl Write, answer: &Value) -> Result<()> {
    let mut table =
        Table::new(&["rule", "severity", "figure", "condition", "looks", "skipped", "failed", "error"]);
    for rule in rows(answer, "rules")? {
        table.row([
            text(&rule["name"]),
            text(&rule["severity"]),
            text(&rule["figure"]),
            text(&rule["condition"]),
            text(&rule["looks"]),
            text(&rule["skipped"]),
            text(&rule["failed"]),
            text(&rule["error"]),
        ]);
    }
    table.print(out)
}

/// `dst=10.0.0.7 node=edge`.
fn about(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    labels.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(" ")
}

fn value(value: &Value) -> String {
    value.as_f64().map_or_else(String::new, |value| {
        format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
    })
}
