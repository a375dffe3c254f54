//! Rules about what session descriptions say of numbers, packets, encryption, ways, tones and fax.

use calls::{Blame, Severity};

use crate::scenario::{found, silent};

fn call(offer: &str, answer: &str) -> String {
    format!("0 a>b INVITE 1 {offer}\n 1 b>a 200 INVITE 1 to=b {answer}\n 1.1 a>b ACK 1 to=b\n")
}

#[test]
fn alg_rewrite() {
    let finding = found("ALG_REWRITE", &call("sdp=PCMA length=60", "sdp=PCMA"));
    assert_eq!(
        (finding.severity, finding.blame, finding.proof),
        (Severity::Warning, Blame::Unknown, vec![1])
    );
    assert_eq!(found("ALG_REWRITE", &call("sdp=PCMA", "sdp=PCMA length=70")).proof, [2]);
    silent("ALG_REWRITE", &call("sdp=PCMA", "sdp=PCMA"));
    // Cut by who captured it.
    silent("ALG_REWRITE", &call("sdp=PCMA length=900", "sdp=PCMA"));
    // On a stream the rest may be the next message.
    silent("ALG_REWRITE", &call("sdp=PCMA length=60 via=TCP", "sdp=PCMA"));
}

#[test]
fn pt_remap() {
    let finding =
        found("PT_REMAP", &call("sdp=opus/111,telephone-event/101", "sdp=opus/111,telephone-event/96"));
    assert_eq!((finding.severity, finding.blame, finding.proof), (Severity::Info, Blame::Nobody, vec![1, 2]));
    assert!(finding.text.ends_with("TELEPHONE-EVENT is 101 there and 96 here"), "{}", finding.text);
    found("PT_REMAP", &call("sdp=opus/111", "sdp=opus/96"));
    silent("PT_REMAP", &call("sdp=opus/111,telephone-event/101", "sdp=opus/111,telephone-event/101"));
    // Offered twice, with different parameters.
    silent("PT_REMAP", &call("sdp=H264/97,H264/98", "sdp=H264/98"));
    // Numbers with a fixed meaning.
    silent("PT_REMAP", &call("sdp=PCMA/8,PCMU/0", "sdp=PCMU/0"));
}

#[test]
fn ptime_mismatch() {
    let finding = found("PTIME_MISMATCH", &call("sdp=PCMA attr=maxptime:20", "sdp=PCMA attr=ptime:40"));
    assert_eq!(
        (finding.severity, finding.blame),
        (Severity::Warning, Blame::Host("198.51.100.2:5060".into()))
    );
    assert!(
        finding.text.contains("packets of 40 ms, but the other side takes 20 ms at most"),
        "{}",
        finding.text
    );
    let offer = found("PTIME_MISMATCH", &call("sdp=PCMA attr=ptime:60", "sdp=PCMA attr=maxptime:30"));
    assert_eq!(offer.blame, Blame::Host("192.0.2.1:5060".into()));
    silent("PTIME_MISMATCH", &call("sdp=PCMA attr=ptime:20", "sdp=PCMA attr=ptime:30"));
    silent("PTIME_MISMATCH", &call("sdp=PCMA attr=maxptime:150", "sdp=PCMA attr=ptime:20"));
    silent("PTIME_MISMATCH", &call("sdp=PCMA", "sdp=PCMA"));
}

const SDES: &str = "sdp=PCMA proto=RTP/SAVP attr=crypto:1~AES_CM_128_HMAC_SHA1_80~inline:x";
const DTLS: &str = "sdp=PCMA proto=UDP/TLS/RTP/SAVPF attr=fingerprint:sha-256~AA:BB attr=setup:actpass";

#[test]
fn srtp_mismatch() {
    let plain = found("SRTP_MISMATCH", &call(SDES, "sdp=PCMA"));
    assert_eq!((plain.severity, plain.blame), (Severity::Error, Blame::Host("198.51.100.2:5060".into())));
    assert!(plain.text.ends_with("RTP/SAVP was offered and RTP/AVP answered"), "{}", plain.text);
    let other = SDES.replace("crypto:1~AES_CM_128_HMAC_SHA1_80", "crypto:2~AES_256_CM_HMAC_SHA1_80");
    assert!(found("SRTP_MISMATCH", &call(SDES, &other)).text.contains("AES_256_CM_HMAC_SHA1_80 under tag 2"));
    let keyless = found("SRTP_MISMATCH", &call("sdp=PCMA proto=RTP/SAVP", SDES));
    assert_eq!(keyless.blame, Blame::Host("192.0.2.1:5060".into()));
    let active = DTLS.replace("actpass", "active");
    assert!(
        found("SRTP_MISMATCH", &call(&active, &active)).text.ends_with("both sides are active in a=setup")
    );
    let refused = format!("0 a>b INVITE 1 {SDES}\n 0.1 b>a 488 INVITE 1 to=b");
    assert_eq!(found("SRTP_MISMATCH", &refused).blame, Blame::Unknown);

    silent("SRTP_MISMATCH", &call("sdp=PCMA", "sdp=PCMA"));
    silent("SRTP_MISMATCH", &call(SDES, SDES));
    silent("SRTP_MISMATCH", &call(DTLS, &active));
    silent("SRTP_MISMATCH", "0 a>b INVITE 1 sdp=PCMA\n 0.1 b>a 488 INVITE 1 to=b");
    // Keys beside plain media are an offer that may be passed over.
    silent("SRTP_MISMATCH", &call(&SDES.replace("RTP/SAVP", "RTP/AVP"), "sdp=PCMA"));
}

