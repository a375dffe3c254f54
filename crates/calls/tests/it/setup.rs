//! Rules about calls that do not come about.

use calls::{Blame, Severity};

use crate::scenario::{found, silent};

const GOOD: &str = "
    0    a>b INVITE 1 sdp=PCMA
    0.1  b>a 100 INVITE 1
    0.5  b>a 180 INVITE 1 to=b
    5    b>a 200 INVITE 1 to=b sdp=PCMA
    5.1  a>b ACK 1 to=b
    60   a>b BYE 2 to=b
    60.1 b>a 200 BYE 2";

#[test]
fn no_response() {
    let repeated = "
        0    a>b INVITE 1
        0.5  a>b INVITE 1
        1.5  a>b INVITE 1
        3.5  a>b INVITE 1";
    let finding = found("NO_RESPONSE", repeated);
    assert_eq!(finding.blame, Blame::Hop("192.0.2.1:5060".into(), "198.51.100.2:5060".into()));
    assert_eq!(
        (finding.proof, finding.text.as_str()),
        (
            vec![1, 2, 3, 4],
            "192.0.2.1:5060 sent the INVITE 4 times in 3.5 s and nothing came back from 198.51.100.2:5060"
        )
    );
    // The proxy gives up before timer B does: what it tells the caller ends the wait.
    let behind_proxy = "
        0    a>p INVITE 1
        0.1  p>a 100 INVITE 1
        0.1  p>b INVITE 1
        0.6  p>b INVITE 1
        1.6  p>b INVITE 1
        12   p>a 408 INVITE 1 to=p
        until 13";
    let finding = found("NO_RESPONSE", behind_proxy);
    assert_eq!(finding.blame, Blame::Hop("203.0.113.5:5060".into(), "198.51.100.2:5060".into()));
    assert!(finding.text.ends_with("it then told the caller 408"), "{}", finding.text);

    // One phone of two is gone.
    let fork = "
        0    a>p INVITE 1
        0.1  p>b INVITE 1
        0.1  p>c INVITE 1
        0.6  p>b INVITE 1
        1.6  p>b INVITE 1
        3    c>p 200 INVITE 1 to=c
        3.1  p>a 200 INVITE 1 to=c";
    assert_eq!(found("NO_RESPONSE", fork).severity, Severity::Warning);

    silent("NO_RESPONSE", GOOD);
    silent("NO_RESPONSE", &format!("{repeated}\n until 10"));
    silent("NO_RESPONSE", &format!("{repeated}\n 4 b>a 100 INVITE 1"));
    // ACK: an answer came, and was not captured.
    silent("NO_RESPONSE", &format!("{repeated}\n 4 a>b ACK 1 to=b"));
}

#[test]
fn trying_only() {
    let given_up = "
        0   a>b INVITE 1
        0.1 b>a 100 INVITE 1
        30  a>b CANCEL 1
        30.1 b>a 200 CANCEL 1
        30.2 b>a 487 INVITE 1 to=b";
    assert_eq!(found("TRYING_ONLY", given_up).proof, [1, 2, 3]);
    let behind_proxy = "
        0   a>p INVITE 1
        0.1 p>a 100 INVITE 1
        0.2 p>b INVITE 1
        0.3 b>p 100 INVITE 1";
    assert_eq!(found("TRYING_ONLY", behind_proxy).blame, Blame::Host("198.51.100.2:5060".into()));

    silent("TRYING_ONLY", GOOD);
    silent(
        "TRYING_ONLY",
        "
        0   a>b INVITE 1
        0.1 b>a 100 INVITE 1
        until 5",
    );
    silent(
        "TRYING_ONLY",
        "
        0   a>b INVITE 1
        0.1 b>a 100 INVITE 1
        3   a>b CANCEL 1
        3.1 b>a 487 INVITE 1 to=b",
    );
}

