use super::{Confidence, Finding, Found, Rule, Severity, host, status_line};
use crate::call::Call;
use crate::message::words;
use crate::state::State;
use crate::timers::GIVE_UP;

pub(super) static RULE: Rule = Rule { id: "REDIRECT_UNFOLLOWED", source: "RFC 3261 8.1.3.4", find };

fn find(call: &Call<'_>, found: &mut Found) {
    if call.outcome.state != State::Redirected {
        return;
    }
    let redirected = call
        .openings()
        .find(|invite| invite.upstream.is_none() && matches!(call.status(invite), Some(300..400)));
    let Some(invite) = redirected else { return };
    let (Some(request), Some(reply)) = (call.request(invite), call.answer(invite)) else { return };
    let read = reply.sip();
    let Some(target) = read.contact() else { return };
    let later = call.after(reply.at, |message| {
        message.is_request()
            && message.is("INVITE")
            && message.id != request.id
            && message.src.ip == request.src.ip
    });
    if later.is_some() || call.until - reply.at < GIVE_UP {
        return;
    }
    found.add(
        Finding::new(
            Severity::Error,
            format!(
                "{} sent the call on to {} with {}, but {} did not follow",
                invite.server,
                words(target.uri.raw),
                status_line(reply),
                invite.client
            ),
        )
        .blame(host(invite.client))
        .proof([request, reply])
        .ruled_out("a redirection without target: it has a Contact")
        .next(format!(
            "may {} follow redirections, and can it reach the target? It may have begun a new call instead",
            invite.client
        ))
        .confidence(Confidence::Medium),
    );
}
