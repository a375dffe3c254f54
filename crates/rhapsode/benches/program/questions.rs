//! What people ask, as requests to the HTTP API with the answers that are right.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::Value;
use testkit::server::Server;

use crate::facts::{Call, Facts, HOUR, MINUTE, TALKERS, TEXT};

/// Each question is asked about so many different calls, users, hours or days.
pub(crate) const VARIANTS: usize = 30;

/// Rows of a list that a person looks at first.
const PAGE_ROWS: usize = 50;

/// Rows of a list when nobody says how many.
const LAST_ROWS: usize = 200;

/// Rows of the largest page the server gives.
const ROWS_MAX: usize = 10_000;

pub(crate) struct Question {
    pub(crate) name: &'static str,
    /// For the median of warm answers, at 100 million messages on two processors.
    pub(crate) goal: Option<Duration>,
    /// All different.
    pub(crate) asks: Vec<Ask>,
}

pub(crate) enum Ask {
    /// A list of messages.
    Messages { query: String, from: i64, to: Option<i64>, limit: usize, right: usize },
    /// The first row of a list of messages that comes as it is found.
    First { query: String, from: i64, to: i64 },
    /// Everything of a call.
    Call { call_id: String, messages: usize },
    /// A column `n`.
    Sql { sql: String, right: Vec<u64> },
}

pub(crate) fn all(facts: &Facts) -> Result<Vec<Question>> {
    let goal = |milliseconds| Some(Duration::from_millis(milliseconds));
    let calls = spread(&facts.calls)?;
    let users = spread(&facts.users)?;
    // The hours that are whole, newest first, again and again.
    let whole_hours = usize::try_from((facts.end - facts.start) / HOUR)?.min(facts.texts.len());
    ensure!(whole_hours > 0, "the set is shorter than an hour");
    let hours = || (0..VARIANTS).map(|variant| whole_hours - 1 - variant % whole_hours);
    // A day that begins some minutes later each time.
    let days = || (0..VARIANTS).map(|minutes| (minutes, facts.start + minutes as i64 * MINUTE));

    let call = |call: &&Call| Ask::Messages {
        query: format!("call_id = \"{}\"", call.call_id),
        from: 0,
        to: None,
        limit: ROWS_MAX,
        right: call.messages,
    };
    let user = |number: &str, from, messages: usize| Ask::Messages {
        query: format!("user = \"{number}\""),
        from,
        // The same rows, whatever arrives meanwhile.
        to: Some(facts.end),
        limit: LAST_ROWS,
        right: messages.min(LAST_ROWS),
    };
    let text = |hour: usize, limit: usize| Ask::Messages {
        query: format!("\"{TEXT}\""),
        from: facts.start + hour as i64 * HOUR,
        to: Some(facts.start + (hour + 1) as i64 * HOUR - 1),
        limit,
        right: facts.texts[hour].min(limit),
    };
    let first = |hour: usize| {
        let from = facts.start + hour as i64 * HOUR;
        Ask::First { query: format!("\"{TEXT}\""), from, to: from + HOUR - 1 }
    };
    let within = |start: i64| -> Result<String> {
        Ok(format!("ts >= '{}' AND ts < '{}'", time(start)?, time(facts.end)?))
    };
    let per_minute = |(minutes, start): (usize, i64)| -> Result<Ask> {
        let sql = format!(
            "SELECT date_trunc('minute', ts) AS minute, count(*) AS n FROM messages WHERE {} GROUP BY minute \
             ORDER BY minute",
            within(start)?
        );
        let counts = facts.minutes[minutes..].iter().copied().filter(|count| *count > 0);
        Ok(Ask::Sql { sql, right: counts.collect() })
    };
    let talkers = |(minutes, start): (usize, i64)| -> Result<Ask> {
        let sql = format!(
            "SELECT src_ip, count(*) AS n FROM messages WHERE {} GROUP BY src_ip ORDER BY n DESC LIMIT {TALKERS}",
            within(start)?
        );
        // Known of the whole set alone.
        Ok(Ask::Sql { sql, right: if minutes == 0 { facts.talkers.clone() } else { Vec::new() } })
    };

    Ok(vec![
        Question { name: "one Call-ID, at any time", goal: goal(20), asks: calls.iter().map(call).collect() },
        Question {
            name: "the page of a call",
            goal: None,
            asks: calls
                .iter()
                .map(|call| Ask::Call { call_id: call.call_id.clone(), messages: call.messages })
                .collect(),
        },
        Question {
            name: "last 200 by user, an hour",
            goal: goal(100),
            asks: users.iter().map(|who| user(&who.number, facts.last_hour, who.in_last_hour)).collect(),
        },
        Question {
            name: "last 200 by user, a day",
            goal: goal(300),
            asks: users.iter().map(|who| user(&who.number, facts.start, who.in_all)).collect(),
        },
        Question {
            name: "counts per minute, a day",
            goal: goal(1_000),
            asks: days().map(per_minute).collect::<Result<_>>()?,
        },
        Question {
            name: "top talkers, a day",
            goal: goal(1_000),
            asks: days().map(talkers).collect::<Result<_>>()?,
        },
        Question {
            name: "text in an hour, first row",
            goal: goal(300),
            asks: hours().filter(|hour| facts.texts[*hour] > 0).map(first).collect(),
        },
        Question {
            name: "text in an hour, first 50",
            goal: None,
            asks: hours().map(|hour| text(hour, PAGE_ROWS)).collect(),
        },
        Question {
            name: "text in an hour, all of it",
            goal: None,
            asks: hours().map(|hour| text(hour, ROWS_MAX)).collect(),
        },
    ])
}

