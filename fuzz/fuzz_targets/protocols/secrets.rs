//! Secrets in frames that are about to be logged: gone, and nothing else with them.

use protocols::Redactions;
use serde_json::{Map, Value};

use crate::SECONDS;

const ALL: Redactions = Redactions { digest: true, srtp: true, message_bodies: true, dtmf: true };

/// A datagram; and as the payload of a connection event of OpenSIPS.
pub(crate) fn fuzz(input: &[u8]) {
    for (packet, frame) in hep::packets(input, SECONDS).flatten() {
        blank(&packet, frame, Redactions::default());
        blank(&packet, frame, ALL);
    }
    // Compressing takes far longer than all the rest, so not every time.
    for compress in [false, true].into_iter().take(if input.len() % 8 == 0 { 2 } else { 1 }) {
        let mut frame = Vec::new();
        hep::Outgoing {
            hep_type: 89,
            payload: input,
            key: Some(b"secret"),
            compress,
            ..hep::Outgoing::new("10.0.0.1:5060".parse().unwrap(), "10.0.0.2:5061".parse().unwrap())
        }
        .encode_v3(&mut frame)
        .expect("inputs are short");
        let Ok((packet, _)) = hep::decode(&frame, SECONDS) else { continue };
        blank(&packet, &frame, Redactions::default());
        blank(&packet, &frame, ALL);
    }
}

fn blank(packet: &hep::Packet<'_>, frame: &[u8], redactions: Redactions) {
    let mut logged = frame.to_vec();
    let Ok(another) = protocols::blank_secrets(packet, frame, &mut logged, redactions) else { return };
    assert_eq!(logged.len(), frame.len());
    if another.is_some() {
        assert!(protocols::may_need_another_frame(packet, redactions));
    }
    let logged = another.unwrap_or(logged);
    let (clean, consumed) = hep::decode(&logged, SECONDS).expect("still a packet");
    assert_eq!(consumed, logged.len());
    assert!(clean.key.is_none_or(|key| key.iter().all(|&byte| byte == 0)), "the HEP key");
    assert_eq!((clean.src_ip, clean.dst_ip, clean.hep_type), (packet.src_ip, packet.dst_ip, packet.hep_type));
    assert_eq!(clean.payload.len(), packet.payload.len());

    // As a reader of JSON sees it; a name written with escapes is no name OpenSIPS writes.
    let member = |payload: &[u8]| {
        let object = serde_json::from_slice::<Map<String, Value>>(payload).ok()?;
        object.get("master-key").and_then(Value::as_str).map(str::to_owned)
    };
    let names = packet.payload.windows(12).filter(|window| window == b"\"master-key\"").count();
    if packet.hep_type == Some(89) && names > 0 && member(&packet.payload).is_some() {
        let left = member(&clean.payload).unwrap_or_default();
        assert!(left.bytes().all(|byte| byte == b'*'), "{left:?}");
    }

    // What is blank stays as it is.
    let mut twice = logged.clone();
    let another = protocols::blank_secrets(&clean, &logged, &mut twice, redactions);
    assert_eq!((another, twice), (Ok(None), logged));
}
