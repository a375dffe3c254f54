use super::{Finding, Found, Rule, Severity, status_line};
use crate::call::Call;

pub(super) static RULE: Rule = Rule { id: "FORBIDDEN_403", source: "RFC 3261 21.4.4", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure().filter(|failure| failure.status == 403) else { return };
    let (origin, reply) = (failure.origin, failure.reply);
    let request = call.request(origin);
    let asked = call.request(failure.told).or(request);
    let with_credentials = asked.is_some_and(|request| request.sip().credentials().next().is_some());
    let mut text = format!("{} forbids it: {}", origin.server, status_line(reply));
    if let Some(warning) = reply.header(sip::Name::Warning) {
        text.push_str(&format!(", with the warning {warning}"));
    }
    let finding = Finding::new(Severity::Error, text).proof(request.into_iter().chain([reply]));
    found.add(if with_credentials {
        finding.ruled_out("missing credentials: some were sent, and no new challenge came").next(
            "which policy refuses it: the number shown, the destination, a limit, or a blocked account?",
        )
    } else {
        finding.next("which policy refuses it without asking for credentials: source address, or number?")
    });
}
