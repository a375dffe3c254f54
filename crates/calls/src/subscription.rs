//! Subscriptions to events: what was asked to be told, and what was told (RFC 6665).

use crate::call::Call;
use crate::message::words;

/// Subscriptions of one Call-ID that are told, by event: one dialog, seldom two.
const SUBSCRIPTIONS_MAX: usize = 8;

/// A subscription, as far as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// Event package: `presence`, `message-summary`, `refer`.
    pub event: String,
    /// What the last NOTIFY says: `active`, `pending`, `terminated`.
    pub state: Option<String>,
    /// Why it is over, as the last NOTIFY says.
    pub reason: Option<String>,
    /// Seconds that the server gave last.
    pub expires: Option<u32>,
    /// The final status of the last SUBSCRIBE, or of the REFER that began it.
    pub status: Option<i64>,
    /// NOTIFY requests that were seen.
    pub notifications: usize,
}

pub(crate) fn subscriptions(call: &Call<'_>) -> Vec<Subscription> {
    let mut found: Vec<Subscription> = Vec::new();
    let own = call.transactions.iter().filter(|known| known.upstream.is_none());
    for asked in own.filter(|known| matches!(known.method, "SUBSCRIBE" | "NOTIFY" | "REFER")) {
        let Some(request) = call.request(asked) else { continue };
        let read = request.sip();
        let event = match asked.method {
            "REFER" => "refer".to_owned(),
            // Parameters tell subscriptions of one kind apart; the kind is what is told.
            _ => match read.header(sip::Name::Event) {
                Some(event) => words(first_part(event)).to_lowercase(),
                None => continue,
            },
        };
        let place = match found.iter().position(|known| known.event == event) {
            Some(place) => place,
            None if found.len() < SUBSCRIPTIONS_MAX => {
                found.push(Subscription {
                    event,
                    state: None,
                    reason: None,
                    expires: None,
                    status: None,
                    notifications: 0,
                });
                found.len() - 1
            }
            None => continue,
        };
        let known = &mut found[place];
        if asked.method == "NOTIFY" {
            known.notifications += 1;
            let Some(state) = read.header(sip::Name::SubscriptionState) else { continue };
            let params = sip::value::Params::parse(after_first_part(state));
            known.state = Some(words(first_part(state)).to_lowercase());
            known.reason = params.value(b"reason").map(|reason| words(reason).into_owned());
            let expires = params.value(b"expires").and_then(|text| words(text).parse().ok());
            known.expires = expires.or(known.expires);
        } else {
            known.status = call.status(asked).or(known.status);
            let granted = call.success(asked).and_then(|reply| reply.sip().expires_seconds());
            known.expires = granted.or(known.expires);
        }
    }
    found
}

fn first_part(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

fn after_first_part(value: &[u8]) -> &[u8] {
    value.iter().position(|byte| *byte == b';').map_or(&[], |at| &value[at + 1..])
}
