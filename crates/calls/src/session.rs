//! What became of a call, in numbers: the names are those of RFC 6076.

use crate::call::Call;
use crate::cause;
use crate::description::{self, carries_voice};
use crate::index::Index;
use crate::message::{Message, words};
use crate::passport::{self, Passport};
use crate::registration::Registration;
use crate::state::{State, is_challenge};
use crate::subscription::{self, Subscription};
use crate::transaction::Transaction;

/// Facts of one Call-ID. Times are microseconds since 1970, spans are microseconds; `None` is "did not happen, or was not
/// seen", never zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub call_id: Option<String>,
    pub state: State,
    /// The status that decided it.
    pub status: Option<i64>,
    /// The first request.
    pub started: Option<i64>,
    /// From the last attempt's request to 100: the next hop is there.
    pub trying: Option<i64>,
    /// Session request delay, also post-dial delay (RFC 6076 4.3): from the attempt that needed no further credentials
    /// to the first sign of its fate, which 100 is not.
    pub request_delay: Option<i64>,
    /// From the first 180 to 183 to the answer, or to the end of an attempt that had none.
    pub ring: Option<i64>,
    pub answered: Option<i64>,
    /// Session duration (RFC 6076 4.5): from the answer to the first BYE.
    pub duration: Option<i64>,
    pub ended: Option<i64>,
    /// Session disconnect delay (RFC 6076 4.4): from the BYE to its 2xx.
    pub disconnect_delay: Option<i64>,
    pub ended_by: Option<EndedBy>,
    /// Requests and final replies that were sent again, on all hops that were seen.
    pub retransmissions: usize,
    /// Phones or branches that answered an attempt in some way, by their To tags.
    pub forks: usize,
    /// Attempts by the caller, each with its challenge counted once (RFC 6076 4.1).
    pub attempts: usize,
    /// Requests that were answered with 401 or 407.
    pub challenges: usize,
    pub codecs_offered: Vec<String>,
    pub codecs_agreed: Vec<String>,
    /// Where each side wanted its media: with its offer, and with what was agreed.
    pub media_offered: Vec<MediaAddress>,
    pub media_agreed: Vec<MediaAddress>,
    /// Whom the call was meant for before it was redirected (RFC 7044, RFC 5806).
    pub redirections: Vec<String>,
    /// ITU-T Q.850 cause of the BYE or CANCEL that ended it, or of the reply that decided it (RFC 3326, RFC 6432).
    pub cause: Option<u32>,
    /// Both halves of the Session-ID (RFC 7989): it stays the same where servers rewrite the Call-ID.
    pub session_id: Vec<String>,
    /// Who calls, as networks signed it.
    pub identity: Vec<Passport>,
    pub registration: Option<Registration>,
    pub subscriptions: Vec<Subscription>,
}

/// Where media is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaAddress {
    /// `audio`, `video`.
    pub kind: String,
    pub address: String,
    pub port: u16,
}

/// Who ended it, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedBy {
    pub side: Side,
    /// Where the request came from.
    pub address: String,
    /// BYE or CANCEL.
    pub method: String,
    /// Reason header in words (RFC 3326).
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Caller,
    Callee,
    /// The beginning of the call was not seen.
    Unknown,
}

impl Side {
    pub const ALL: &[Self] = &[Self::Caller, Self::Callee, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Unknown => "unknown side",
        }
    }
}

/// Branches, and entries of a redirection chain, that are told: a hostile call may have any number.
const TOLD_MAX: usize = 32;

/// Messages that are searched for what is said when a call begins, and seldom changes after.
const MESSAGES_OF_SETUP_MAX: usize = 200;

impl Session {
    pub(crate) fn of(call: &Call<'_>) -> Self {
        let attempt = last_attempt(call).or(call.first_opening());
        Self {
            media_offered: media(attempt.and_then(|invite| call.request(invite))),
            media_agreed: media(last_attempt(call).and_then(|invite| described(call, invite))),
            cause: cause_of_end(call),
            session_id: session_id(call),
            identity: passport::passports(call),
            registration: Registration::of(call),
            subscriptions: subscription::subscriptions(call),
            ..Self::brief(call)
        }
    }

