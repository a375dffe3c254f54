//! One call with its transactions: what facts and findings are read from.

use std::cell::OnceCell;

use crate::description;
use crate::findings::{self, Finding};
use crate::media::Stream;
use crate::message::{Message, hop_between};
use crate::session::{Session, Side};
use crate::state::{self, Outcome, State};
use crate::transaction::{Transaction, transactions};
use crate::visibility::Visibility;

/// Messages of one call that are read; a dialog that goes on for ever says nothing new. Beyond it findings are of the
/// beginning.
pub const MESSAGES_MAX: usize = 10_000;

/// Hops a message is followed over: the greatest Max-Forwards that is recommended (RFC 3261 8.1.1.6).
const HOPS_MAX: usize = 70;

/// The messages of one Call-ID, sorted.
#[derive(Debug)]
pub struct Call<'a> {
    pub(crate) messages: &'a [Message<'a>],
    pub(crate) transactions: Vec<Transaction<'a>>,
    pub(crate) visibility: Visibility<'a>,
    pub(crate) outcome: Outcome,
    /// Up to when nothing further was seen: what has not come by then may be missed.
    pub(crate) until: i64,
    /// Its media, where reports tell of it.
    pub(crate) streams: &'a [Stream],
    /// What was read of session descriptions, by message: many rules ask for few.
    descriptions: Vec<OnceCell<Option<Vec<description::Stream<'a>>>>>,
}

