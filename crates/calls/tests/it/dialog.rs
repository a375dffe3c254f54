//! Rules about calls that were answered.

use calls::{Blame, Severity};

use crate::scenario::{found, silent};

/// Answered, without an end.
const UP: &str = "
    0    a>b INVITE 1 sdp=PCMA
    0.5  b>a 180 INVITE 1 to=b
    5    b>a 200 INVITE 1 to=b sdp=PCMA
    5.1  a>b ACK 1 to=b
    ";

fn up(then: &str) -> String {
    format!("{UP}{then}")
}

#[test]
fn ack_missing() {
    let repeated = "
        0   a>b INVITE 1
        1   b>a 200 INVITE 1 to=b
        1.5 b>a 200 INVITE 1 to=b
        2.5 b>a 200 INVITE 1 to=b
        33  b>a BYE 1 from=b to=a";
    let finding = found("ACK_MISSING", repeated);
    assert_eq!((finding.blame, finding.proof), (Blame::Host("192.0.2.1:5060".into()), vec![2, 3, 4, 5]));
    assert!(finding.text.ends_with("and hung up 32 s after the answer"), "{}", finding.text);
    // The Contact leads behind NAT: who sent the ACK where cannot be seen here.
    let nat = repeated.replace("to=b\n", "to=b | Contact: <sip:x@10.0.0.9>\n");
    let finding = found("ACK_MISSING", &nat);
    assert_eq!(finding.blame, Blame::Unknown);
    assert!(finding.next.contains("10.0.0.9"), "{}", finding.next);
    let proxy = "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        1   b>p 200 INVITE 1 to=b
        1.1 p>a 200 INVITE 1 to=b
        1.2 a>p ACK 1 to=b
        1.5 b>p 200 INVITE 1 to=b
        1.6 p>a 200 INVITE 1 to=b
        2.5 b>p 200 INVITE 1 to=b
        2.6 p>a 200 INVITE 1 to=b";
    let finding = found("ACK_MISSING", proxy);
    assert_eq!(finding.blame, Blame::Host("203.0.113.5:5060".into()));
    assert!(finding.proof.contains(&5));

    silent("ACK_MISSING", &up(""));
    silent(
        "ACK_MISSING",
        "
        0   a>b INVITE 1
        1   b>a 200 INVITE 1 to=b
        1.5 b>a 200 INVITE 1 to=b
        1.6 a>b ACK 1 to=b
        2.5 b>a 200 INVITE 1 to=b",
    );
    // ACK is never repeated unless asked for: not captured, and all is well.
    silent("ACK_MISSING", "0 a>b INVITE 1\n 1 b>a 200 INVITE 1 to=b");
}

#[test]
fn session_timer_drop() {
    let timer = |bye: &str| {
        format!(
            "
            0   a>b INVITE 1
            5   b>a 200 INVITE 1 to=b | Session-Expires: 90;refresher=uac
            5.1 a>b ACK 1 to=b
            {bye}"
        )
    };
    // 90 - 30 seconds.
    let finding = found("SESSION_TIMER_DROP", &timer("65.2 b>a BYE 1 from=b to=a"));
    assert_eq!(finding.blame, Blame::Caller);
    let refused = timer("50 a>b UPDATE 2 to=b\n 50.1 b>a 500 UPDATE 2\n 95 b>a BYE 1 from=b to=a");
    assert!(found("SESSION_TIMER_DROP", &refused).text.contains("refused with 500"));
    silent("SESSION_TIMER_DROP", &timer("40 b>a BYE 1 from=b to=a"));
    silent(
        "SESSION_TIMER_DROP",
        &timer(
            "
        50 a>b UPDATE 2 to=b
        50.1 b>a 200 UPDATE 2 | Session-Expires: 90;refresher=uac
        65.2 b>a BYE 1 from=b to=a",
        ),
    );
    silent("SESSION_TIMER_DROP", &up("65 a>b BYE 2 to=b"));
}

#[test]
fn reinvite_491() {
    let glare = "
        10   a>b INVITE 2 to=b
        10   b>a INVITE 1 from=b to=a
        10.1 b>a 491 INVITE 2";
    found("REINVITE_491", &up(glare));
    assert!(found("REINVITE_491", &up(&format!("{glare}\n 20 a>b BYE 3 to=b"))).proof.len() == 2);
    silent("REINVITE_491", &up(&format!("{glare}\n 13 a>b INVITE 3 to=b\n 13.1 b>a 200 INVITE 3")));
    silent("REINVITE_491", &up(&format!("{glare}\n 11 a>b BYE 3 to=b")));
    silent("REINVITE_491", &up(""));
}

#[test]
fn reinvite_488() {
    let refused = "10 a>b INVITE 2 to=b sdp=G729\n 10.1 b>a 488 INVITE 2\n 10.2 a>b ACK 2 to=b";
    let finding = found("REINVITE_488", &up(refused));
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.text.starts_with("a change of the call to G729 was refused"), "{}", finding.text);
    found("REINVITE_488", &up("10 b>a UPDATE 1 from=b to=a sdp=opus\n 10.1 a>b 606 UPDATE 1"));
    silent("REINVITE_488", &up("10 a>b INVITE 2 to=b sdp=G729\n 10.1 b>a 200 INVITE 2"));
    silent("REINVITE_488", &up(&format!("{refused}\n 10.3 a>b BYE 3 to=b")));
}

