//! Rules about acknowledging, holding and ending a call.

use calls::{Blame, Severity};

use crate::scenario::{found, silent};

/// Answered, without an end.
fn up(then: &str) -> String {
    format!(
        "
        0    a>b INVITE 1 sdp=PCMA
        0.5  b>a 180 INVITE 1 to=b
        5    b>a 200 INVITE 1 to=b sdp=PCMA
        5.1  a>b ACK 1 to=b
        {then}"
    )
}

#[test]
fn ack_wrong_target() {
    let elsewhere = "
        0   a>p INVITE 1
        1   p>a 200 INVITE 1 to=b | Contact: <sip:x@198.51.100.2:5070>
        1.1 a>p ACK 1 to=b uri=sip:x@198.51.100.9:5070";
    let finding = found("ACK_WRONG_TARGET", elsewhere);
    assert_eq!((finding.blame, finding.proof), (Blame::Host("192.0.2.1:5060".into()), vec![2, 3]));
    assert!(
        finding.text.contains("not to the Contact of the answer, sip:x@198.51.100.2:5070"),
        "{}",
        finding.text
    );
    let no_route = "
        0   a>p INVITE 1
        1   p>a 200 INVITE 1 to=b | Contact: <sip:x@198.51.100.2> | Record-Route: <sip:203.0.113.5;lr>
        1.1 a>p ACK 1 to=b uri=sip:x@198.51.100.2";
    assert!(found("ACK_WRONG_TARGET", no_route).text.ends_with("without the route that the answer recorded"));

    silent("ACK_WRONG_TARGET", &up(""));
    silent("ACK_WRONG_TARGET", &format!("{no_route} | Route: <sip:203.0.113.5;lr>"));
    // Port 5060 need not be written.
    silent("ACK_WRONG_TARGET", &elsewhere.replace(":5070", "").replace("198.51.100.9", "198.51.100.2:5060"));
    // A strict router is put into the request URI.
    silent(
        "ACK_WRONG_TARGET",
        &no_route.replace(";lr", "").replace("uri=sip:x@198.51.100.2", "uri=sip:203.0.113.5"),
    );
    // Two phones answered; the ACK is to the second.
    silent(
        "ACK_WRONG_TARGET",
        "
        0   a>p INVITE 1
        1   p>a 200 INVITE 1 to=b | Contact: <sip:x@198.51.100.2>
        1.1 p>a 200 INVITE 1 to=c | Contact: <sip:x@198.51.100.3>
        1.2 a>p ACK 1 to=c uri=sip:x@198.51.100.3",
    );
    // A proxy has taken its Route away; the hop before it is encrypted.
    silent(
        "ACK_WRONG_TARGET",
        "
        0   p>b INVITE 1
        1   b>p 200 INVITE 1 to=b | Record-Route: <sip:203.0.113.5;lr>
        1.1 p>b ACK 1 to=b | Via: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1",
    );
    // The ACK of a failure goes where the INVITE went.
    silent(
        "ACK_WRONG_TARGET",
        "0 a>b INVITE 1\n 1 b>a 486 INVITE 1 to=b\n 1.1 a>b ACK 1 to=b uri=sip:x@elsewhere",
    );
}

#[test]
fn zombie_call() {
    let unconfirmed = "60 a>b BYE 2 to=b\n 60.5 a>b BYE 2 to=b\n 61.5 a>b BYE 2 to=b";
    let finding = found("ZOMBIE_CALL", &up(unconfirmed));
    assert_eq!((finding.severity, finding.proof), (Severity::Warning, vec![5, 6, 7]));
    assert_eq!(finding.blame, Blame::Hop("192.0.2.1:5060".into(), "198.51.100.2:5060".into()));
    found(
        "ZOMBIE_CALL",
        &up(
            "60 b>a BYE 1 from=b to=a\n 60.5 b>a BYE 1 from=b to=a\n 61.5 b>a BYE 1 from=b to=a\n 63.5 b>a BYE 1 from=b to=a",
        ),
    );
    silent("ZOMBIE_CALL", &up(&format!("{unconfirmed}\n 61.6 b>a 200 BYE 2")));
    silent("ZOMBIE_CALL", &up("60 a>b BYE 2 to=b"));
    silent("ZOMBIE_CALL", &up(&format!("{unconfirmed}\n until 70")));
    // The other direction is not captured.
    silent("ZOMBIE_CALL", &format!("0 a>b INVITE 1\n 5.1 a>b ACK 1 to=b\n {unconfirmed}"));
    // The other side hung up too, and was confirmed.
    silent("ZOMBIE_CALL", &up(&format!("{unconfirmed}\n 62 b>a BYE 1 from=b to=a\n 62.1 a>b 200 BYE 1")));
}

#[test]
fn media_timeout_bye() {
    let finding = found(
        "MEDIA_TIMEOUT_BYE",
        &up("40 b>a BYE 1 from=b to=a | Reason: Q.850;cause=16;text=\"RTP Timeout\""),
    );
    assert_eq!((finding.severity, finding.blame, finding.proof), (Severity::Error, Blame::Unknown, vec![5]));
    found("MEDIA_TIMEOUT_BYE", &up("40 a>b BYE 2 to=b | Reason: SIP;cause=604;text=\"MEDIA_TIMEOUT\""));
    silent(
        "MEDIA_TIMEOUT_BYE",
        &up("40 a>b BYE 2 to=b | Reason: Q.850;cause=16;text=\"Normal call clearing\""),
    );
    silent("MEDIA_TIMEOUT_BYE", &up("40 a>b BYE 2 to=b"));
}

#[test]
fn hold_stuck() {
    let held = "20 a>b INVITE 2 to=b sdp=PCMA attr=sendonly\n 20.1 b>a 200 INVITE 2 sdp=PCMA attr=recvonly\n";
    let finding = found("HOLD_STUCK", &up(&format!("{held} 60 b>a BYE 1 from=b to=a")));
    assert_eq!((finding.severity, finding.proof), (Severity::Info, vec![5, 7]));
    assert!(finding.text.ends_with("stayed so for 40 s, until it ended"), "{}", finding.text);
    let refused = "40 a>b INVITE 3 to=b sdp=PCMA\n 40.1 b>a 488 INVITE 3\n 60 b>a BYE 1 from=b to=a";
    let finding = found("HOLD_STUCK", &up(&format!("{held} {refused}")));
    assert_eq!(
        (finding.severity, finding.blame),
        (Severity::Warning, Blame::Host("198.51.100.2:5060".into()))
    );

    silent("HOLD_STUCK", &up("60 a>b BYE 2 to=b"));
    let taken_back = "40 a>b INVITE 3 to=b sdp=PCMA\n 40.1 b>a 200 INVITE 3 sdp=PCMA\n 60 a>b BYE 4 to=b";
    silent("HOLD_STUCK", &up(&format!("{held} {taken_back}")));
    // Held to transfer it.
    silent(
        "HOLD_STUCK",
        &up(&format!(
            "{held} 40 a>b REFER 3 to=b | Refer-To: <sip:c@x>\n 40.1 b>a 202 REFER 3\n 60 a>b BYE 4 to=b"
        )),
    );
    silent("HOLD_STUCK", &up(&format!("{held} 22 a>b BYE 3 to=b")));
}
