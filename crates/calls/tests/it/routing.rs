//! Rules about the way of a call from server to server.

use calls::{Blame, Severity};

use crate::scenario::{found, silent};

const GOOD: &str = "
    0    a>p INVITE 1 sdp=PCMA
    0.1  p>a 100 INVITE 1
    0.1  p>b INVITE 1 sdp=PCMA
    0.5  b>p 180 INVITE 1 to=b
    0.6  p>a 180 INVITE 1 to=b
    5    b>p 200 INVITE 1 to=b sdp=PCMA
    5.1  p>a 200 INVITE 1 to=b sdp=PCMA
    5.2  a>p ACK 1 to=b
    5.3  p>b ACK 1 to=b
    60   a>p BYE 2 to=b
    60.1 p>b BYE 2 to=b
    60.2 b>p 200 BYE 2
    60.3 p>a 200 BYE 2";

#[test]
fn timeout_408() {
    let unseen = "0 a>p INVITE 1\n 0.1 p>a 100 INVITE 1\n 20 p>a 408 INVITE 1 to=p";
    let finding = found("TIMEOUT_408", unseen);
    assert_eq!((finding.blame, finding.proof), (Blame::Unknown, vec![1, 3]));
    let trying = "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.2 b>p 100 INVITE 1
        20  p>a 408 INVITE 1 to=p";
    let finding = found("TIMEOUT_408", trying);
    assert_eq!(finding.blame, Blame::Hop("203.0.113.5:5060".into(), "198.51.100.2:5060".into()));
    assert_eq!(finding.proof, [2, 3, 4]);

    silent("TIMEOUT_408", GOOD);
    // It rang, and nobody answered.
    silent("TIMEOUT_408", "0 a>p INVITE 1\n 1 p>a 180 INVITE 1 to=b\n 30 p>a 408 INVITE 1 to=b");
    // The silent hop has its own finding.
    silent(
        "TIMEOUT_408",
        "0 a>p INVITE 1\n 0.1 p>b INVITE 1\n 0.6 p>b INVITE 1\n 1.6 p>b INVITE 1\n 9 p>a 408 INVITE 1 to=p",
    );
    // Replies of the hop behind are not captured: its ACK says that one came.
    silent("TIMEOUT_408", "0 a>p INVITE 1\n 0.1 p>b INVITE 1\n 0.3 p>b ACK 1 to=b\n 9 p>a 408 INVITE 1 to=p");
}

#[test]
fn masked_cause() {
    let masked = "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.2 b>p 503 INVITE 1 to=b | Reason: Q.850;cause=34
        0.3 p>a 404 INVITE 1 to=b";
    let finding = found("MASKED_CAUSE", masked);
    assert_eq!((finding.severity, finding.proof), (Severity::Warning, vec![3, 4]));
    assert_eq!(finding.blame, Blame::Host("203.0.113.5:5060".into()));
    assert!(finding.text.ends_with("503 As it went (Q.850 34, no circuit available)"), "{}", finding.text);
    // As RFC 3261 wants it.
    let kept = masked.replace("404", "500");
    assert_eq!(found("MASKED_CAUSE", &kept).severity, Severity::Info);
    // The same code, and another cause.
    let cause = "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.2 b>p 480 INVITE 1 to=b | Reason: Q.850;cause=20
        0.3 p>a 480 INVITE 1 to=b | Reason: Q.850;cause=31";
    found("MASKED_CAUSE", cause);

    silent("MASKED_CAUSE", GOOD);
    silent("MASKED_CAUSE", &masked.replace("404", "503"));
    // One of two branches was told so.
    silent(
        "MASKED_CAUSE",
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.1 p>c INVITE 1
        0.2 b>p 486 INVITE 1 to=b
        0.3 c>p 480 INVITE 1 to=c
        0.4 p>a 480 INVITE 1 to=c",
    );
    // A branch that was not told anything, as far as was seen.
    silent("MASKED_CAUSE", "0 a>p INVITE 1\n 0.1 p>b INVITE 1\n 9 p>a 408 INVITE 1 to=p");
    // What came behind came too late.
    silent(
        "MASKED_CAUSE",
        "0 a>p INVITE 1\n 0.1 p>b INVITE 1\n 30 p>a 408 INVITE 1 to=p\n 31 b>p 486 INVITE 1 to=b",
    );
    // The caller gave up.
    silent(
        "MASKED_CAUSE",
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        3   a>p CANCEL 1
        3.1 b>p 486 INVITE 1 to=b
        3.2 p>a 487 INVITE 1 to=b",
    );
}

const SPIRAL: &str = "
    0   a>p INVITE 1 uri=sip:100@example.com
    0.1 p>q INVITE 1 uri=sip:100@203.0.113.6
    0.2 q>p INVITE 1 uri=sip:200@203.0.113.5
    0.3 p>b INVITE 1 uri=sip:200@198.51.100.2
    1   b>p 200 INVITE 1 to=b
    1.1 p>q 200 INVITE 1 to=b
    1.2 q>p 200 INVITE 1 to=b
    1.3 p>a 200 INVITE 1 to=b";