    /// Without what takes reading many messages: for who looks at every call as it goes on.
    pub(crate) fn brief(call: &Call<'_>) -> Self {
        let outcome = call.outcome;
        let opening = call.first_opening();
        let attempt = last_attempt(call);
        let asked = attempt.and_then(|attempt| call.request(attempt)).map(|request| request.at);
        let first_reply = |wanted: fn(i64) -> bool| {
            let attempt = attempt?;
            call.replies(attempt).find(|reply| reply.status.is_some_and(wanted)).map(|reply| reply.at)
        };
        let since = |from: Option<i64>, to: Option<i64>| Some((to? - from?).max(0));
        let rang = first_reply(|status| (180..200).contains(&status));
        let decided = first_reply(|status| status >= 200);
        let bye = call.messages.iter().find(|message| message.is_request() && message.is("BYE"));
        let bye_answered = call
            .of("BYE")
            .flat_map(|bye| call.replies(bye))
            .find(|reply| matches!(reply.status, Some(200..300)))
            .map(|reply| reply.at);
        let offer = attempt.or(opening).and_then(|invite| call.request(invite));
        Self {
            call_id: call.messages.iter().find_map(|message| message.call_id).map(str::to_owned),
            state: outcome.state,
            status: outcome.status,
            started: opening
                .and_then(|opening| call.request(opening))
                .or(call.messages.iter().find(|message| message.is_request()))
                .map(|request| request.at),
            trying: since(asked, first_reply(|status| status == 100)),
            // Neither a challenge nor a redirection is the fate of an attempt (RFC 6076 4.3.2).
            request_delay: since(asked, first_reply(is_sign_of_fate)),
            ring: since(rang, decided),
            answered: outcome.answered,
            duration: since(outcome.answered, outcome.ended),
            ended: outcome.ended,
            disconnect_delay: since(bye.map(|bye| bye.at), bye_answered),
            ended_by: ended_by(call),
            retransmissions: call.transactions.iter().map(|known| retransmissions(call, known)).sum(),
            forks: forks(call),
            attempts: attempts(call),
            challenges: challenges(call),
            codecs_offered: codecs(call, offer),
            codecs_agreed: codecs(call, attempt.and_then(|invite| described(call, invite))),
            media_offered: Vec::new(),
            media_agreed: Vec::new(),
            redirections: redirections(offer),
            cause: None,
            session_id: Vec::new(),
            identity: Vec::new(),
            registration: None,
            subscriptions: Vec::new(),
        }
    }
}

/// The last reply with a description: what was agreed, or is about to be.
fn described<'a>(call: &Call<'a>, invite: &Transaction<'a>) -> Option<&'a Message<'a>> {
    let described =
        |reply: &&Message<'_>| matches!(reply.status, Some(101..300)) && call.description(reply).is_some();
    call.replies(invite).rfind(described)
}

fn is_sign_of_fate(status: i64) -> bool {
    (180..300).contains(&status) || status >= 400 && !is_challenge(status)
}

/// Of the first hop.
fn last_attempt<'b, 'a>(call: &'b Call<'a>) -> Option<&'b Transaction<'a>> {
    let first = call.first_opening()?;
    let on_hop = |invite: &&Transaction<'_>| invite.client.ip == first.client.ip && invite.upstream.is_none();
    call.openings().filter(on_hop).last()
}

fn attempts(call: &Call<'_>) -> usize {
    let Some(first) = call.first_opening() else { return 0 };
    let own =
        call.openings().filter(|invite| invite.upstream.is_none() && invite.client.ip == first.client.ip);
    let mut cseqs = Index::new();
    for invite in own.filter(|invite| !call.status(invite).is_some_and(is_challenge)) {
        cseqs.get_or_put(invite.cseq, 0);
    }
    // All of them challenged: one attempt that went nowhere.
    cseqs.len().max(1)
}