impl<'a> Call<'a> {
    /// Messages in time order, those of further capture points left out; `until` is now, or where the recording ends.
    pub fn read(messages: &'a [Message<'a>], until: i64) -> Self {
        let messages = &messages[..messages.len().min(MESSAGES_MAX)];
        let last = messages.last().map_or(until, |message| message.at);
        Self {
            messages,
            transactions: transactions(messages),
            visibility: Visibility::of(messages),
            outcome: state::outcome(messages),
            until: until.max(last),
            streams: &[],
            descriptions: messages.iter().map(|_| OnceCell::new()).collect(),
        }
    }

    /// With what was reported of its media, so that findings tell of that too.
    pub fn with_streams(self, streams: &'a [Stream]) -> Self {
        Self { streams, ..self }
    }

    /// What became of it, in numbers.
    pub fn session(&self) -> Session {
        Session::of(self)
    }

    /// What went wrong and why; what matters most first.
    pub fn findings(&self) -> Vec<Finding> {
        findings::find(self)
    }

    pub(crate) fn of(&self, method: &str) -> impl Iterator<Item = &Transaction<'a>> {
        self.transactions.iter().filter(move |transaction| transaction.method == method)
    }

    /// INVITEs that open the call, on all hops.
    pub(crate) fn openings(&self) -> impl Iterator<Item = &Transaction<'a>> {
        self.of("INVITE").filter(|invite| !invite.is_in_dialog && !invite.requests.is_empty())
    }

    /// Where the call begins for who called: the first attempt on the first hop.
    pub(crate) fn first_opening(&self) -> Option<&Transaction<'a>> {
        self.openings().find(|invite| invite.upstream.is_none())
    }

    /// Re-INVITEs and other requests inside the dialog, as their sender sent them: not what proxies forwarded.
    pub(crate) fn in_dialog(&self, method: &str) -> impl Iterator<Item = &Transaction<'a>> {
        self.of(method).filter(|request| request.is_in_dialog && request.upstream.is_none())
    }

    /// Which side sends a request inside the dialog, by its From tag: who called keeps the tag it began with (RFC 3261
    /// 12.2.1.1). Where the way it goes says otherwise, nobody is named.
    pub(crate) fn side_of(&self, request: &Message<'_>) -> Side {
        let Some(opening) = self.first_opening() else { return Side::Unknown };
        let caller = self.request(opening).and_then(|invite| invite.from_tag);
        let way = hop_between(request.src, request.dst);
        let (client, server) = opening.hop();
        match (caller, request.from_tag) {
            (Some(caller), Some(tag)) if caller == tag && way != (server, client) => Side::Caller,
            (Some(caller), Some(_)) if request.to_tag == Some(caller) && way != (client, server) => {
                Side::Callee
            }
            _ => Side::Unknown,
        }
    }

    pub(crate) fn at(&self, place: usize) -> &'a Message<'a> {
        &self.messages[place]
    }

    /// What is offered and what answers it, stream by stream: they answer each other by their order (RFC 3264 6).
    pub(crate) fn pairs(
        &self,
        offer: &Message<'_>,
        answer: &Message<'_>,
    ) -> impl Iterator<Item = (&description::Stream<'a>, &description::Stream<'a>)> {
        let streams = |message| self.description(message).unwrap_or_default();
        let pairs = streams(offer).iter().zip(streams(answer));
        pairs.filter(|(offer, answer)| offer.kind == answer.kind && !answer.is_refused())
    }

    /// The streams of the message's session description; `None` if it has none.
    pub(crate) fn description(&self, message: &Message<'_>) -> Option<&[description::Stream<'a>]> {
        let offset = std::ptr::from_ref(message).addr().wrapping_sub(self.messages.as_ptr().addr());
        let place = offset / size_of::<Message<'_>>();
        let is_own = self.messages.get(place).is_some_and(|own| own.id == message.id);
        let place = if is_own { place } else { self.messages.iter().position(|own| own.id == message.id)? };
        let read = self.descriptions.get(place)?.get_or_init(|| description::streams(self.at(place)));
        read.as_deref()
    }

    pub(crate) fn request(&self, transaction: &Transaction<'_>) -> Option<&'a Message<'a>> {
        transaction.requests.first().map(|place| self.at(*place))
    }

    pub(crate) fn replies<'b>(
        &'b self,
        transaction: &'b Transaction<'_>,
    ) -> impl DoubleEndedIterator<Item = &'a Message<'a>> + 'b {
        transaction.replies.iter().map(|place| self.at(*place))
    }

    /// The reply that ends the transaction: a 2xx, else the first final one.
    pub(crate) fn answer(&self, transaction: &Transaction<'_>) -> Option<&'a Message<'a>> {
        let of_class = |range: std::ops::Range<i64>| {
            self.replies(transaction)
                .find(move |reply| reply.status.is_some_and(|status| range.contains(&status)))
        };
        of_class(200..300).or_else(|| of_class(300..700))
    }

    /// A 2xx to an INVITE or other request.
    pub(crate) fn success(&self, transaction: &Transaction<'_>) -> Option<&'a Message<'a>> {
        self.answer(transaction).filter(|reply| matches!(reply.status, Some(200..300)))
    }

    /// Offers that the far end took, with its answers, as the first hop saw them: openings and changes, in order.
    pub(crate) fn agreements(&self) -> impl Iterator<Item = (&'a Message<'a>, &'a Message<'a>)> {
        let offers = self
            .transactions
            .iter()
            .filter(|known| matches!(known.method, "INVITE" | "UPDATE") && known.upstream.is_none());
        offers.filter_map(|offer| Some((self.request(offer)?, self.success(offer)?)))
    }

    pub(crate) fn status(&self, transaction: &Transaction<'_>) -> Option<i64> {
        self.answer(transaction)?.status
    }

    /// The failure that decided the call: as the first hop was told, and as it was told first, furthest downstream.
    pub(crate) fn failure(&self) -> Option<Failure<'_, 'a>> {
        if !matches!(self.outcome.state, State::Failed) {
            return None;
        }
        let status = self.outcome.status?;
        let is_call = self.messages.iter().any(|message| message.is("INVITE"));
        let failed = self.transactions.iter().rev().filter(|known| {
            !known.is_in_dialog
                && !matches!(known.method, "CANCEL" | "BYE" | "PRACK")
                && (!is_call || known.method == "INVITE")
                && self.status(known) == Some(status)
        });
        let told = failed.clone().find(|known| known.upstream.is_none()).or_else(|| failed.clone().next())?;
        let origin = self.origin(told, status);
        Some(Failure { status, told, origin, reply: self.answer(origin)? })
    }

    /// The BYE or the CANCEL that ended it.
    pub(crate) fn ending_request(&self) -> Option<&'a Message<'a>> {
        let bye = self.messages.iter().find(|message| message.is_request() && message.is("BYE"));
        let cancel = || {
            let first = self.first_opening()?;
            let cancelled = self.openings().find(|invite| {
                invite.upstream.is_none() && invite.client.ip == first.client.ip && invite.cancel.is_some()
            })?;
            self.request(&self.transactions[cancelled.cancel?])
        };
        bye.or_else(|| if self.outcome.state == State::Cancelled { cancel() } else { None })
    }

    /// The message that ended it: what the caller or the callee sent, else the refusal, as it was said first.
    pub(crate) fn ending(&self) -> Option<&'a Message<'a>> {
        self.ending_request().or_else(|| self.failure().map(|failure| failure.reply))
    }

    /// Follows a final status downstream to where it was said first.
    pub(crate) fn origin<'b>(&'b self, from: &'b Transaction<'a>, status: i64) -> &'b Transaction<'a> {
        let mut at = from;
        for _ in 0..HOPS_MAX {
            let next = at.downstream.iter().map(|place| &self.transactions[*place]);
            let Some(next) = next.clone().find(|next| self.status(next) == Some(status)) else { break };
            at = next;
        }
        at
    }

    /// The first message of the call after `at` that is the one looked for.
    pub(crate) fn after(&self, at: i64, wanted: impl Fn(&Message<'a>) -> bool) -> Option<&'a Message<'a>> {
        let begin = self.messages.partition_point(|message| message.at < at);
        self.messages[begin..].iter().find(|message| wanted(message))
    }
}

/// A final status other than success.
#[derive(Debug)]
pub(crate) struct Failure<'b, 'a> {
    pub(crate) status: i64,
    /// As the first hop was told.
    pub(crate) told: &'b Transaction<'a>,
    /// As it was said first, as far as was seen.
    pub(crate) origin: &'b Transaction<'a>,
    /// There.
    pub(crate) reply: &'a Message<'a>,
}
