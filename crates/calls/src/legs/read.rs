//! The messages of one Call-ID as a leg.

use sip::Name;
use sip::value::{DialogId, NameAddr};

use super::leg::{Leg, MarkKind, Moment, Referral};
use super::number::Number;
use super::rules::Rules;
use crate::message::{Message, hop_between};
use crate::state::{is_challenge, outcome};

/// Messages of a leg whose bytes are read; names are in the first ones, referrals in few.
const READ_MAX: usize = 64;
/// Addresses and numbers kept of a leg: more than a call has hops or changes of its number.
const HOSTS_MAX: usize = 8;
const NUMBERS_MAX: usize = 6;
const REFERRALS_MAX: usize = 4;
const MEDIA_MAX: usize = 4;
/// A session id of fewer digits is a counter or a constant (RFC 8866 5.2 wants it to be unique).
const ORIGIN_DIGITS_MIN: usize = 5;

impl Leg {
    /// Of the messages of one Call-ID in the order of time, each hop's message once. `None` if they are no call.
    pub fn read(messages: &[Message<'_>], rules: &Rules) -> Option<Self> {
        let first = messages.first()?;
        let call_id = messages.iter().find_map(|message| message.call_id)?;
        let opens =
            |message: &&Message<'_>| message.is_request() && message.is("INVITE") && message.to_tag.is_none();
        let in_dialog =
            |message: &Message<'_>| ["INVITE", "ACK", "BYE"].iter().any(|method| message.is(method));
        if !messages.iter().any(in_dialog) {
            return None;
        }
        let opening = messages.iter().find(opens).unwrap_or(first);
        let mut leg = Self {
            call_id: call_id.to_owned(),
            first: opening.at,
            last: messages.iter().map(|message| message.at).max().unwrap_or(opening.at),
            opening: opening.id,
            ..Self::default()
        };
        leg.mark(MarkKind::CallId, call_id, opening.id);
        if let Some(bare) = rules.without_suffix(call_id) {
            leg.mark(MarkKind::Suffix, bare, opening.id);
        }
        leg.way(messages.iter().filter(opens));
        leg.fate(messages);
        for message in messages.iter().filter(|message| is_read(message)).take(READ_MAX) {
            leg.named(message, rules);
        }
        Some(leg)
    }

    /// Where it comes from and goes to.
    fn way<'m, 'a: 'm>(&mut self, openings: impl Iterator<Item = &'m Message<'a>>) {
        let mut sources = Vec::new();
        for invite in openings.take(READ_MAX) {
            let (source, host) = hop_between(invite.src, invite.dst);
            if host.ip.is_some() {
                push(&mut self.hosts, host.to_string(), HOSTS_MAX);
            }
            if source.ip.is_some() {
                push(&mut sources, source.to_string(), HOSTS_MAX);
            }
        }
        let entry = sources.iter().find(|source| !self.hosts.contains(source)).or(sources.first());
        self.source = entry.cloned();
    }

