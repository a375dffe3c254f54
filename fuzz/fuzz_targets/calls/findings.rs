//! Whatever a call looks like: facts and findings are read without a panic, and findings stay within their limits.

use calls::findings::{FINDINGS_OF_RULE_MAX, PROOF_MAX, RULES};
use calls::{Call, End, Message};

const METHODS: &[&str] = &[
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "PRACK",
    "UPDATE",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "INFO",
    "OPTIONS",
];
const STATUSES: &[i64] = &[
    100, 180, 183, 200, 202, 302, 401, 403, 404, 407, 408, 415, 423, 428, 477, 478, 481, 482, 483, 484, 487,
    488, 491, 500, 503, 606,
];
const HOSTS: &[&str] = &["192.0.2.1", "203.0.113.5", "203.0.113.6", "198.51.100.2"];
const TAGS: &[&str] = &["a", "b", "c"];

/// Steps of time, from a retransmission to a registration.
const STEPS_MICROS: &[i64] = &[0, 1_000, 100_000, 500_000, 2_000_000, 10_000_000, 32_000_000, 400_000_000];

/// A message as the input tells it.
struct Told<'a> {
    message: Message<'static>,
    branch: u8,
    text: &'a [u8],
}

/// Messages are parted by NUL: four bytes say which and where, the rest is header fields and body.
pub(crate) fn fuzz(input: &[u8]) {
    let mut at = 0;
    let told: Vec<Told<'_>> =
        input.split(|byte| *byte == 0).enumerate().filter_map(|(id, part)| tell(id, part, &mut at)).collect();
    let branches: Vec<String> = told.iter().map(|told| format!("z9hG4bK{}", told.branch)).collect();
    let raws: Vec<Vec<u8>> = told.iter().zip(&branches).map(|(told, branch)| raw(told, branch)).collect();
    let messages: Vec<Message<'_>> = told
        .iter()
        .zip(branches.iter().zip(&raws))
        .map(|(told, (branch, raw))| Message { via_branch: Some(branch), raw: raw.as_slice().into(), ..told.message.clone() })
        .collect();
    for until in [at, at + 60_000_000] {
        let call = Call::read(&messages, until);
        let session = call.session();
        assert!(session.duration.is_none_or(|span| span >= 0) && session.ring.is_none_or(|span| span >= 0));
        let findings = call.findings();
        for finding in &findings {
            assert!(RULES.iter().any(|rule| rule.id == finding.id));
            assert!(!finding.text.is_empty() && !finding.next.is_empty());
            assert!(finding.proof.len() <= PROOF_MAX);
            assert!(finding.proof.iter().all(|id| messages.iter().any(|message| message.id == *id)));
        }
        for rule in RULES {
            assert!(findings.iter().filter(|finding| finding.id == rule.id).count() <= FINDINGS_OF_RULE_MAX);
        }
    }
}

fn tell<'a>(id: usize, part: &'a [u8], at: &mut i64) -> Option<Told<'a>> {
    let (&[what, hop, dialog, step], text) = part.split_first_chunk()?;
    let [what, hop, dialog, step] = [what, hop, dialog, step].map(usize::from);
    *at += STEPS_MICROS[step % STEPS_MICROS.len()];
    let pick = |place: usize| End { ip: Some(HOSTS[place % HOSTS.len()]), port: Some(5060) };
    let message = Message {
        id: id as i64,
        at: *at,
        src: pick(hop),
        dst: pick(hop >> 2),
        call_id: Some("call"),
        method: Some(METHODS[what % METHODS.len()]),
        status: (hop & 0x80 != 0).then(|| STATUSES[(what >> 4 | (hop & 0x70)) % STATUSES.len()]),
        cseq: Some((dialog & 3) as i64),
        from_tag: Some(TAGS[(dialog >> 2) % TAGS.len()]),
        to_tag: TAGS.get((dialog >> 4) & 3).copied(),
        ..Message::default()
    };
    Some(Told { message, branch: (step >> 3) as u8, text })
}

fn raw(told: &Told<'_>, branch: &str) -> Vec<u8> {
    let method = told.message.method.unwrap_or_default();
    let start = match told.message.status {
        Some(status) => format!("SIP/2.0 {status} x"),
        None => format!("{method} sip:1{}@h SIP/2.0", told.branch % 3),
    };
    let mut raw = format!("{start}\r\nVia: SIP/2.0/UDP h;branch={branch}\r\n").into_bytes();
    raw.extend_from_slice(told.text);
    raw
}
