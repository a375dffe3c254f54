use super::{Confidence, Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::message::words;

pub(super) static RULE: Rule = Rule { id: "SCANNER", source: "RFC 3261 20.41, 26.1", find };

/// How tools that search for open servers and weak passwords call themselves.
const AGENTS: &[&str] = &[
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sip-scan",
    "sipscan",
    "sipcli",
    "sundayddr",
    "svmap",
    "svwar",
    "svcrack",
    "pplsip",
    "iwar",
    "smap ",
    "sipptk",
];

fn is_scanner(name: &[u8]) -> bool {
    AGENTS.iter().any(|known| {
        let known = known.trim_end().as_bytes();
        name.get(..known.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(known))
    })
}

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(request) = call.messages.iter().find(|message| message.is_request()) else { return };
    let read = request.sip();
    let agent = read.user_agent().unwrap_or_default();
    let shown = read.from().and_then(|from| from.display_name());
    let shown = shown.as_deref().unwrap_or_default();
    let named = [agent, shown].into_iter().find(|name| is_scanner(name));
    let Some(name) = named.map(words) else { return };
    // Whoever is let in is somebody's tool, or worse: then the success is what matters.
    let success = call.transactions.iter().filter(|known| matches!(known.method, "INVITE" | "REGISTER"));
    let success = success.filter(|known| known.upstream.is_none()).find_map(|known| call.success(known));
    let (severity, what) = match success {
        Some(_) => (Severity::Warning, "and was let in"),
        None => (Severity::Info, "and got nowhere"),
    };
    let answers = call.messages.iter().find(|message| !message.is_request() && message.status >= Some(200));
    found.add(
        Finding::new(severity, format!("{} calls itself {name:?}, as scanners do, {what}", request.src))
            .blame(host(request.src))
            .proof([request].into_iter().chain(success.or(answers)))
            .ruled_out("a phone: no phone calls itself so")
            .next(match success {
                Some(_) => "whose account was used? Change its password, and look at what was called",
                None => "does the edge drop this address? Look for other requests from it",
            })
            .confidence(Confidence::High),
    );
}