#[test]
fn spiral() {
    let finding = found("SPIRAL", SPIRAL);
    assert_eq!((finding.severity, finding.blame, finding.proof), (Severity::Info, Blame::Nobody, vec![1, 3]));
    assert!(finding.text.contains("for sip:100@example.com, then for sip:200@"), "{}", finding.text);
    // It is one, whatever became of it.
    let failed = SPIRAL.replace("200 INVITE", "486 INVITE");
    assert_eq!(found("SPIRAL", &failed).proof, [1, 3]);

    silent("SPIRAL", GOOD);
    // The host is written in another way; the number is the same.
    silent("SPIRAL", &SPIRAL.replace("sip:200@", "sip:100@"));
    // The same server is asked anew, by another attempt.
    silent("SPIRAL", "0 a>p INVITE 1 uri=sip:1@x\n 0.1 p>a 302 INVITE 1 to=p\n 0.2 a>p INVITE 2 uri=sip:2@x");
}

#[test]
fn dns_fail() {
    let code = "0 a>p INVITE 1\n 0.1 p>a 478 INVITE 1 to=p phrase=Unresolvable~destination~(478/SL)";
    let finding = found("DNS_FAIL", code);
    assert_eq!(
        (finding.severity, finding.blame, finding.proof),
        (Severity::Error, Blame::Unknown, vec![1, 2])
    );
    found(
        "DNS_FAIL",
        "0 a>p INVITE 1\n 0.1 p>a 503 INVITE 1 to=p | Warning: 399 p \"NXDOMAIN for carrier.example\"",
    );
    silent("DNS_FAIL", GOOD);
    silent("DNS_FAIL", "0 a>p INVITE 1\n 0.1 p>a 503 INVITE 1 to=p");
    // Another way was found.
    silent("DNS_FAIL", &format!("{code}\n 1 a>p INVITE 2\n 1.1 p>a 200 INVITE 2 to=b"));
}

#[test]
fn tcp_tls_fail() {
    let code = "0 a>p INVITE 1\n 0.1 p>a 477 INVITE 1 to=p phrase=Send~failed~(477/TM)";
    assert_eq!(found("TCP_TLS_FAIL", code).proof, [1, 2]);
    let words = "
        0   a>p INVITE 1
        0.1 p>q INVITE 1
        0.2 q>p 503 INVITE 1 to=q phrase=Service~Unavailable | Reason: SIP;cause=503;text=\"TLS handshake failed\"
        0.3 p>a 503 INVITE 1 to=q";
    let finding = found("TCP_TLS_FAIL", words);
    assert!(finding.text.starts_with("203.0.113.6:5060 has no connection"), "{}", finding.text);
    silent("TCP_TLS_FAIL", GOOD);
    silent("TCP_TLS_FAIL", "0 a>p INVITE 1\n 0.1 p>a 503 INVITE 1 to=p phrase=Service~Unavailable");
    silent("TCP_TLS_FAIL", "0 a>p INVITE 1\n 0.1 p>a 403 INVITE 1 to=p phrase=TLS~required");
}

#[test]
fn udp_fragment() {
    let small = "
        0    a>p INVITE 1
        0.1  p>a 407 INVITE 1 to=p
        0.2  a>p ACK 1 to=p
        ";
    let big = "
        1    a>p INVITE 2 pad=1400
        1.5  a>p INVITE 2 pad=1400
        2.5  a>p INVITE 2 pad=1400";
    let finding = found("UDP_FRAGMENT", &format!("{small}{big}"));
    assert_eq!(finding.blame, Blame::Hop("192.0.2.1:5060".into(), "203.0.113.5:5060".into()));
    assert_eq!(finding.proof, [1, 2, 4, 5, 6]);
    // A change of a call that is up.
    let change = "
        0   a>b INVITE 1
        1   b>a 200 INVITE 1 to=b
        1.1 a>b ACK 1 to=b
        20  a>b INVITE 2 to=b pad=2000
        20.5 a>b INVITE 2 to=b pad=2000
        21.5 a>b INVITE 2 to=b pad=2000";
    assert_eq!(found("UDP_FRAGMENT", change).severity, Severity::Warning);
    silent("UDP_FRAGMENT", GOOD);
    // Nothing says that a small one comes through.
    silent("UDP_FRAGMENT", big);
    silent("UDP_FRAGMENT", &format!("{small}{}", big.replace("pad=1400", "pad=200")));
    silent("UDP_FRAGMENT", &format!("{small}{}", big.replace("pad=1400", "pad=1400 via=TCP")));
    silent("UDP_FRAGMENT", &format!("{small}{big}\n 2.6 p>a 100 INVITE 2"));
    // Time is left.
    silent("UDP_FRAGMENT", &format!("{small}{big}\n until 5"));
}