#[test]
fn downstream_503() {
    let direct = "
        0   a>b INVITE 1
        0.1 b>a 503 INVITE 1 to=b | Retry-After: 30
        0.2 a>b ACK 1 to=b";
    let finding = found("DOWNSTREAM_503", direct);
    assert!(finding.text.ends_with("to be asked again after 30 s"), "{}", finding.text);
    let passed_on = "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.2 b>p 503 INVITE 1 to=b
        0.3 p>a 503 INVITE 1 to=b";
    let finding = found("DOWNSTREAM_503", passed_on);
    assert_eq!((finding.blame, finding.proof), (Blame::Host("198.51.100.2:5060".into()), vec![2, 3]));

    silent("DOWNSTREAM_503", GOOD);
    // One way failed and the next one answered.
    silent(
        "DOWNSTREAM_503",
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.2 b>p 503 INVITE 1 to=b
        0.3 p>c INVITE 1
        0.4 c>p 200 INVITE 1 to=c
        0.5 p>a 200 INVITE 1 to=c",
    );
    // It says 503 because its own next hop is silent.
    silent(
        "DOWNSTREAM_503",
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        9   p>a 503 INVITE 1 to=p",
    );
}

#[test]
fn no_route_404() {
    let finding = found(
        "NO_ROUTE_404",
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.2 b>p 404 INVITE 1 to=b
        0.3 p>a 404 INVITE 1 to=b",
    );
    assert_eq!(finding.text, "198.51.100.2:5060 does not know 4930123: 404 As it went");
    assert_eq!((finding.blame, finding.proof), (Blame::Unknown, vec![2, 3]));
    let gateway = "
        0   a>b INVITE 1
        0.2 b>a 480 INVITE 1 to=b | Reason: Q.850;cause=1";
    assert!(found("NO_ROUTE_404", gateway).text.ends_with("(unallocated number)"));

    silent("NO_ROUTE_404", GOOD);
    silent(
        "NO_ROUTE_404",
        "
        0   a>b INVITE 1
        0.2 b>a 480 INVITE 1 to=b | Reason: Q.850;cause=19",
    );
}

#[test]
fn bad_format_484() {
    found("BAD_FORMAT_484", "0 a>b INVITE 1\n 0.2 b>a 484 INVITE 1 to=b");
    found("BAD_FORMAT_484", "0 a>b INVITE 1\n 0.2 b>a 500 INVITE 1 to=b | Reason: Q.850;cause=28");
    silent("BAD_FORMAT_484", GOOD);
    // Overlap dialling that came to its end.
    silent(
        "BAD_FORMAT_484",
        "
        0   a>b INVITE 1
        0.2 b>a 484 INVITE 1 to=b
        1   a>b INVITE 2
        1.2 b>a 200 INVITE 2 to=c",
    );
}

#[test]
fn loop_482_483() {
    let round = "
        0   a>p INVITE 1
        0.1 p>q INVITE 1 branch=1
        0.2 q>p INVITE 1 branch=2
        0.3 p>q INVITE 1 branch=3
        0.4 q>p INVITE 1 branch=4
        0.5 p>q INVITE 1 branch=5
        0.6 p>a 483 INVITE 1 to=p";
    let finding = found("LOOP_482_483", round);
    assert_eq!(finding.blame, Blame::Hop("203.0.113.5:5060".into(), "203.0.113.6:5060".into()));
    assert_eq!(found("LOOP_482_483", "0 a>b INVITE 1\n 0.1 b>a 482 INVITE 1 to=b").blame, Blame::Unknown);
    silent("LOOP_482_483", GOOD);
    silent("LOOP_482_483", "0 a>b INVITE 1\n 0.1 b>a 486 INVITE 1 to=b");
}

#[test]
fn fork_race() {
    let two = "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.1 p>c INVITE 1
        3   b>p 200 INVITE 1 to=b
        3   c>p 200 INVITE 1 to=c
        3.1 p>a 200 INVITE 1 to=b
        3.1 p>a 200 INVITE 1 to=c";
    assert_eq!(found("FORK_RACE", two).severity, Severity::Warning);
    let ended = format!("{two}\n 3.2 a>p BYE 2 to=c");
    assert_eq!(found("FORK_RACE", &ended).severity, Severity::Info);
    let crossed = "
        0   a>b INVITE 1
        0.1 b>a 180 INVITE 1 to=b
        5   a>b CANCEL 1
        5.1 b>a 200 INVITE 1 to=b
        5.2 a>b ACK 1 to=b
        5.3 a>b BYE 2 to=b";
    assert_eq!(found("FORK_RACE", crossed).proof, [3, 4, 6]);

    silent("FORK_RACE", GOOD);
    silent(
        "FORK_RACE",
        "
        0   a>b INVITE 1
        1   b>a 200 INVITE 1 to=b
        1.5 b>a 200 INVITE 1 to=b
        1.6 a>b ACK 1 to=b",
    );
}