const ICE: &str = "sdp=PCMA attr=ice-ufrag:x attr=ice-pwd:y";
const CANDIDATE: &str = "attr=candidate:1~1~UDP~1~192.0.2.1~4000~typ~host";

#[test]
fn ice_fail() {
    let mismatch = found("ICE_FAIL", &call(&format!("{ICE} {CANDIDATE}"), "sdp=PCMA attr=ice-mismatch"));
    assert_eq!((mismatch.severity, mismatch.blame), (Severity::Warning, Blame::Unknown));
    let empty = found("ICE_FAIL", &call(&format!("{ICE} {CANDIDATE}"), ICE));
    assert_eq!(empty.blame, Blame::Host("198.51.100.2:5060".into()));
    silent("ICE_FAIL", &call(&format!("{ICE} {CANDIDATE}"), &format!("{ICE} {CANDIDATE}")));
    silent("ICE_FAIL", &call(&format!("{ICE} attr=ice-options:trickle"), &format!("{ICE} {CANDIDATE}")));
    // The other side does without.
    silent("ICE_FAIL", &call(ICE, "sdp=PCMA"));
}

#[test]
fn dtmf_mismatch() {
    let pressed = "9 a>b INFO 2 to=b tone=5\n 9.1 b>a 415 INFO 2";
    let refused = format!("{}{pressed}", call("sdp=PCMA,telephone-event", "sdp=PCMA"));
    let finding = found("DTMF_MISMATCH", &refused);
    assert_eq!((finding.severity, finding.proof), (Severity::Warning, vec![1, 2, 4, 5]));
    assert!(finding.text.contains("since the answer has no telephone-event"), "{}", finding.text);
    let taken = format!("{}{}", call("sdp=PCMA", "sdp=PCMA"), pressed.replace("415", "200"));
    assert_eq!(found("DTMF_MISMATCH", &taken).severity, Severity::Info);
    let both = call("sdp=PCMA,telephone-event", "sdp=PCMA,telephone-event");
    silent("DTMF_MISMATCH", &format!("{both}{pressed}"));
    // An INFO about something else.
    silent(
        "DTMF_MISMATCH",
        &format!("{}9 a>b INFO 2 to=b\n 9.1 b>a 415 INFO 2", call("sdp=PCMA", "sdp=PCMA")),
    );
    silent("DTMF_MISMATCH", &call("sdp=PCMA", "sdp=PCMA"));
}

#[test]
fn fax_t38_fail() {
    let voice = call("sdp=PCMA", "sdp=PCMA");
    let refused = format!("{voice}9 b>a INVITE 1 from=b to=a sdp=t38\n 9.1 a>b 488 INVITE 1\n");
    let dropped = found("FAX_T38_FAIL", &format!("{refused}12 b>a BYE 2 from=b to=a"));
    assert_eq!((dropped.severity, dropped.proof), (Severity::Error, vec![4, 5, 6]));
    assert_eq!(found("FAX_T38_FAIL", &refused).severity, Severity::Warning);
    let fallback = format!("{refused}10 b>a INVITE 2 from=b to=a sdp=PCMA\n 10.1 a>b 200 INVITE 2 sdp=PCMA");
    assert_eq!(found("FAX_T38_FAIL", &fallback).severity, Severity::Info);
    found(
        "FAX_T38_FAIL",
        &format!("{voice}9 b>a INVITE 1 from=b to=a sdp=t38\n 9.1 a>b 200 INVITE 1 sdp=t38:0"),
    );

    silent(
        "FAX_T38_FAIL",
        &format!("{voice}9 b>a INVITE 1 from=b to=a sdp=t38\n 9.1 a>b 200 INVITE 1 sdp=t38"),
    );
    silent("FAX_T38_FAIL", &format!("{voice}9 b>a INVITE 1 from=b to=a sdp=G729\n 9.1 a>b 488 INVITE 1"));
    // Two changes crossed.
    silent("FAX_T38_FAIL", &format!("{voice}9 b>a INVITE 1 from=b to=a sdp=t38\n 9.1 a>b 491 INVITE 1"));
}

#[test]
fn transcode_chain() {
    let through = |near: &str, far: &str| {
        format!(
            "
            0   a>p INVITE 1 sdp=PCMA,G729
            0.1 p>b INVITE 1 sdp=PCMA,G729
            1   b>p 200 INVITE 1 to=b sdp={far}
            1.1 p>a 200 INVITE 1 to=b sdp={near}"
        )
    };
    let finding = found("TRANSCODE_CHAIN", &through("PCMA,telephone-event", "G729,telephone-event"));
    assert_eq!((finding.severity, finding.blame, finding.proof), (Severity::Info, Blame::Nobody, vec![3, 4]));
    assert!(
        finding.text.starts_with("203.0.113.5:5060 translates between PCMA and G729"),
        "{}",
        finding.text
    );
    found("TRANSCODE_CHAIN", &through("opus", "PCMA"));
    silent("TRANSCODE_CHAIN", &through("PCMA", "PCMA"));
    silent("TRANSCODE_CHAIN", &through("PCMA", "PCMA,G729"));
    // One leg only.
    silent("TRANSCODE_CHAIN", &call("sdp=PCMA", "sdp=PCMA"));
}