fn challenges(call: &Call<'_>) -> usize {
    let challenged = call
        .transactions
        .iter()
        .filter(|known| known.upstream.is_none() && call.status(known).is_some_and(is_challenge));
    challenged.count()
}

fn forks(call: &Call<'_>) -> usize {
    let mut tags = Index::new();
    for invite in call.openings() {
        for reply in call.replies(invite).filter(|reply| matches!(reply.status, Some(101..300))) {
            if tags.len() < TOLD_MAX
                && let Some(tag) = reply.to_tag
            {
                tags.get_or_put(tag, 0);
            }
        }
    }
    tags.len()
}

/// Requests beyond the first, and final replies beyond the first of each phone.
fn retransmissions(call: &Call<'_>, known: &Transaction<'_>) -> usize {
    let mut said = Index::new();
    let finals = call.replies(known).filter(|reply| reply.status >= Some(200));
    let repeated = finals.filter(|reply| said.get_or_put((reply.status, reply.to_tag), 0).is_some()).count();
    known.requests.len().saturating_sub(1) + repeated
}

fn ended_by(call: &Call<'_>) -> Option<EndedBy> {
    let request = call.ending_request()?;
    let side = if request.is("BYE") { call.side_of(request) } else { Side::Caller };
    Some(EndedBy {
        side,
        address: request.src.to_string(),
        method: request.method?.to_owned(),
        reason: cause::reason(request),
    })
}

/// What the request that ended the call says, or else the reply that failed it.
fn cause_of_end(call: &Call<'_>) -> Option<u32> {
    let ending = |method: &str| {
        call.messages
            .iter()
            .filter(|message| message.is_request() && message.is(method))
            .find_map(cause::q850)
    };
    let failure = call.failure().map(|failure| failure.reply);
    ending("BYE").or_else(|| ending("CANCEL")).or_else(|| failure.and_then(cause::q850))
}

/// The nil UUID stands for a half that is not known yet (RFC 7989 5).
fn session_id(call: &Call<'_>) -> Vec<String> {
    let mut halves: Vec<String> = Vec::new();
    for message in call.messages.iter().take(MESSAGES_OF_SETUP_MAX) {
        let read = message.sip();
        let Some(id) = read.session_id() else { continue };
        for half in id.halves().map(|half| words(half).to_ascii_lowercase()) {
            if halves.len() < TOLD_MAX && half.contains(|sign| sign != '0') && !halves.contains(&half) {
                halves.push(half);
            }
        }
    }
    halves
}

fn media(message: Option<&Message<'_>>) -> Vec<MediaAddress> {
    let streams = message.and_then(description::streams).unwrap_or_default();
    let used = streams.into_iter().filter(|stream| !stream.is_refused());
    used.filter_map(|stream| {
        Some(MediaAddress {
            kind: stream.kind.into_owned(),
            address: stream.address?.into_owned(),
            port: stream.port?,
        })
    })
    .collect()
}

fn codecs(call: &Call<'_>, message: Option<&Message<'_>>) -> Vec<String> {
    let streams = message.and_then(|message| call.description(message)).unwrap_or_default();
    let used = streams.iter().filter(|stream| !stream.is_refused());
    description::names(used.flat_map(|stream| &stream.codecs).filter(|codec| carries_voice(codec)))
}

/// The eldest first, as History-Info has them; Diversion has them the other way round.
fn redirections(invite: Option<&Message<'_>>) -> Vec<String> {
    let Some(invite) = invite else { return Vec::new() };
    let read = invite.sip();
    let history = read.history().take(TOLD_MAX).map(|entry| words(entry.address.uri.raw).into_owned());
    let history: Vec<String> = history.collect();
    if history.len() > 1 {
        return history;
    }
    let mut diversions: Vec<String> = read
        .diversions()
        .take(TOLD_MAX)
        .map(|diversion| {
            let uri = words(diversion.address.uri.raw).into_owned();
            match diversion.reason() {
                Some(reason) => format!("{uri} ({})", words(reason)),
                None => uri,
            }
        })
        .collect();
    diversions.reverse();
    diversions
}
