//! Requests with what was answered to them, hop by hop (RFC 3261 17).

use crate::index::Index;
use crate::message::{End, Hop, Message, hop_between};

/// One request on one hop, its repetitions, and its replies. Places are of the call's messages.
#[derive(Clone, Debug)]
pub(crate) struct Transaction<'a> {
    pub(crate) method: &'a str,
    pub(crate) cseq: Option<i64>,
    pub(crate) branch: Option<&'a str>,
    /// Who asks, and who is asked.
    pub(crate) client: End<'a>,
    pub(crate) server: End<'a>,
    /// The first sending and its repetitions; empty if only replies were seen.
    pub(crate) requests: Vec<usize>,
    /// Provisional and final, in order.
    pub(crate) replies: Vec<usize>,
    /// Of an INVITE: ACKs on this hop that belong to it.
    pub(crate) acks: Vec<usize>,
    /// Of an INVITE: the CANCEL transaction on this hop.
    pub(crate) cancel: Option<usize>,
    /// The transaction of the hop before that a proxy forwarded as this one.
    pub(crate) upstream: Option<usize>,
    /// Those that a proxy forwarded this as: more than one where it forked.
    pub(crate) downstream: Vec<usize>,
    /// The request has a To tag.
    pub(crate) is_in_dialog: bool,
    /// The next one with the same branch, number and method.
    twin: Option<usize>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn hop(&self) -> Hop<'a> {
        hop_between(self.client, self.server)
    }
}

/// Transactions of one branch that are looked through to find the one on the right hop. A branch is unique to one
/// transaction (RFC 3261 8.1.1.7), so a second hop with it is one that rewrites addresses only.
const HOPS_OF_A_BRANCH_MAX: usize = 8;

type Key<'a> = (Option<&'a str>, Option<i64>, &'a str);

/// Sorts messages into transactions, in the order in which these began.
pub(crate) fn transactions<'a>(messages: &[Message<'a>]) -> Vec<Transaction<'a>> {
    let mut found: Vec<Transaction<'a>> = Vec::new();
    let mut by_key: Index<Key<'a>> = Index::new();
    // INVITEs that may be acknowledged end to end: by CSeq.
    let mut acks: Vec<usize> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let Some(method) = message.method else { continue };
        let (client, server) =
            if message.is_request() { (message.src, message.dst) } else { (message.dst, message.src) };
        let is_ack = method == "ACK";
        if is_ack && !message.is_request() {
            continue;
        }
        let key = (message.via_branch, message.cseq, if is_ack { "INVITE" } else { method });
        let first = by_key.get(&key);
        let hop = hop_between(client, server);
        let on_hop = twins(&found, first).find(|place| found[*place].hop() == hop);
        // A reply may come from another address than the one asked: a branch with one hop only still tells.
        let only = || {
            first.filter(|only| {
                found[*only].twin.is_none() && message.via_branch.is_some() && !message.is_request()
            })
        };
        if is_ack {
            match on_hop {
                Some(of) => found[of].acks.push(place),
                None => acks.push(place),
            }
            continue;
        }
        let of = on_hop.or_else(only).unwrap_or_else(|| {
            let new = found.len();
            found.push(Transaction {
                method,
                cseq: message.cseq,
                branch: message.via_branch,
                client,
                server,
                requests: Vec::new(),
                replies: Vec::new(),
                acks: Vec::new(),
                cancel: None,
                upstream: None,
                downstream: Vec::new(),
                is_in_dialog: message.is_request() && message.to_tag.is_some(),
                twin: None,
            });
            match first {
                None => by_key.put(key, new),
                Some(first) => {
                    if let Some(last) =
                        twins(&found, Some(first)).last().filter(|last| found[*last].twin.is_none())
                    {
                        found[last].twin = Some(new);
                    }
                }
            }
            new
        });
        if message.is_request() {
            found[of].requests.push(place);
            found[of].is_in_dialog = message.to_tag.is_some();
        } else {
            found[of].replies.push(place);
        }
    }
    link_acks(messages, &mut found, &acks);
    link_cancels(&mut found, &by_key);
    link_hops(messages, &mut found);
    found
}

/// Transactions with one key, beginning with this one: those that are looked through.
fn twins<'b>(found: &'b [Transaction<'_>], first: Option<usize>) -> impl Iterator<Item = usize> + 'b {
    std::iter::successors(first, |place| found[*place].twin).take(HOPS_OF_A_BRANCH_MAX)
}

/// The ACK to a 2xx is a transaction of its own (RFC 3261 13.2.2.4): the same CSeq, on the same hop.
fn link_acks(messages: &[Message<'_>], found: &mut [Transaction<'_>], acks: &[usize]) {
    if acks.is_empty() {
        return;
    }
    let mut by_hop = Index::new();
    for (place, transaction) in found.iter().enumerate() {
        if transaction.method == "INVITE" {
            let hop = (transaction.cseq, transaction.hop());
            by_hop.put(hop, place);
        }
    }
    for ack in acks {
        let message = &messages[*ack];
        if let Some(of) = by_hop.get(&(message.cseq, hop_between(message.src, message.dst))) {
            found[of].acks.push(*ack);
        }
    }
}

/// A CANCEL has the branch and CSeq number of what it cancels (RFC 3261 9.1).
fn link_cancels(found: &mut [Transaction<'_>], by_key: &Index<Key<'_>>) {
    for place in 0..found.len() {
        if found[place].method != "INVITE" {
            continue;
        }
        let invite = &found[place];
        let first = by_key.get(&(invite.branch, invite.cseq, "CANCEL"));
        let cancel = twins(found, first).find(|cancel| found[*cancel].hop() == invite.hop());
        found[place].cancel = cancel;
    }
}

/// A proxy puts its Via above that of the hop before (RFC 3261 16.6). Where bytes are missing, addresses tell.
fn link_hops(messages: &[Message<'_>], found: &mut [Transaction<'_>]) {
    let mut by_branch = Index::new();
    let mut by_server = Index::new();
    // Only what was asked before under the same number can have been forwarded.
    let mut asked = Index::new();
    for place in 0..found.len() {
        let this = &found[place];
        let (method, cseq) = (this.method, this.cseq);
        let mut upstream = None;
        let is_first = asked.get_or_put((method, cseq), place).is_none();
        if let Some(request) = this.requests.first().filter(|_| !is_first) {
            let read = messages[*request].sip();
            let before = read.vias().nth(1).and_then(|via| via.branch());
            upstream = match before {
                Some(branch) => by_branch.get(&(method, cseq, branch)),
                None if messages[*request].raw.is_empty() => {
                    by_server.get(&(method, cseq, this.client.ip)).filter(|_| this.client.ip.is_some())
                }
                None => None,
            };
        }
        if let Some(branch) = found[place].branch {
            by_branch.get_or_put((method, cseq, branch.as_bytes()), place);
        }
        by_server.get_or_put((method, cseq, found[place].server.ip), place);
        if let Some(upstream) = upstream.filter(|upstream| *upstream != place) {
            found[place].upstream = Some(upstream);
            found[upstream].downstream.push(place);
        }
    }
}
