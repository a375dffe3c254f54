//! Rules about session descriptions.

use calls::Blame;

use crate::scenario::{found, silent};

fn call(offer: &str, answer: &str) -> String {
    format!("0 a>b INVITE 1 {offer}\n 1 b>a 200 INVITE 1 to=b {answer}\n 1.1 a>b ACK 1 to=b")
}

#[test]
fn codec_mismatch() {
    let refused = "0 a>b INVITE 1 sdp=PCMA,G729\n 0.1 b>a 488 INVITE 1 to=b | Warning: 305 b \"codec\"";
    let finding = found("CODEC_MISMATCH", refused);
    assert!(finding.text.contains("(PCMA, G729)") && finding.text.contains("305"), "{}", finding.text);
    let finding = found("CODEC_MISMATCH", &call("sdp=PCMA,telephone-event", "sdp=G729,telephone-event"));
    assert_eq!((finding.blame, finding.proof), (Blame::Host("198.51.100.2:5060".into()), vec![1, 2]));
    silent("CODEC_MISMATCH", &call("sdp=PCMA,PCMU", "sdp=pcmu"));
    silent("CODEC_MISMATCH", &call("sdp=PCMA", ""));
    silent("CODEC_MISMATCH", "0 a>b INVITE 1 sdp=PCMA\n 0.1 b>a 486 INVITE 1 to=b");
}

#[test]
fn no_sdp_answer() {
    let finding = found("NO_SDP_ANSWER", &call("sdp=PCMA", ""));
    assert_eq!((finding.blame, finding.proof), (Blame::Host("198.51.100.2:5060".into()), vec![1, 2]));
    assert_eq!(found("NO_SDP_ANSWER", &call("", "sdp=PCMA")).blame, Blame::Host("192.0.2.1:5060".into()));
    silent("NO_SDP_ANSWER", &call("sdp=PCMA", "sdp=PCMA"));
    silent(
        "NO_SDP_ANSWER",
        "
        0   a>b INVITE 1 sdp=PCMA
        0.5 b>a 183 INVITE 1 to=b sdp=PCMA
        1   b>a 200 INVITE 1 to=b
        1.1 a>b ACK 1 to=b",
    );
    silent(
        "NO_SDP_ANSWER",
        "0 a>b INVITE 1\n 1 b>a 200 INVITE 1 to=b sdp=PCMA\n 1.1 a>b ACK 1 to=b sdp=PCMA",
    );
}

#[test]
fn sdp_private_ip() {
    let finding = found("SDP_PRIVATE_IP", &call("sdp=PCMA@10.0.0.9", "sdp=PCMA"));
    assert_eq!((finding.blame, finding.proof), (Blame::Unknown, vec![1]));
    assert_eq!(found("SDP_PRIVATE_IP", &call("sdp=PCMA", "sdp=PCMA@100.64.3.4")).proof, [2]);
    silent("SDP_PRIVATE_IP", &call("sdp=PCMA", "sdp=PCMA"));
    // A relay puts it right on the way.
    silent(
        "SDP_PRIVATE_IP",
        "
        0   a>p INVITE 1 sdp=PCMA@10.0.0.9
        0.1 p>b INVITE 1 sdp=PCMA@203.0.113.5",
    );
    // All of it inside one network.
    silent("SDP_PRIVATE_IP", "0 n>b INVITE 1 sdp=PCMA@10.0.0.9");
}
