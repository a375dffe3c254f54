//! XMPP (RFC 6120): name, addresses and type of the first stanza; of Jingle (XEP-0166) the session.

use std::borrow::Cow;

use hep::Packet;

use crate::flags::UNREADABLE;
use crate::signalling::{Message, TABLE};
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "xmpp",
    hep_types: &[2],
    table: &TABLE,
    doc: "XMPP stanzas, by name and address",
    understand,
};

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let Some(stanza) = element(&payload) else {
        if !packet.payload.is_empty() {
            draft.flag(UNREADABLE);
        }
        return Message { protocol: "xmpp", ..Message::default() }.push(draft);
    };
    let jingle = payload.find("<jingle").and_then(|at| element(&payload[at..]));
    let attribute =
        |name: &str| stanza.attribute(name).filter(|value| !value.is_empty()).map(Cow::into_owned);
    let action = jingle.as_ref().and_then(|jingle| jingle.attribute("action"));
    if let Some(session) = jingle.as_ref().and_then(|jingle| jingle.attribute("sid"))
        && text::is_call_id(&session)
    {
        draft.set_call_id(session.into_owned().into());
    }
    let kind = attribute("type");
    let (from_user, from_host) = address(attribute("from").as_deref());
    let (to_user, to_host) = address(attribute("to").as_deref());
    let summary = Summary::of("XMPP").word(stanza.name).maybe(kind.as_deref()).maybe(action.as_deref());
    let message = Message {
        text: summary.finish(),
        protocol: "xmpp",
        kind,
        method: Some(action.map_or_else(|| stanza.name.to_owned(), Cow::into_owned)),
        transaction: attribute("id"),
        from_user,
        from_host,
        to_user,
        to_host,
        ..Message::default()
    };
    message.push(draft);
}

struct Element<'t> {
    name: &'t str,
    attributes: &'t str,
}

impl<'t> Element<'t> {
    /// The value, its entities resolved (XML 1.0 3.1, 4.6).
    fn attribute(&self, name: &str) -> Option<Cow<'t, str>> {
        let mut rest = self.attributes;
        loop {
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
            let (value, after) = after[1..].split_once(quote)?;
            if key.trim() == name {
                return Some(resolved(value));
            }
            rest = after;
        }
    }
}

/// The first start tag behind an XML declaration and comments. One that is cut has the attributes that are there.
fn element(text: &str) -> Option<Element<'_>> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once('<')?;
        if after.starts_with(['?', '!']) {
            rest = after;
            continue;
        }
        let after = after.strip_prefix('/').unwrap_or(after);
        let end = after.find(|letter: char| letter.is_whitespace() || matches!(letter, '>' | '/'));
        let (name, attributes) = after.split_at(end.unwrap_or(after.len()));
        let is_name =
            name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, ':' | '-' | '_' | '.'));
        // A quote may hold the closing sign.
        let mut quote = None;
        let end = attributes.find(|letter: char| {
            match quote {
                Some(open) if open == letter => quote = None,
                None if matches!(letter, '"' | '\'') => quote = Some(letter),
                _ => {}
            }
            quote.is_none() && letter == '>'
        });
        let attributes = &attributes[..end.unwrap_or(attributes.len())];
        return (is_name && !name.is_empty()).then_some(Element { name, attributes });
    }
}

fn resolved(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return Cow::Borrowed(value);
    }
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Cow::Owned(known.iter().fold(value.to_owned(), |text, (entity, letter)| text.replace(entity, letter)))
}

/// `user@host/resource` (RFC 7622 3.1).
fn address(address: Option<&str>) -> (Option<String>, Option<String>) {
    let Some(address) = address else { return (None, None) };
    let bare = address.split_once('/').map_or(address, |(bare, _)| bare);
    match bare.split_once('@') {
        Some((user, host)) => (Some(user.to_owned()), Some(host.to_owned())),
        None => (None, Some(bare.to_owned())),
    }
}
