//! Times and counts by the names of RFC 6076.

use calls::{Side, State};

use crate::scenario::session;

const SECOND: i64 = 1_000_000;

#[test]
fn a_call_through_a_proxy_with_credentials() {
    let facts = session("
        0     a>p INVITE 1 sdp=PCMA,PCMU,telephone-event
        0.1   p>a 407 INVITE 1 to=p
        0.2   a>p ACK 1 to=p
        1     a>p INVITE 2 sdp=PCMA,PCMU,telephone-event | History-Info: <sip:1@x>;index=1, <sip:2@x>;index=1.1
        1.5   p>a 100 INVITE 2
        1.6   p>b INVITE 2 sdp=PCMA,PCMU,telephone-event
        1.7   b>p 100 INVITE 2
        2     b>p 180 INVITE 2 to=b
        3     p>a 180 INVITE 2 to=b
        7     b>p 200 INVITE 2 to=b sdp=PCMU
        8     p>a 200 INVITE 2 to=b sdp=PCMU
        8.5   p>a 200 INVITE 2 to=b sdp=PCMU
        8.6   a>p ACK 2 to=b
        18    b>p BYE 1 from=b to=a | Reason: SIP;cause=200;text=\"enough\"
        18.5  p>b 200 BYE 1");
    assert_eq!((facts.state, facts.status), (State::Ended, Some(200)));
    assert_eq!((facts.attempts, facts.challenges, facts.retransmissions, facts.forks), (1, 1, 1, 1));
    assert_eq!(facts.trying, Some(SECOND / 2));
    assert_eq!(facts.request_delay, Some(2 * SECOND), "from the attempt with credentials to 180");
    assert_eq!(facts.ring, Some(5 * SECOND));
    assert_eq!(facts.duration, Some(11 * SECOND), "from the first 200 that was seen");
    assert_eq!(facts.disconnect_delay, Some(SECOND / 2));
    let ended_by = facts.ended_by.expect("a BYE");
    assert_eq!((ended_by.side, ended_by.reason.as_deref()), (Side::Callee, Some("SIP 200 \"enough\"")));
    assert_eq!(
        (facts.codecs_offered, facts.codecs_agreed),
        (vec!["PCMA".into(), "PCMU".into()], vec!["PCMU".into()])
    );
    assert_eq!(facts.redirections, ["sip:1@x", "sip:2@x"]);
}

#[test]
fn what_was_not_seen_has_no_number() {
    let facts = session("5 b>a BYE 1 from=b to=a");
    assert_eq!(
        (facts.duration, facts.ring, facts.request_delay, facts.disconnect_delay),
        (None, None, None, None)
    );
    assert_eq!((facts.attempts, facts.forks), (0, 0));
    assert_eq!(facts.ended_by.map(|by| by.side), Some(Side::Unknown));
}

#[test]
fn forks_and_failures() {
    let facts = session(
        "
        0   a>p INVITE 1
        0.1 p>b INVITE 1
        0.1 p>c INVITE 1
        1   b>p 180 INVITE 1 to=b
        2   c>p 180 INVITE 1 to=c
        2.1 p>a 180 INVITE 1 to=b
        9   p>a 486 INVITE 1 to=c",
    );
    assert_eq!((facts.forks, facts.state, facts.status), (2, State::Failed, Some(486)));
    assert_eq!(facts.request_delay, Some(2_100_000));
}
