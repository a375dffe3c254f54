//! What right answers about a set are, noted while its messages are made.
//!
//! Headers are found by looking for their names: enough for what the generator writes, and not the parser that the
//! server's answers come from.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use traffic::{About, Kind};

pub(crate) const HOUR: i64 = 3_600_000_000;
pub(crate) const MINUTE: i64 = 60_000_000;

/// Calls that are noted from their first message to their last: enough for questions that are all different.
const CALLS_NOTED: u64 = 400;

/// The mean of the generator's mix, to note about so many calls whatever the number of messages.
const MESSAGES_PER_CALL: u64 = 5;

/// Rows that are compared of the list of who sends most.
pub(crate) const TALKERS: usize = 10;

/// The text that is searched for in payloads, and the replies that have it.
pub(crate) const TEXT: &str = "Service Unavailable";
const TEXT_STATUS: u16 = 503;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) messages: u64,
    pub(crate) payload_bytes: u64,
    /// Event time, in microseconds since 1970: all messages are between these.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Where the last hour begins, by the plan of the set: its last message comes a little sooner or later.
    pub(crate) last_hour: i64,
    /// Messages of each minute after the start, which is that of a minute of the clock.
    pub(crate) minutes: Vec<u64>,
    /// Replies with [`TEXT`], of each hour after the start.
    pub(crate) texts: Vec<usize>,
    /// Messages of the addresses that send most.
    pub(crate) talkers: Vec<u64>,
    /// Callers of the calls below, each once.
    pub(crate) users: Vec<User>,
    /// By the time of their first message.
    pub(crate) calls: Vec<Call>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) number: String,
    /// Messages that name it.
    pub(crate) in_all: usize,
    pub(crate) in_last_hour: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) call_id: String,
    pub(crate) messages: usize,
}

/// Looks at every message of a set before it is sent.
pub(crate) struct Observer {
    facts: Facts,
    /// One call of so many is noted.
    one_of: u64,
    sources: HashMap<IpAddr, u64>,
    users: HashMap<String, (usize, usize)>,
    calls: HashMap<String, Noted>,
}

#[derive(Default)]
struct Noted {
    order: usize,
    caller: Option<String>,
    messages: usize,
}

impl Observer {
    /// Of `messages` that begin at `start` and take about `span` microseconds.
    pub(crate) fn new(messages: u64, start: i64, span: i64) -> Self {
        Self {
            facts: Facts {
                messages: 0,
                payload_bytes: 0,
                start,
                end: start,
                last_hour: start + span - HOUR,
                minutes: Vec::new(),
                texts: Vec::new(),
                talkers: Vec::new(),
                users: Vec::new(),
                calls: Vec::new(),
            },
            one_of: (messages / MESSAGES_PER_CALL / CALLS_NOTED).max(1),
            sources: HashMap::new(),
            users: HashMap::new(),
            calls: HashMap::new(),
        }
    }

    pub(crate) fn note(&mut self, about: &About, hep: &[u8]) -> Result<()> {
        let (packet, _) = hep::decode(hep, 0).map_err(|refusal| anyhow!("the generator made {refusal:?}"))?;
        let facts = &mut self.facts;
        facts.messages += 1;
        facts.payload_bytes += about.payload_bytes as u64;
        facts.end = facts.end.max(about.at_micros + 1);
        count(&mut facts.minutes, (about.at_micros - facts.start) / MINUTE);
        if about.kind == Kind::Reply(TEXT_STATUS) {
            count(&mut facts.texts, (about.at_micros - facts.start) / HOUR);
        }
        *self.sources.entry(packet.src_ip.context("no source")?).or_default() += 1;

        let is_sip = matches!(about.kind, Kind::Request(_) | Kind::Reply(_));
        let header = |name| after(&packet.payload, name).and_then(|rest| until(rest, b"\r\n"));
        let (from, to) = if is_sip { (header("\r\nFrom: "), header("\r\nTo: ")) } else { (None, None) };
        let (from, to) = (from.and_then(user), to.and_then(user));
        let of_last_hour = usize::from(about.at_micros >= facts.last_hour);
        for user in from.into_iter().chain(to.filter(|to| Some(*to) != from)) {
            // The name is copied only when it is new.
            if !self.users.contains_key(user) {
                self.users.insert(user.to_owned(), (0, 0));
            }
            if let Some(seen) = self.users.get_mut(user) {
                *seen = (seen.0 + 1, seen.1 + of_last_hour);
            }
        }

        let call_id = packet.correlation_id.or_else(|| header("\r\nCall-ID: ")).context("no call")?;
        let mut hash = DefaultHasher::new();
        call_id.hash(&mut hash);
        if hash.finish().is_multiple_of(self.one_of) {
            let order = self.calls.len();
            let call_id = std::str::from_utf8(call_id)?.to_owned();
            let noted = self.calls.entry(call_id).or_insert(Noted { order, ..Noted::default() });
            noted.messages += 1;
            if noted.caller.is_none() {
                noted.caller = from.map(str::to_owned);
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Facts {
        let mut talkers: Vec<u64> = self.sources.into_values().collect();
        talkers.sort_unstable_by(|left, right| right.cmp(left));
        talkers.truncate(TALKERS);
        let mut calls: Vec<(String, Noted)> = self.calls.into_iter().collect();
        calls.sort_unstable_by_key(|(_, noted)| noted.order);
        for caller in calls.iter().filter_map(|(_, noted)| noted.caller.as_ref()) {
            // Each once: removed when it is taken.
            if let Some((in_all, in_last_hour)) = self.users.remove(caller) {
                self.facts.users.push(User { number: caller.clone(), in_all, in_last_hour });
            }
        }
        let calls = calls.into_iter().map(|(call_id, noted)| Call { call_id, messages: noted.messages });
        Facts { talkers, calls: calls.collect(), ..self.facts }
    }
}

fn count<N: Default + Clone + std::ops::AddAssign + From<u8>>(counts: &mut Vec<N>, place: i64) {
    let place = usize::try_from(place).unwrap_or_default();
    if counts.len() <= place {
        counts.resize(place + 1, N::default());
    }
    counts[place] += N::from(1);
}

fn after<'a>(text: &'a [u8], mark: &str) -> Option<&'a [u8]> {
    let at = text.windows(mark.len()).position(|window| window == mark.as_bytes())?;
    Some(&text[at + mark.len()..])
}

fn until<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let end = text.windows(mark.len()).position(|window| window == mark)?;
    Some(&text[..end])
}

/// The user of the address in a header.
fn user(header: &[u8]) -> Option<&str> {
    std::str::from_utf8(until(after(header, "sip:")?, b"@")?).ok()
}
