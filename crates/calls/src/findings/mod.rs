//! What went wrong with a call, and why: one file a rule, one line each in the registry below.
//!
//! A rule speaks only when messages prove it. Where the capture missed what a rule needs, the rule is silent and
//! `CAPTURE_GAP` says what was missed.

use std::fmt;

use crate::call::Call;
use crate::media::Stream;
use crate::message::{End, Message};

/// What a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Name of the rule.
    pub id: &'static str,
    pub severity: Severity,
    /// One sentence with the facts filled in.
    pub text: String,
    pub blame: Blame,
    /// Ids of the messages that prove it, in time order.
    pub proof: Vec<i64>,
    /// Other explanations, and why they are none.
    pub ruled_out: Vec<String>,
    /// What to look at next.
    pub next: String,
    pub confidence: Confidence,
}

/// How bad it is, from bad to good to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The call failed, or was cut, by this.
    Error,
    /// It went on in spite of this.
    Warning,
    /// As people and networks do.
    Info,
}

/// Who is to blame, as far as messages prove.
#[derive(Clone, Debug, PartialEq)]
pub enum Blame {
    Caller,
    Callee,
    /// The host with this address.
    Host(String),
    /// What is between two hosts, or the second of them: seen from here, these are the same.
    Hop(String, String),
    /// Nothing is broken.
    Nobody,
    /// It cannot be told from what was seen.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// Follows from the messages.
    High,
    /// Fits best what was seen.
    Medium,
    /// One explanation of several.
    Low,
}

