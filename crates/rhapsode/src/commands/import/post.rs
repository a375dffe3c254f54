//! Sends packets to `POST /hep`, whose answer says what became of them, and finds out where an answer is missing.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::source::Packet;
use super::state::Totals;
use crate::client::{Client, Path};
use crate::play::now_micros;

/// Longer than the server's own limit on a request.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Between attempts, as the server asks.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A server that takes nothing for this long is not merely busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// What is stored is searchable after less than a second.
const PUBLISHED_AFTER: Duration = Duration::from_secs(2);

/// A request arrives at most this long after it was sent.
const ARRIVAL_SPAN_MICROS: i64 = 10 * 60 * 1_000_000;

pub(super) struct Post<'a> {
    client: &'a Client,
    agent: ureq::Agent,
    /// Server's clock less ours, in microseconds; at most by a round trip too little.
    clock_offset: i64,
}

enum Outcome {
    /// All of it, one way or another.
    Answered(Totals),
    /// Nothing of it was taken.
    Busy(String),
    /// Nobody knows.
    Unknown(String),
}

impl<'a> Post<'a> {
    pub(super) fn new(client: &'a Client) -> Result<Self> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_TIME_MAX))
            .http_status_as_error(false)
            .build()
            .into();
        let mut post = Self { client, agent, clock_offset: 0 };
        let status = client.get(&Path::new("/api/v1/status"))?;
        let now: jiff::Timestamp =
            status["now"].as_str().unwrap_or_default().parse().context("the server's status has no time")?;
        // As if the answer had taken no time: then no time of ours lies after what the server's clock said.
        post.clock_offset = now.as_microsecond() - now_micros();
        Ok(post)
    }

    /// Now, by the server's clock or a little before.
    pub(super) fn server_now(&self) -> i64 {
        now_micros() + self.clock_offset
    }

    /// Sends until it is known what became of every packet. `since` is from before the first attempt.
    pub(super) fn deliver(&self, mut packets: Vec<Packet>, since: i64) -> Result<Totals> {
        let mut totals = Totals::default();
        let begun = Instant::now();
        let mut told = false;
        while !packets.is_empty() {
            let reason = match self.attempt(&packets)? {
                Outcome::Answered(answer) => {
                    totals.add(&answer);
                    return Ok(totals);
                }
                Outcome::Busy(reason) => reason,
                Outcome::Unknown(reason) => {
                    std::thread::sleep(PUBLISHED_AFTER);
                    if let Ok((stored, missing)) = self.missing(packets.clone(), since) {
                        totals.stored += stored;
                        packets = missing;
                    }
                    reason
                }
            };
            if begun.elapsed() > PATIENCE {
                bail!("{reason}; run the same command again to go on from here");
            }
            if !std::mem::replace(&mut told, true) {
                eprintln!("{reason}; trying again");
            }
            std::thread::sleep(RETRY_AFTER);
        }
        Ok(totals)
    }

    /// Of these packets, how many the server has stored since then, and the others.
    pub(super) fn missing(&self, packets: Vec<Packet>, since: i64) -> Result<(u64, Vec<Packet>)> {
        let time = |micros: i64| jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
        let sql = format!(
            "SELECT raw FROM messages WHERE received >= TIMESTAMP '{}' AND received < TIMESTAMP '{}'",
            time(since),
            time(since.saturating_add(ARRIVAL_SPAN_MICROS))
        );
        let answer = self.client.post("/api/v1/sql", &json!({"sql": sql}), "application/x-ndjson")?;
        let mut stored: HashMap<Vec<u8>, u64> = HashMap::new();
        for line in BufReader::new(answer).lines() {
            let row: Value = serde_json::from_str(&line?)?;
            let raw = STANDARD.decode(row["raw"].as_str().unwrap_or_default())?;
            *stored.entry(raw).or_default() += 1;
        }
        let mut found = 0;
        let mut missing = Vec::new();
        for packet in packets {
            // Equal payloads are told apart by their number: a retransmission is a packet of its own.
            let payload = hep::decode(&packet.bytes, 0).map(|(packet, _)| packet.payload.into_owned());
            match payload.ok().and_then(|payload| stored.get_mut(&payload)).filter(|count| **count > 0) {
                Some(count) => {
                    *count -= 1;
                    found += 1;
                }
                None => missing.push(packet),
            }
        }
        Ok((found, missing))
    }

    fn attempt(&self, packets: &[Packet]) -> Result<Outcome> {
        let body: Vec<u8> = packets.iter().flat_map(|packet| packet.bytes.iter().copied()).collect();
        let sent = self
            .agent
            .post(format!("{}/hep", self.client.url()))
            .header("Content-Type", "application/octet-stream")
            .send(body.as_slice());
        let mut answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                return Ok(Outcome::Unknown(format!("cannot reach {}: {error}", self.client.url())));
            }
        };
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        let message = answer["error"]["message"].as_str().unwrap_or("no reason given");
        match status {
            200 => {}
            // All of it refused, each for a cause that is counted.
            400 | 403 if answer["refused"].as_object().is_some_and(|refused| !refused.is_empty()) => {}
            503 if code == "too_many_requests" => return Ok(Outcome::Busy(message.to_owned())),
            500.. => return Ok(Outcome::Unknown(format!("the server answered {status}: {message}"))),
            _ => return Err(anyhow!("{}/hep answered {status}: {message}", self.client.url())),
        }
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let refused = answer["refused"].as_object().into_iter().flatten();
        Ok(Outcome::Answered(Totals {
            stored: number(&answer["accepted"]),
            keepalives: number(&answer["keepalives"]),
            refused: refused.map(|(cause, count)| (cause.clone(), number(count))).collect(),
        }))
    }
}