#[test]
fn reinvite_reject_drop() {
    let dropped = "10 a>b INVITE 2 to=b\n 10.1 b>a 488 INVITE 2\n 10.4 a>b BYE 3 to=b";
    let finding = found("REINVITE_REJECT_DROP", &up(dropped));
    assert_eq!((finding.blame, finding.proof), (Blame::Host("192.0.2.1:5060".into()), vec![5, 6, 7]));
    found(
        "REINVITE_REJECT_DROP",
        &up("10 b>a INVITE 1 from=b to=a\n 10.1 a>b 500 INVITE 1\n 10.4 b>a BYE 2 from=b to=a"),
    );
    silent("REINVITE_REJECT_DROP", &up("10 a>b INVITE 2 to=b\n 10.1 b>a 488 INVITE 2\n 20 a>b BYE 3 to=b"));
    silent("REINVITE_REJECT_DROP", &up("10 a>b INVITE 2 to=b\n 10.1 b>a 481 INVITE 2\n 10.2 a>b BYE 3 to=b"));
}

#[test]
fn bye_481() {
    let finding = found("BYE_481", &up("60 a>b BYE 2 to=b\n 60.1 b>a 481 BYE 2"));
    assert_eq!((finding.blame, finding.proof), (Blame::Host("198.51.100.2:5060".into()), vec![5, 6]));
    found("BYE_481", &up("60 a>b INVITE 2 to=b\n 60.1 b>a 481 INVITE 2"));
    silent("BYE_481", &up("60 a>b BYE 2 to=b\n 60.1 b>a 200 BYE 2"));
    // Both hang up at once.
    silent("BYE_481", &up("60 b>a BYE 1 from=b to=a\n 60.01 a>b BYE 2 to=b\n 60.1 b>a 481 BYE 2"));
    silent("BYE_481", "0 a>b INVITE 1\n 1 a>b CANCEL 1\n 1.1 b>a 481 CANCEL 1");
}

#[test]
fn prack_fail() {
    let reliable = "b>a 183 INVITE 1 to=b | Require: 100rel | RSeq: 7";
    let missing = format!("0 a>b INVITE 1\n 1 {reliable}\n 1.5 {reliable}\n 2.5 {reliable}");
    let finding = found("PRACK_FAIL", &missing);
    assert_eq!((finding.blame, finding.proof), (Blame::Host("192.0.2.1:5060".into()), vec![2, 3, 4]));
    let prack = "1.2 a>b PRACK 2 to=b | RAck: 7 1 INVITE";
    found("PRACK_FAIL", &format!("0 a>b INVITE 1\n 1 {reliable}\n {prack}\n 1.3 b>a 481 PRACK 2"));
    silent("PRACK_FAIL", &format!("0 a>b INVITE 1\n 1 {reliable}\n {prack}\n 1.3 b>a 200 PRACK 2"));
    silent("PRACK_FAIL", &format!("0 a>b INVITE 1\n 1 {reliable}\n 1.5 {reliable}"));
}

#[test]
fn transfer_fail() {
    let refer = "10 a>b REFER 2 to=b | Refer-To: <sip:carol@example.com>\n 10.1 b>a 202 REFER 2\n";
    let finding = found("TRANSFER_FAIL", &up(&format!("{refer} 12 b>a NOTIFY 1 from=b to=a frag=486")));
    assert!(finding.text.contains("carol@example.com failed"), "{}", finding.text);
    assert_eq!(finding.proof, [5, 6, 7]);
    let refused = "10 a>b REFER 2 to=b | Refer-To: <sip:carol@example.com>\n 10.1 b>a 603 REFER 2";
    assert_eq!(found("TRANSFER_FAIL", &up(refused)).blame, Blame::Host("198.51.100.2:5060".into()));
    silent("TRANSFER_FAIL", &up(&format!("{refer} 12 b>a NOTIFY 1 from=b to=a frag=200")));
    silent("TRANSFER_FAIL", &up(refer));
}

#[test]
fn who_hung_up() {
    let finding = found("WHO_HUNG_UP", &up("47 a>b BYE 2 to=b | Reason: Q.850;cause=16"));
    assert_eq!(finding.text, "the caller hung up after 42 s and says Q.850 16 (normal clearing)");
    assert_eq!((finding.severity, finding.blame), (Severity::Info, Blame::Caller));
    assert_eq!(found("WHO_HUNG_UP", &up("47 b>a BYE 1 from=b to=a")).blame, Blame::Callee);
    // The beginning was not seen: nobody is named.
    assert_eq!(found("WHO_HUNG_UP", "47 b>a BYE 1 from=b to=a").blame, Blame::Unknown);
    silent("WHO_HUNG_UP", &up(""));
    silent("WHO_HUNG_UP", "0 a>b INVITE 1\n 1 a>b CANCEL 1\n 1.1 b>a 487 INVITE 1");
}
