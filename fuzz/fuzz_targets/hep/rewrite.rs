//! What changes frames: the change is there afterwards, and nothing else is.

use hep::{Packet, Version};

const ARRIVAL_SECONDS: u32 = 1_592_975_787;

pub(crate) fn fuzz(input: &[u8]) {
    let Ok((packet, consumed)) = hep::decode(input, ARRIVAL_SECONDS) else { return };
    let frame = &input[..consumed];
    replace(frame, &packet);
    edit(frame, &packet);
    retime(frame, &packet);
}

fn replace(frame: &[u8], packet: &Packet<'_>) {
    let Some(other) = hep::with_payload(frame, b"another payload") else { return };
    let (again, consumed) = hep::decode(&other, ARRIVAL_SECONDS).expect("a packet");
    assert_eq!((consumed, &*again.payload), (other.len(), &b"another payload"[..]));
    assert_same_ends(&again, packet);
}

fn edit(frame: &[u8], packet: &Packet<'_>) {
    let mut edited = frame.to_vec();
    let mut seen_bytes = 0;
    hep::edit_payloads(&mut edited, |_, body| {
        seen_bytes += body.len();
        body.fill(b'x');
    });
    assert!(seen_bytes <= frame.len());
    if packet.version != Version::V3 {
        assert_eq!(edited, frame, "no chunks");
        return;
    }
    // What is no stream of zlib any more is taken as it is.
    let (again, consumed) = hep::decode(&edited, ARRIVAL_SECONDS).expect("still a packet");
    assert_eq!(consumed, frame.len());
    assert_same_ends(&again, packet);
    assert!(again.payload.iter().all(|byte| *byte == b'x'));
}

fn retime(frame: &[u8], packet: &Packet<'_>) {
    let mut timed = frame.to_vec();
    if !hep::set_time(&mut timed, 1_700_000_000, 42) {
        assert_eq!(timed, frame, "refused is unchanged");
        return;
    }
    let (again, _) = hep::decode(&timed, ARRIVAL_SECONDS).expect("still a packet");
    assert_same_ends(&again, packet);
    // Where no chunk says the type, the payload does.
    assert_eq!((again.hep_type, &again.payload), (packet.hep_type, &packet.payload));
    // Where chunks are broken or the packet is full, there may be no place for the time.
    if packet.flags.is_empty() && frame.len() < 65_000 {
        assert_eq!((again.seconds, again.micros), (Some(1_700_000_000), Some(42)));
    }
}

fn assert_same_ends(one: &Packet<'_>, other: &Packet<'_>) {
    assert_eq!((one.src_ip, one.dst_ip), (other.src_ip, other.dst_ip));
    assert_eq!((one.src_port, one.dst_port), (other.src_port, other.dst_port));
    assert_eq!((one.key, one.node), (other.key, other.node));
    assert_eq!(one.correlation_id, other.correlation_id);
}
