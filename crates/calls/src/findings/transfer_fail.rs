use super::{Confidence, Finding, Found, Rule, Severity, host, status_line};
use crate::call::Call;
use crate::message::{Message, words};

pub(super) static RULE: Rule = Rule { id: "TRANSFER_FAIL", source: "RFC 3515 2.4.4, 2.4.5", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for refer in call.in_dialog("REFER") {
        let Some(request) = call.request(refer) else { continue };
        let Some(reply) = call.answer(refer) else { continue };
        if found.is_full() {
            return;
        }
        let read = request.sip();
        let target = read.refer_to().map_or_else(|| "its target".into(), |target| words(target.uri.raw));
        match reply.status {
            Some(200..300) => {}
            Some(400 | 403 | 405 | 420 | 501 | 503 | 603) => {
                let origin = call.origin(refer, reply.status.unwrap_or(0));
                found.add(
                    Finding::new(
                        Severity::Error,
                        format!(
                            "{} refused the transfer to {target} with {}",
                            origin.server,
                            status_line(reply)
                        ),
                    )
                    .blame(host(origin.server))
                    .proof([request, reply])
                    .next("may this phone be asked to transfer?"),
                );
                continue;
            }
            _ => continue,
        }
        let told = call.after(request.at, |message| {
            message.is_request()
                && message.is("NOTIFY")
                && sipfrag(message).is_some_and(|status| status >= 300)
        });
        let Some(told) = told else { continue };
        let status = sipfrag(told).unwrap_or(0);
        // The target refuses, or cannot be reached: the one who tells is not the one at fault.
        let finding = Finding::new(
            Severity::Error,
            format!("the transfer to {target} failed: {} tells that it ended with {status}", told.src),
        )
        .proof([request, reply, told])
        .ruled_out("a transfer that was not allowed: the REFER was accepted")
        .next(match status {
            481 => "does the call that was to be replaced still exist (Replaces)?".to_owned(),
            _ => format!("find the call to {target}, and why it ended with {status}"),
        });
        found.add(finding.confidence(Confidence::High));
    }
}

/// The status a NOTIFY tells of (RFC 3420).
fn sipfrag(notify: &Message<'_>) -> Option<u16> {
    let read = notify.sip();
    if !read.content_type()?.is(b"message/sipfrag") {
        return None;
    }
    let line = read.body().split(|byte| *byte == b'\r' || *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()
}
