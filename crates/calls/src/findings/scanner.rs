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

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(request) = call.messages.iter().find(|message| message.is_request()) else { return };
    let read = request.sip();
    let agent = words(read.user_agent().unwrap_or_default()).into_owned();
    let shown = read.from().and_then(|from| from.display_name());
    let shown = words(shown.as_deref().unwrap_or_default()).to_lowercase();
    let lower = agent.to_lowercase();
    let names = |text: &str| AGENTS.iter().any(|known| text.starts_with(known.trim_end()));
    if !names(&lower) && !names(&shown) {
        return;
    }
    // Whoever is let in is somebody's tool, or worse: then the success is what matters.
    let success = call.transactions.iter().filter(|known| matches!(known.method, "INVITE" | "REGISTER"));
    let success = success.filter(|known| known.upstream.is_none()).find_map(|known| call.success(known));
    let name = if names(&lower) { agent } else { shown };
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
