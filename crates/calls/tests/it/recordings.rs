//! Calls of real programs: what is found in them is what happened in them.

use calls::{Call, Finding, Severity, State};
use testkit::recordings::{FIXTURES, recording};

use crate::captured::{Calls, LATER, add, fold, messages};

/// Further ones that are read where they are at hand.
const SHARED: &[&str] = &[
    "kamailio-hep3-load.pcap",
    "kamailio-hep3-dialog-auth-hlog.pcap",
    "kamailio-rtpproxy-hep3-udp.pcap",
    "asterisk-hep3-udp.pcap",
    "captagent-hep3-udp-compressed.pcap",
    "opensips-hep3-tcp.tcp-1.bin",
    "opensips-hep3-udp.pcap",
    "sipgrep-hep3-udp.pcap",
    "sofia-hep3-udp.pcap",
];

/// The calls of a recording, each message once.
pub(crate) fn calls(name: &str) -> Calls {
    let mut calls = Calls::new();
    let Some(recording) = recording(name).expect("a readable recording") else { return calls };
    let mut framer = hep::Framer::new();
    for piece in &recording.pieces {
        if recording.is_stream() {
            framer.push(piece, 0);
            while let Some(frame) = framer.next_frame() {
                if let Ok((packet, _)) = frame.and_then(|frame| hep::decode(frame, 0)) {
                    add(&mut calls, &packet);
                }
            }
        } else {
            hep::packets(piece, 0).flatten().for_each(|(packet, _)| drop(add(&mut calls, &packet)));
        }
    }
    fold(&mut calls);
    calls
}

/// Good calls have no findings but who hung up, and what the capture missed; others have what the caller was told.
#[test]
fn no_finding_without_a_cause() {
    let mut count = 0;
    let mut unexplained = Vec::new();
    for name in FIXTURES.iter().chain(SHARED) {
        for (call_id, seized) in calls(name) {
            let messages = messages(&seized);
            let call = Call::read(&messages, LATER);
            let session = call.session();
            count += 1;
            for finding in call.findings() {
                if !is_explained(&call_id, session.state, session.status, &finding) {
                    unexplained.push(format!(
                        "{name} {call_id} {:?} {:?}: {finding:?}",
                        session.state, session.status
                    ));
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "{count} calls\n{}", unexplained.join("\n"));
    assert!(count > 50, "{count} calls");
    println!("{count} recorded calls");
}

/// The calls of the recordings are named after what was done to them.
fn is_explained(call_id: &str, state: State, status: Option<i64>, finding: &Finding) -> bool {
    match finding.id {
        // A phone that is not there, and a phone without IPv4 called over it.
        "NO_RESPONSE" => status == Some(408) && (call_id.contains("-dead-") || call_id.contains("-long-")),
        "WHO_HUNG_UP" | "CAPTURE_GAP" => finding.severity == Severity::Info,
        "ABANDONED" => state == State::Cancelled,
        "NO_ROUTE_404" => status == Some(404),
        "DOWNSTREAM_503" => status == Some(503),
        _ => false,
    }
}
