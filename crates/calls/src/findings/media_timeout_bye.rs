use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::cause;
use crate::said::says_one_of;

pub(super) static RULE: Rule = Rule { id: "MEDIA_TIMEOUT_BYE", source: "RFC 3326 2", find };

/// How servers say that they heard nothing any more.
const WORDS: &[&str] = &[
    "rtp timeout",
    "rtp_timeout",
    "rtp-timeout",
    "rtp inactivity",
    "no rtp",
    "rtp broken",
    "media timeout",
    "media_timeout",
    "media-timeout",
    "media inactivity",
    "no media",
];

fn find(call: &Call<'_>, found: &mut Found) {
    let bye = call.messages.iter().find(|message| message.is_request() && message.is("BYE"));
    let Some(bye) = bye.filter(|bye| says_one_of(bye, WORDS)) else { return };
    let said = cause::reason(bye).unwrap_or_default();
    found.add(
        Finding::new(
            Severity::Error,
            format!("{} cut the call because no voice came to it any more: {said}", bye.src),
        )
        // It says what it missed, not where that was lost.
        .blame(Blame::Unknown)
        .proof([bye])
        .ruled_out("somebody who hung up: the BYE says why it was sent")
        .next(format!(
            "where does the voice towards {} stop: did the sender stop (hold, silence suppression), or is it lost on the way?",
            bye.src
        ))
        .confidence(Confidence::Medium),
    );
}
