//! Any input, and any amount of it.

use calls::findings::{FINDINGS_OF_RULE_MAX, PROOF_MAX, RULES};
use calls::{Call, End, Message};
use proptest::prelude::*;

fn messages() -> impl Strategy<Value = Vec<(Message<'static>, String)>> {
    let method = prop::sample::select(vec![
        Some("INVITE"),
        Some("ACK"),
        Some("BYE"),
        Some("CANCEL"),
        Some("PRACK"),
        Some("REGISTER"),
        Some("REFER"),
        Some("NOTIFY"),
        Some("INFO"),
        Some("UPDATE"),
        Some("SUBSCRIBE"),
        None,
    ]);
    let host = || prop::sample::select(vec![None, Some("192.0.2.1"), Some("198.51.100.2"), Some("x")]);
    let tag = || prop::sample::select(vec![None, Some("a"), Some("b")]);
    let status = prop::option::of(prop::sample::select(vec![
        100_i64,
        180,
        183,
        200,
        302,
        401,
        404,
        408,
        423,
        428,
        478,
        481,
        483,
        488,
        491,
        503,
        -1,
        i64::MAX,
    ]));
    let header = prop::sample::select(vec![
        "",
        "RSeq: 1\r\n",
        "Session-Expires: 4000000000\r\n",
        "Min-Expires: x\r\n",
        "WWW-Authenticate: Digest stale=true\r\n",
        "Via: a;branch=z9hG4bK1\r\nVia: b;branch=z9hG4bK1\r\n",
        "Reason: Q.850;cause=1\r\n",
        "Identity: e30.e30.x;ppt=shaken\r\nDate: Sat, 99 Nov 99999 23:29:00 GMT\r\n",
        "Identity: ..x\r\nSession-ID: x;remote=y\r\n",
        "Contact: <sip:u@10.0.0.1>;expires=4294967295\r\nExpires: 99999999999\r\n",
        "Retry-After: 4294967295\r\n",
        "Event: x\r\nSubscription-State: active;expires=-1\r\n",
        "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nm=image 0 udptl t38\r\na=ice-mismatch\r\na=maxptime:x",
        "Content-Type: message/sipfrag\r\n\r\nSIP/2.0 999",
        "Content-Type: application/sdp\r\n\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 10.0.0.1",
    ]);
    let times = prop_oneof![Just(0), Just(i64::from(u32::MAX) * 1_000_000), 0_i64..100_000_000];
    let branch = prop::sample::select(vec![None, Some("z9hG4bK1"), Some("1")]);
    let one =
        (times, method, status, prop::option::of(0_i64..3), (host(), host()), (tag(), tag()), branch, header);
    let one =
        one.prop_map(|(at, method, status, cseq, (src, dst), (from_tag, to_tag), via_branch, header)| {
            let message = Message {
                id: 1,
                at,
                method,
                status,
                cseq,
                from_tag,
                to_tag,
                via_branch,
                src: End { ip: src, port: None },
                dst: End { ip: dst, port: Some(5060) },
                call_id: None,
                raw: b"".as_slice().into(),
            };
            (message, format!("SIP/2.0 200 x\r\n{header}\r\n"))
        });
    prop::collection::vec(one, 0..24)
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(mut parts in messages(), until in any::<i64>()) {
        parts.sort_by_key(|(message, _)| message.at);
        let messages: Vec<Message<'_>> =
            parts.iter().map(|(message, raw)| Message { raw: raw.as_bytes().into(), ..message.clone() }).collect();
        let call = Call::read(&messages, until);
        let _ = call.session();
        for finding in call.findings() {
            prop_assert!(RULES.iter().any(|rule| rule.id == finding.id));
            prop_assert!(!finding.text.is_empty() && finding.proof.len() <= PROOF_MAX);
        }
    }
}

/// Endless re-INVITEs that are refused, each as different as can be: found a few times, in bounded work.
#[test]
fn ten_thousand_messages_of_one_dialog() {
    let texts: Vec<(String, String)> = (0..10_001_i64)
        .map(|number| {
            (format!("z9hG4bK{}", number / 2), format!("SIP/2.0 488 No\r\nCSeq: {number} INVITE\r\n\r\n"))
        })
        .collect();
    let messages: Vec<Message<'_>> = texts
        .iter()
        .zip(0_i64..)
        .map(|((branch, raw), number)| {
            let (a, b) =
                (End { ip: Some("192.0.2.1"), port: None }, End { ip: Some("192.0.2.2"), port: None });
            let is_reply = number % 2 == 1;
            Message {
                id: number,
                at: number * 1_000,
                method: Some("INVITE"),
                status: is_reply.then_some(488),
                cseq: Some(number / 2),
                to_tag: Some("b"),
                from_tag: Some("a"),
                via_branch: Some(branch),
                src: if is_reply { b } else { a },
                dst: if is_reply { a } else { b },
                call_id: Some("call"),
                raw: raw.as_bytes().into(),
            }
        })
        .collect();
    let call = Call::read(&messages, i64::MAX);
    let findings = call.findings();
    for rule in RULES {
        assert!(findings.iter().filter(|finding| finding.id == rule.id).count() <= FINDINGS_OF_RULE_MAX);
    }
    assert!(
        findings.iter().any(|finding| finding.id == "CAPTURE_GAP"),
        "it says that it read the beginning only"
    );
    assert!(findings.iter().any(|finding| finding.id == "REINVITE_488"));
}