impl Ask {
    /// How long the answer took, which must be right.
    pub(crate) fn put(&self, server: &Server) -> Result<Duration> {
        let begun = Instant::now();
        match self {
            Self::Messages { query, from, to, limit, right } => {
                let to = to.map(|to| time(to).map(|to| format!("&to={to}"))).transpose()?.unwrap_or_default();
                let path =
                    format!("/api/v1/messages?q={}&from={}{to}&limit={limit}", encoded(query), time(*from)?);
                let answer = server.get_bytes(&path)?;
                let took = begun.elapsed();
                check_messages(&answer, *right).with_context(|| path)?;
                Ok(took)
            }
            Self::First { query, from, to } => {
                let (from, to) = (time(*from)?, time(*to)?);
                let path =
                    format!("/api/v1/messages?q={}&from={from}&to={to}&limit={ROWS_MAX}", encoded(query));
                let row = server.first_line(&path)?;
                let took = begun.elapsed();
                ensure!(row["id"].is_string(), "{path} began with {row}");
                Ok(took)
            }
            Self::Call { call_id, messages } => {
                let path = format!("/api/v1/call/{}", encoded(call_id));
                let answer = server.get_bytes(&path)?;
                let took = begun.elapsed();
                let answer: Value = serde_json::from_slice(&answer)?;
                let found = answer["messages"].as_array().map_or(0, Vec::len);
                ensure!(found == *messages, "{path} has {found} messages of {messages}");
                Ok(took)
            }
            Self::Sql { sql, right } => {
                let rows = server.sql(sql)?;
                let took = begun.elapsed();
                let found: Vec<u64> = rows.iter().filter_map(|row| row["n"].as_u64()).collect();
                ensure!(found.len() == rows.len() && !rows.is_empty(), "{sql} gave {rows:?}");
                if !right.is_empty() {
                    ensure!(found.len() == right.len(), "{sql}: {} rows of {}", found.len(), right.len());
                    if let Some(row) = (0..right.len()).find(|row| found[*row] != right[*row]) {
                        bail!("{sql}: row {row} is {} instead of {}", found[row], right[row]);
                    }
                }
                Ok(took)
            }
        }
    }
}

fn check_messages(answer: &[u8], right: usize) -> Result<()> {
    let answer: Value = serde_json::from_slice(answer)?;
    ensure!(answer["partial"].is_null(), "the answer is cut: {}", answer["partial"]);
    let rows = answer["messages"].as_array().context("no messages")?;
    let times: Vec<&str> = rows.iter().filter_map(|row| row["ts"].as_str()).collect();
    ensure!(times.len() == rows.len() && times.is_sorted_by(|left, right| left >= right), "not newest first");
    ensure!(rows.len() == right, "{} rows instead of {right}", rows.len());
    Ok(())
}

/// As many of them as are asked about, from the first to the last.
fn spread<T>(all: &[T]) -> Result<Vec<&T>> {
    ensure!(all.len() >= VARIANTS, "only {} to ask about: the set is too small", all.len());
    Ok((0..VARIANTS).map(|variant| &all[variant * (all.len() - 1) / (VARIANTS - 1)]).collect())
}

/// As the API takes it.
fn time(micros: i64) -> Result<Timestamp> {
    Ok(Timestamp::from_microsecond(micros)?)
}

/// RFC 3986 section 2.1.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}
