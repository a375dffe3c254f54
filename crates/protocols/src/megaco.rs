//! MEGACO or H.248 in its text form (RFC 3525 annex B): the first transaction, context and command of a message.

use hep::Packet;

use crate::flags::UNREADABLE;
use crate::signalling::{Message, TABLE};
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "megaco",
    hep_types: &[7],
    table: &TABLE,
    doc: "MEGACO (H.248) transactions between gateways and their controllers",
    understand,
};

/// Kinds of transactions, long and short (RFC 3525 B.2, transactionList).
const TRANSACTIONS: &[(&str, &str, &str)] = &[
    ("Transaction", "T", "request"),
    ("Reply", "P", "reply"),
    ("Pending", "PN", "pending"),
    ("TransactionResponseAck", "K", "acknowledgement"),
];

/// Commands, long and short (RFC 3525 B.2, 7.2).
const COMMANDS: &[(&str, &str)] = &[
    ("Add", "A"),
    ("Modify", "MF"),
    ("Move", "MV"),
    ("Subtract", "S"),
    ("AuditValue", "AV"),
    ("AuditCapability", "AC"),
    ("Notify", "N"),
    ("ServiceChange", "SC"),
];

/// What stands before the first command: a handful of tokens; a body may be long.
const TOKENS_MAX: usize = 64;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let message = message(&payload).unwrap_or_else(|| {
        if !packet.payload.is_empty() {
            // The other form is ASN.1 (RFC 3525 annex A).
            draft.flag(UNREADABLE);
        }
        Message::default()
    });
    Message { protocol: "megaco", ..message }.push(draft);
}

/// `MEGACO/1 [192.0.2.1]:2944 Transaction = 9998 { Context = - { ServiceChange = ROOT {`, or with the short tokens
/// `!/1 [192.0.2.1]:2944 T=9998{C=-{SC=ROOT{`.
fn message(payload: &str) -> Option<Message> {
    // An authentication header may come first (RFC 3525 B.2, authenticationHeader).
    let mut words = payload.match_indices(['M', 'm', '!']).take(TOKENS_MAX);
    let body = words.find_map(|(at, _)| {
        let header = &payload[at..];
        ["MEGACO/", "!/"].iter().find_map(|token| {
            let (start, body) = header.split_at_checked(token.len())?;
            start.eq_ignore_ascii_case(token).then_some(body)
        })
    })?;
    let mut message = Message::default();
    let mut tokens = assignments(body).take(TOKENS_MAX);
    let (kind, transaction) = tokens.by_ref().find_map(|(name, value)| {
        let known = TRANSACTIONS.iter().find(|(long, short, _)| is_token(name, long, short))?;
        Some((known.2, value))
    })?;
    message.kind = Some(kind.to_owned());
    message.transaction = Some(transaction.to_owned()).filter(|text| !text.is_empty());
    for (name, value) in tokens {
        if is_token(name, "Context", "C") {
            message.context.get_or_insert_with(|| value.to_owned());
        } else if is_token(name, "Error", "ER") {
            message.status = value.parse().ok();
            break;
        } else if let Some((long, _)) = COMMANDS.iter().find(|(long, short)| {
            // Wildcard and optional commands have a prefix (RFC 3525 B.2, optionalCommand).
            let bare = name.trim_start_matches("O-").trim_start_matches("W-");
            is_token(bare, long, short)
        }) {
            message.method = Some((*long).to_owned());
            message.endpoint = Some(value.to_owned()).filter(|text| !text.is_empty());
            break;
        }
    }
    let status = message.status.map(|status| format!("error {status}"));
    message.text = Summary::of("MEGACO")
        .word(kind)
        .maybe(message.method.as_deref())
        .maybe(message.endpoint.as_deref())
        .maybe(status.as_deref())
        .finish();
    Some(message)
}

fn is_token(name: &str, long: &str, short: &str) -> bool {
    name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short)
}

/// `name = value`, in order, wherever they stand; a name before a brace has no value.
fn assignments(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_sign = |letter: char| matches!(letter, '=' | '{' | '}' | ',');
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let end = rest.find(is_sign)?;
            // A name is the last word: before the first there is the address of the sender.
            let name = rest[..end].split_ascii_whitespace().next_back().unwrap_or_default();
            let sign = rest.as_bytes()[end];
            rest = &rest[end + 1..];
            if sign == b'=' {
                let length = rest.find(is_sign).unwrap_or(rest.len());
                let value = rest[..length].trim();
                let value = value.split_ascii_whitespace().next().unwrap_or_default();
                return Some((name, value));
            }
            if sign == b'{' && !name.is_empty() {
                return Some((name, ""));
            }
        }
    })
}