impl Severity {
    pub const ALL: &[Self] = &[Self::Error, Self::Warning, Self::Info];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl Confidence {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller => f.write_str("caller"),
            Self::Callee => f.write_str("callee"),
            Self::Host(host) => f.write_str(host),
            Self::Hop(from, to) => write!(f, "{to}, or the way to it from {from}"),
            Self::Nobody => f.write_str("nobody"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A rule: how it is called, where it comes from, and how it looks.
pub struct Rule {
    pub id: &'static str,
    /// Standard and section it stands on.
    pub source: &'static str,
    find: fn(&Call<'_>, &mut Found),
}

/// Findings of one rule that are kept: the first ones say it all, and an endless dialog stays bounded.
pub const FINDINGS_OF_RULE_MAX: usize = 4;

/// Messages that prove one finding; more of the same prove nothing more.
pub const PROOF_MAX: usize = 16;

macro_rules! registry {
    ($($rule:ident;)*) => {
        $(mod $rule;)*

        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$rule::RULE),*];
    };
}

registry! {
    no_response;
    trying_only;
    timeout_408;
    downstream_503;
    masked_cause;
    no_route_404;
    bad_format_484;
    loop_482_483;
    spiral;
    fork_race;
    cancel_lost;
    abandoned;
    ring_timeout;
    redirect_unfollowed;
    dns_fail;
    tcp_tls_fail;
    udp_fragment;
    rate_limited;
    auth_loop;
    stale_nonce;
    auth_no_retry;
    forbidden_403;
    reg_423;
    reg_expired;
    reg_nat_short;
    contact_limit;
    ack_missing;
    ack_wrong_target;
    session_timer_drop;
    reinvite_491;
    reinvite_488;
    reinvite_reject_drop;
    bye_481;
    zombie_call;
    prack_fail;
    transfer_fail;
    who_hung_up;
    media_timeout_bye;
    codec_mismatch;
    no_sdp_answer;
    pt_remap;
    ptime_mismatch;
    sdp_private_ip;
    alg_rewrite;
    hold_stuck;
    srtp_mismatch;
    ice_fail;
    dtmf_mismatch;
    fax_t38_fail;
    transcode_chain;
    shaken_invalid;
    shaken_stale;
    shaken_mismatch;
    shaken_attest_c;
    shaken_refused;
    scanner;
    capture_gap;

    // Of media, by the reports on it.
    one_way_audio;
    no_audio;
    loss_network;
    loss_burst;
    jitter_high;
    delay_high;
    echo_level;
    quality_low;
}

/// Where a rule puts what it finds.
struct Found {
    findings: Vec<Finding>,
}

impl Found {
    fn is_full(&self) -> bool {
        self.findings.len() >= FINDINGS_OF_RULE_MAX
    }

    fn add(&mut self, finding: Finding) {
        if !self.is_full() {
            self.findings.push(finding);
        }
    }
}

pub(crate) fn find(call: &Call<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for rule in RULES {
        let mut found = Found { findings: Vec::new() };
        (rule.find)(call, &mut found);
        all.extend(found.findings.into_iter().map(|finding| Finding { id: rule.id, ..finding }));
    }
    all.sort_by_key(|finding| finding.severity);
    all
}

impl Finding {
    /// A finding that blames nobody known and follows from the messages; the rule's name is filled in by [`find`].
    fn new(severity: Severity, text: String) -> Self {
        Self {
            id: "",
            severity,
            text,
            blame: Blame::Unknown,
            proof: Vec::new(),
            ruled_out: Vec::new(),
            next: String::new(),
            confidence: Confidence::High,
        }
    }

    fn blame(self, blame: Blame) -> Self {
        Self { blame, ..self }
    }

    fn proof<'a>(mut self, messages: impl IntoIterator<Item = &'a Message<'a>>) -> Self {
        let mut proof: Vec<&Message<'_>> = messages.into_iter().take(PROOF_MAX).collect();
        proof.sort_by_key(|message| (message.at, message.id));
        self.proof = proof.into_iter().map(|message| message.id).collect();
        self.proof.dedup();
        self
    }

    /// Records that are no messages, each behind its time.
    fn proof_of_reports(self, records: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut records: Vec<(i64, i64)> = records.into_iter().take(PROOF_MAX).collect();
        records.sort_unstable();
        records.dedup();
        Self { proof: records.into_iter().map(|(_, id)| id).collect(), ..self }
    }

    fn ruled_out(mut self, what: &str) -> Self {
        self.ruled_out.push(what.to_owned());
        self
    }

    fn next(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }

    fn confidence(self, confidence: Confidence) -> Self {
        Self { confidence, ..self }
    }
}

/// A branch that fails does no harm where another one answered.
fn failed(call: &Call<'_>) -> Severity {
    if call.outcome.answered.is_some() { Severity::Warning } else { Severity::Error }
}

/// The host as blame; nobody is blamed under no name.
fn host(end: End<'_>) -> Blame {
    end.ip.map_or(Blame::Unknown, |_| Blame::Host(end.to_string()))
}

fn hop(from: End<'_>, to: End<'_>) -> Blame {
    match (from.ip, to.ip) {
        (Some(_), Some(_)) => Blame::Hop(from.to_string(), to.to_string()),
        _ => Blame::Unknown,
    }
}

/// `the media from 192.0.2.1:4000 to 192.0.2.2:4002`.
fn media_of(stream: &Stream) -> String {
    let end = |end: &Option<String>| end.clone().unwrap_or_else(|| "an unknown address".to_owned());
    format!("the media from {} to {}", end(&stream.src), end(&stream.dst))
}

/// The number that was dialled, as the request says.
fn dialled(request: Option<&Message<'_>>) -> String {
    let read = request.map(Message::sip);
    let uri = read.as_ref().and_then(sip::Message::request_uri);
    match uri.and_then(|uri| uri.user.or(uri.host)) {
        Some(user) => crate::message::words(user).into_owned(),
        None => "the number".to_owned(),
    }
}

/// `404 Not Found`.
fn status_line(reply: &Message<'_>) -> String {
    let status = reply.status.unwrap_or(0);
    match reply.sip().reason_phrase().filter(|phrase| !phrase.is_empty()) {
        Some(phrase) => format!("{status} {}", crate::message::words(phrase)),
        None => status.to_string(),
    }
}