#[test]
fn cancel_lost() {
    let unanswered = "
        0   a>b INVITE 1
        0.1 b>a 180 INVITE 1 to=b
        5   a>b CANCEL 1
        5.5 a>b CANCEL 1";
    let finding = found("CANCEL_LOST", unanswered);
    assert_eq!(finding.proof, [3, 4]);
    let confirmed = format!("{unanswered}\n 5.6 b>a 200 CANCEL 1");
    assert_eq!(found("CANCEL_LOST", &confirmed).blame, Blame::Host("198.51.100.2:5060".into()));
    silent("CANCEL_LOST", GOOD);
    silent("CANCEL_LOST", &format!("{confirmed}\n 5.7 b>a 487 INVITE 1 to=b"));
    silent("CANCEL_LOST", &format!("{unanswered}\n until 10"));
    // The replies of this hop are not captured at all.
    silent(
        "CANCEL_LOST",
        "
        0   a>b INVITE 1
        5   a>b CANCEL 1
        5.5 a>b CANCEL 1",
    );
}

#[test]
fn abandoned() {
    let given_up = "
        0   a>b INVITE 1
        0.1 b>a 180 INVITE 1 to=b
        7.4 a>b CANCEL 1
        7.5 b>a 200 CANCEL 1
        7.6 b>a 487 INVITE 1 to=b";
    let finding = found("ABANDONED", given_up);
    assert_eq!(finding.text, "the caller gave up after 7.3 s of ringing");
    assert_eq!(
        (finding.severity, finding.blame, finding.proof),
        (Severity::Info, Blame::Caller, vec![1, 2, 3])
    );
    let early = "0 a>b INVITE 1\n 0.1 b>a 100 INVITE 1\n 4 a>b CANCEL 1\n 4.1 b>a 487 INVITE 1 to=b";
    assert!(found("ABANDONED", early).text.ends_with("before it rang"));
    silent("ABANDONED", GOOD);
    // A proxy ends the phones that lost.
    silent(
        "ABANDONED",
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.1 p>c INVITE 1
        3   b>p 200 INVITE 1 to=b
        3.1 p>a 200 INVITE 1 to=b
        3.1 p>c CANCEL 1
        3.2 c>p 487 INVITE 1 to=c",
    );
}

#[test]
fn ring_timeout() {
    let timer = "
        0    a>b INVITE 1
        0.5  b>a 180 INVITE 1 to=b
        30.5 b>a 480 INVITE 1 to=b";
    assert_eq!(found("RING_TIMEOUT", timer).blame, Blame::Host("198.51.100.2:5060".into()));
    let patience = "
        0    a>b INVITE 1
        0.5  b>a 180 INVITE 1 to=b
        36.2 b>a 480 INVITE 1 to=b";
    assert_eq!(found("RING_TIMEOUT", patience).blame, Blame::Unknown);
    silent("RING_TIMEOUT", GOOD);
    silent("RING_TIMEOUT", "0 a>b INVITE 1\n 0.5 b>a 180 INVITE 1 to=b\n 2 b>a 480 INVITE 1 to=b");
    silent("RING_TIMEOUT", "0 a>b INVITE 1\n 30 b>a 480 INVITE 1 to=b");
}

#[test]
fn redirect_unfollowed() {
    let redirected = "
        0   a>b INVITE 1
        0.1 b>a 302 INVITE 1 to=b | Contact: <sip:49@198.51.100.3>
        0.2 a>b ACK 1 to=b";
    let finding = found("REDIRECT_UNFOLLOWED", redirected);
    assert_eq!((finding.blame, finding.proof), (Blame::Host("192.0.2.1:5060".into()), vec![1, 2]));
    found(
        "REDIRECT_UNFOLLOWED",
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.2 b>p 301 INVITE 1 to=b | Contact: <sip:49@198.51.100.3>
        0.3 p>a 301 INVITE 1 to=b | Contact: <sip:49@198.51.100.3>",
    );
    silent("REDIRECT_UNFOLLOWED", GOOD);
    silent("REDIRECT_UNFOLLOWED", &format!("{redirected}\n 0.3 a>c INVITE 2"));
    silent("REDIRECT_UNFOLLOWED", &format!("{redirected}\n until 3"));
}
