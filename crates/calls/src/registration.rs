//! What a REGISTER asked for and what the registrar gave (RFC 3261 10).

use crate::call::Call;
use crate::message::{Message, words};
use crate::transaction::Transaction;

/// Contacts of one registration that are told: registrars allow a handful.
const CONTACTS_MAX: usize = 16;

/// The registration that the messages of one Call-ID keep up, as it was granted last, or else asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Address of record: whom it registers.
    pub address_of_record: String,
    /// Where calls to it go, as the registrar said last, or else as the phone asked; empty once it is removed.
    pub contacts: Vec<Contact>,
    /// Seconds that the phone asked for; 0 removes it.
    pub expires_asked: Option<u32>,
    /// Seconds that the registrar gave.
    pub expires_granted: Option<u32>,
    pub user_agent: Option<String>,
    /// REGISTER requests that went through.
    pub renewals: usize,
}

/// One place where a user can be reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    pub uri: String,
    pub expires: Option<u32>,
}

impl Registration {
    pub(crate) fn of(call: &Call<'_>) -> Option<Self> {
        let own = call.of("REGISTER").filter(|register| register.upstream.is_none());
        let renewals = granted(call).count();
        let last = granted(call).last();
        let asked = last.map(|(_, request, _)| request);
        let request = asked.or_else(|| call.request(own.last()?))?;
        let read = request.sip();
        Some(Self {
            address_of_record: words(read.to()?.uri.raw).into_owned(),
            contacts: contacts(last.map_or(request, |(_, _, reply)| reply)),
            expires_asked: expires_asked(request),
            expires_granted: last.and_then(|(_, _, reply)| expires_granted(request, reply)),
            user_agent: read.user_agent().map(|agent| words(agent).into_owned()),
            renewals,
        })
    }
}

fn contacts(message: &Message<'_>) -> Vec<Contact> {
    let read = message.sip();
    let Some(sip::value::Contact::Addresses(addresses)) = read.contacts() else { return Vec::new() };
    let contact = |address: sip::value::NameAddr<'_>| Contact {
        uri: words(address.uri.raw).into_owned(),
        expires: address.expires_seconds(),
    };
    addresses.take(CONTACTS_MAX).map(contact).collect()
}

/// Of the Contact, else of the request (RFC 3261 10.2.1.1).
pub(crate) fn expires_asked(request: &Message<'_>) -> Option<u32> {
    let read = request.sip();
    read.contact().and_then(|contact| contact.expires_seconds()).or(read.expires_seconds())
}

/// What the reply gives to the contact of the request. Registrars list all contacts of the user (RFC 3261 10.3).
pub(crate) fn expires_granted(request: &Message<'_>, reply: &Message<'_>) -> Option<u32> {
    let (asked, given) = (request.sip(), reply.sip());
    let own = asked.contact()?.uri;
    let Some(sip::value::Contact::Addresses(addresses)) = given.contacts() else { return None };
    let mut contacts = addresses.take(CONTACTS_MAX).peekable();
    let first = contacts.peek().copied();
    let mut count = 0;
    let same = contacts.inspect(|_| count += 1).find(|contact| {
        (contact.uri.user, contact.uri.host, contact.uri.port) == (own.user, own.host, own.port)
    });
    // One alone is the phone's, though the registrar may have put its address right.
    let granted = same.or_else(|| first.filter(|_| count == 1))?;
    granted.expires_seconds().or(given.expires_seconds())
}

/// REGISTERs that went through, each with its request and reply, in order.
pub(crate) fn granted<'b, 'a>(
    call: &'b Call<'a>,
) -> impl Iterator<Item = (&'b Transaction<'a>, &'a Message<'a>, &'a Message<'a>)> {
    let own = call.of("REGISTER").filter(|register| register.upstream.is_none());
    own.filter_map(|register| Some((register, call.request(register)?, call.success(register)?)))
}
