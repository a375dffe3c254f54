//! What was not captured is said, and nobody is blamed for it.

use calls::Blame;

use crate::scenario::{findings, found, silent};

#[test]
fn capture_gap() {
    // Only one way: the answer is proved by its ACK.
    let one_way = "
        0   a>b INVITE 1 sdp=PCMA
        0.5 a>b INVITE 1 sdp=PCMA
        1.5 a>b INVITE 1 sdp=PCMA
        5   a>b ACK 1 to=b
        60  a>b BYE 2 to=b";
    let finding = found("CAPTURE_GAP", one_way);
    assert_eq!(finding.blame, Blame::Unknown);
    assert!(finding.text.contains("replies from 198.51.100.2:5060"), "{}", finding.text);
    let ids: Vec<_> = findings(one_way).iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["WHO_HUNG_UP", "CAPTURE_GAP"], "nothing else is claimed");

    let replies_only = "0 b>a 180 INVITE 1 to=b\n 5 b>a 200 INVITE 1 to=b";
    assert!(found("CAPTURE_GAP", replies_only).text.starts_with("the INVITE from 192.0.2.1:5060"));
    let late = "0 a>b INVITE 5 to=b\n 0.1 b>a 200 INVITE 5\n 9 a>b BYE 6 to=b\n 9.1 b>a 200 BYE 6";
    assert!(found("CAPTURE_GAP", late).text.starts_with("the call began before"));

    silent(
        "CAPTURE_GAP",
        "
        0    a>b INVITE 1
        5    b>a 200 INVITE 1 to=b
        5.1  a>b ACK 1 to=b
        60   b>a BYE 1 from=b to=a
        60.1 a>b 200 BYE 1",
    );
    // Nobody has answered: that is no gap.
    silent("CAPTURE_GAP", "0 a>b INVITE 1\n 0.5 a>b INVITE 1\n 1.5 a>b INVITE 1");
    silent("CAPTURE_GAP", "0 a>p REGISTER 1\n 0.1 p>a 200 REGISTER 1 to=p");
}