    fn fate(&mut self, messages: &[Message<'_>]) {
        let moment = |message: &Message<'_>| Moment { at: message.at, message: message.id };
        let replies = || messages.iter().filter(|message| message.is("INVITE"));
        let status_in = |range: std::ops::Range<i64>| {
            replies().find(|reply| reply.status.is_some_and(|status| range.contains(&status)))
        };
        let request = |method: &str| messages.iter().find(|sent| sent.is_request() && sent.is(method));
        let outcome = outcome(messages);
        self.ringing = status_in(180..200).map(moment);
        self.answered = status_in(200..300).map(moment);
        self.cancelled = request("CANCEL").map(moment);
        self.ended = request("BYE").map(moment);
        self.status = outcome.status;
        let failed = outcome.status.filter(|status| *status >= 300 && !is_challenge(*status));
        if self.answered.is_none() {
            self.refused =
                failed.and_then(|status| replies().find(|reply| reply.status == Some(status))).map(moment);
        }
    }

    fn named(&mut self, message: &Message<'_>, rules: &Rules) {
        let sip = message.sip();
        let id = message.id;
        if message.is_request() && message.is("INVITE") && message.to_tag.is_none() {
            self.numbers(&sip);
        }
        if let Some(session) = sip.session_id() {
            for half in session.halves() {
                self.mark(MarkKind::SessionId, &sip::text(half).to_ascii_lowercase(), id);
            }
        }
        for name in &rules.headers {
            if let Some(value) = sip.header_named(name.as_bytes()) {
                self.mark(MarkKind::Header, &sip::text(value), id);
            }
        }
        if let Some(guid) = sip.header_named(b"Cisco-Guid").or_else(|| sip.header_named(b"h323-conf-id")) {
            self.mark(MarkKind::CiscoGuid, &sip::text(guid), id);
        }
        if let Some(icid) = sip.charging_vector().and_then(|vector| vector.unescaped(b"icid-value")) {
            self.mark(MarkKind::Icid, &sip::text(&icid), id);
        }
        for name in [Name::Replaces, Name::Join, Name::TargetDialog] {
            if let Some(value) = sip.header(name) {
                self.is_moved = true;
                self.mark(MarkKind::Replaces, &sip::text(&DialogId::parse(value).call_id), id);
            }
        }
        if message.is("REFER") && message.is_request() {
            self.referral(message, &sip);
        }
        if let Some(contact) = sip.contact().filter(|contact| contact.params().has(b"isfocus")) {
            self.mark(MarkKind::Focus, &sip::text(contact.uri.raw), id);
        }
        self.media(message, &sip);
    }

    fn numbers(&mut self, sip: &sip::Message<'_>) {
        let add = |list: &mut Vec<Number>, address: Option<NameAddr<'_>>| {
            if let Some(number) = address.and_then(|address| Number::new(address.uri.user?)) {
                push(list, number, NUMBERS_MAX);
            }
        };
        add(&mut self.callers, sip.from());
        add(&mut self.callers, sip.pai());
        add(&mut self.callers, sip.remote_party_id());
        add(&mut self.callees, sip.to());
        if let Some(number) = sip.request_uri().and_then(|uri| Number::new(uri.user?)) {
            push(&mut self.callees, number, NUMBERS_MAX);
        }
        for diversion in sip.diversions().take(NUMBERS_MAX) {
            add(&mut self.diverted, Some(diversion.address));
        }
    }

    fn referral(&mut self, message: &Message<'_>, sip: &sip::Message<'_>) {
        self.is_moved = true;
        let Some(target) = sip.refer_to() else { return };
        if let Some(replaces) = target.uri.header(b"Replaces") {
            self.mark(MarkKind::Replaces, &sip::text(&DialogId::from_escaped(replaces).call_id), message.id);
        }
        let number = target.uri.user.and_then(Number::new);
        let (_, asked) = hop_between(message.src, message.dst);
        if let Some(number) = number
            && asked.ip.is_some()
            && self.referrals.len() < REFERRALS_MAX
        {
            let moment = Moment { at: message.at, message: message.id };
            self.referrals.push(Referral { moment, target: number, asked: asked.to_string() });
        }
    }

    fn media(&mut self, message: &Message<'_>, sip: &sip::Message<'_>) {
        let Some(description) = sip.sdp() else { return };
        let id = message.id;
        // What is carried through stays with who offers, or with who answers.
        let role = if message.is_request() { "asks" } else { "answers" };
        if let Some(origin) =
            description.origin().filter(|origin| origin.session_id.len() >= ORIGIN_DIGITS_MIN)
        {
            let parts = [origin.username, origin.session_id, origin.address];
            self.mark(MarkKind::Origin, &format!("{role} {}", parts.map(sip::text).join(" ")), id);
        }
        for media in description.media().take(MEDIA_MAX) {
            let address = media.connection().map(|connection| sip::text(connection.address));
            if let (Some(address), Some(port @ 1..)) = (address, media.port)
                && !matches!(&*address, "0.0.0.0" | "::" | "127.0.0.1")
            {
                self.mark(MarkKind::Media, &format!("{role} {address} {port}"), id);
            }
            let session = description.attributes();
            if let Some(ufrag) = media.attributes().ice_ufrag().or_else(|| session.ice_ufrag()) {
                self.mark(MarkKind::Ice, &format!("{role} {}", sip::text(ufrag)), id);
            }
            if let Some(print) = media.attributes().fingerprint().or_else(|| session.fingerprint()) {
                let digest = sip::text(print.digest).to_ascii_lowercase();
                self.mark(MarkKind::Fingerprint, &format!("{role} {digest}"), id);
            }
        }
    }
}

/// Messages that may name another leg: of a dialog's beginning, of its changes, and its end with Session-ID.
fn is_read(message: &Message<'_>) -> bool {
    message.is("INVITE") && message.status != Some(100)
        || message.is_request() && ["REFER", "BYE", "UPDATE"].iter().any(|method| message.is(method))
}

fn push<T: PartialEq>(list: &mut Vec<T>, value: T, most: usize) {
    if list.len() < most && !list.contains(&value) {
        list.push(value);
    }
}