#[test]
fn rate_limited() {
    let limit = "0 a>p INVITE 1\n 0.1 p>a 503 INVITE 1 to=p phrase=Calls~per~second~limit~exceeded";
    let finding = found("RATE_LIMITED", limit);
    assert_eq!((finding.severity, finding.blame), (Severity::Error, Blame::Unknown));
    found("RATE_LIMITED", "0 a>p INVITE 1\n 0.1 p>a 480 INVITE 1 to=p | Warning: 399 p \"Too many calls\"");
    let early = "
        0   a>p INVITE 1
        0.1 p>a 503 INVITE 1 to=p | Retry-After: 30
        4   a>p INVITE 2
        4.1 p>a 200 INVITE 2 to=b";
    let finding = found("RATE_LIMITED", early);
    assert_eq!((finding.severity, finding.blame), (Severity::Warning, Blame::Host("192.0.2.1:5060".into())));
    assert!(finding.text.ends_with("asks after 3.9 s"), "{}", finding.text);
    silent("RATE_LIMITED", GOOD);
    silent("RATE_LIMITED", "0 a>p INVITE 1\n 0.1 p>a 503 INVITE 1 to=p | Retry-After: 30");
    silent("RATE_LIMITED", &early.replace("4 ", "31 ").replace("4.1", "31.1"));
}

#[test]
fn scanner() {
    let sweep = "0 a>p OPTIONS 1 | User-Agent: friendly-scanner\n 0.1 p>a 404 OPTIONS 1 to=p";
    let finding = found("SCANNER", sweep);
    assert_eq!((finding.severity, finding.proof), (Severity::Info, vec![1, 2]));
    assert_eq!(finding.blame, Blame::Host("192.0.2.1:5060".into()));
    found("SCANNER", "0 a>p OPTIONS 1 | From: \"sipvicious\" <sip:100@1.1.1.1>;tag=a");
    let inside = "0 a>p REGISTER 1 | User-Agent: sipcli/v1.8\n 0.1 p>a 200 REGISTER 1 to=p";
    assert_eq!(found("SCANNER", inside).severity, Severity::Warning);
    silent("SCANNER", GOOD);
    silent("SCANNER", "0 a>p OPTIONS 1 | User-Agent: Yealink SIP-T46U\n 0.1 p>a 404 OPTIONS 1 to=p");
    // A word of it inside another name.
    silent(
        "SCANNER",
        "0 a>p OPTIONS 1 | User-Agent: Acme (not a friendly-scanner)\n 0.1 p>a 200 OPTIONS 1 to=p",
    );
}

/// A reply that says loop, and what is none.
#[test]
fn loops_and_what_looks_like_one() {
    let two_servers = "
        0   a>p INVITE 1 uri=sip:1@x
        0.1 p>q INVITE 1 branch=1 uri=sip:1@q
        0.2 q>p INVITE 1 branch=2 uri=sip:1@p
        0.3 p>q INVITE 1 branch=3 uri=sip:1@q
        0.4 q>p 482 INVITE 1 to=q
        0.5 p>a 482 INVITE 1 to=q";
    assert_eq!(
        found("LOOP_482_483", two_servers).blame,
        Blame::Hop("203.0.113.5:5060".into(), "203.0.113.6:5060".into())
    );
    // A spiral passes a server twice, and comes to an end.
    silent("LOOP_482_483", SPIRAL);
    // Two branches met at one phone (RFC 3261 8.2.2.2); one of them was answered.
    silent(
        "LOOP_482_483",
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1 branch=1
        0.1 p>c INVITE 1 branch=2
        0.2 b>p 482 INVITE 1 to=b
        2   c>p 200 INVITE 1 to=c
        2.1 p>a 200 INVITE 1 to=c",
    );
    // Sent again, not sent on.
    silent("LOOP_482_483", "0 a>b INVITE 1\n 0.5 a>b INVITE 1\n 1.5 a>b INVITE 1\n 2 b>a 486 INVITE 1 to=b");
    // Who asked allowed no more hops than that: it measures the way.
    silent("LOOP_482_483", "0 a>p INVITE 1 | Max-Forwards: 0\n 0.1 p>a 483 INVITE 1 to=p");
    silent(
        "LOOP_482_483",
        "
        0   a>p INVITE 1 | Max-Forwards: 1
        0.1 p>b INVITE 1 | Max-Forwards: 0
        0.2 b>p 483 INVITE 1 to=b
        0.3 p>a 483 INVITE 1 to=b",
    );
    // The loop was left by another way.
    silent("LOOP_482_483", &format!("{two_servers}\n 1 a>p INVITE 2\n 1.1 p>a 200 INVITE 2 to=b"));
}
