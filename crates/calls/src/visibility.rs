//! What the capture could not see. Blindness must never become blame.

use crate::index::Index;
use crate::message::{Hop, Message, hop_between};
use crate::transaction::Transaction;

/// Which way messages were seen, host to host.
#[derive(Debug)]
pub(crate) struct Visibility<'a> {
    seen: Index<Hop<'a>>,
    /// Requests inside a dialog: who sends them has had an answer.
    in_dialog: Index<Hop<'a>>,
}

impl<'a> Visibility<'a> {
    pub(crate) fn of(messages: &[Message<'a>]) -> Self {
        let mut visibility = Self { seen: Index::new(), in_dialog: Index::new() };
        for message in messages {
            let direction = hop_between(message.src, message.dst);
            visibility.seen.get_or_put(direction, 0);
            if message.is_request() && message.to_tag.is_some() {
                visibility.in_dialog.get_or_put(direction, 0);
            }
        }
        visibility
    }

    /// Replies that must have come were not seen: who asked acknowledged one, or went on in a dialog that only a reply
    /// can have made.
    pub(crate) fn replies_unseen(&self, transaction: &Transaction<'_>) -> bool {
        if !transaction.replies.is_empty() {
            return false;
        }
        let (client, server) = transaction.hop();
        let goes_on = !transaction.is_in_dialog && self.in_dialog.has(&(client, server));
        !transaction.acks.is_empty() || goes_on && !self.seen.has(&(server, client))
    }

    /// Something was seen that came from the server of the transaction to its client: silence there is no blindness.
    pub(crate) fn sees_replies(&self, transaction: &Transaction<'_>) -> bool {
        let (client, server) = transaction.hop();
        self.seen.has(&(server, client))
    }

    /// Requests on this hop were not seen, so that what is missing among them was perhaps sent.
    pub(crate) fn requests_unseen(&self, transaction: &Transaction<'_>) -> bool {
        transaction.requests.is_empty()
    }
}
