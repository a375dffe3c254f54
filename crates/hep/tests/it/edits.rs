//! Packets that are sent on with other chunks.

use hep::chunk::{GENERIC, kind};
use hep::{Chunk, EditError, Edits, Outgoing, Version, edited};
use proptest::prelude::*;

use crate::support::{ARRIVAL, OPTIONS, outgoing};

fn chunks(frame: &[u8]) -> Vec<(u16, u16, Vec<u8>)> {
    let (packet, taken) = hep::decode(frame, ARRIVAL).unwrap();
    assert_eq!(taken, frame.len());
    packet.chunks().map(|chunk| (chunk.vendor, chunk.kind, chunk.body.to_vec())).collect()
}

fn generic(kind: u16, body: &[u8]) -> Chunk<'_> {
    Chunk { vendor: GENERIC, kind, body }
}

#[test]
fn chunks_are_set_in_place_deleted_and_added_and_all_others_stay() {
    let more =
        [Chunk { vendor: 3, kind: 0x20, body: b"theirs" }, Chunk { vendor: 3, kind: 0x21, body: b"odd" }];
    let mut frame = Vec::new();
    Outgoing {
        node: Some(b"edge"),
        vlan: Some(7),
        key: Some(b"old secret"),
        more: &more,
        payload: OPTIONS,
        ..outgoing()
    }
    .encode_v3(&mut frame)
    .unwrap();
    let set = [
        generic(kind::NODE, b"relay-1"),
        generic(kind::KEY, b"new"),
        Chunk { vendor: 3, kind: 0x20, body: b"" },
    ];
    let edits = Edits { delete: &[(GENERIC, kind::VLAN), (GENERIC, kind::MOS)], set: &set };
    let sent_on = edited(&frame, ARRIVAL, edits).unwrap();
    let mut expected = chunks(&frame);
    expected.retain(|(vendor, kind, _)| *vendor != GENERIC || ![kind::VLAN, kind::KEY].contains(kind));
    for (vendor, kind, body) in &mut expected {
        if (*vendor, *kind) == (GENERIC, kind::NODE) {
            *body = b"relay-1".to_vec();
        } else if (*vendor, *kind) == (3, 0x20) {
            body.clear();
        }
    }
    let payload = expected.pop().unwrap();
    expected.push((GENERIC, kind::KEY, b"new".to_vec()));
    expected.push(payload);
    assert_eq!(chunks(&sent_on), expected);
}

#[test]
fn older_versions_become_version_3_and_say_the_same() {
    let from = Outgoing { capture_id: 77, payload: OPTIONS, ..outgoing() };
    let (mut v1, mut v2) = (Vec::new(), Vec::new());
    from.encode_v1(&mut v1).unwrap();
    from.encode_v2(&mut v2).unwrap();
    for (frame, seconds, capture_id) in [(v1, ARRIVAL, 0), (v2, from.seconds, 77)] {
        let (before, _) = hep::decode(&frame, ARRIVAL).unwrap();
        let sent_on = edited(&frame, ARRIVAL, Edits::default()).unwrap();
        let (after, _) = hep::decode(&sent_on, ARRIVAL).unwrap();
        assert_eq!(after.version, Version::V3);
        assert_eq!((after.seconds, after.capture_id), (Some(seconds), Some(capture_id)));
        assert_eq!((after.src_ip, after.src_port), (before.src_ip, before.src_port));
        assert_eq!((after.dst_ip, after.dst_port), (before.dst_ip, before.dst_port));
        assert_eq!((after.hep_type, &after.payload), (before.hep_type, &before.payload));
        let set = [generic(kind::CAPTURE_ID, &[0, 0, 7, 210])];
        let sent_on = edited(&frame, ARRIVAL, Edits { set: &set, ..Edits::default() }).unwrap();
        assert_eq!(hep::decode(&sent_on, ARRIVAL).unwrap().0.capture_id, Some(2002));
    }
}

#[test]
fn what_is_too_long_or_no_packet_is_an_error() {
    let payload = vec![b'x'; 65_400];
    let mut frame = Vec::new();
    Outgoing { payload: &payload, ..outgoing() }.encode_v3(&mut frame).unwrap();
    let set = [generic(kind::NODE, &[b'n'; 200])];
    let edits = Edits { set: &set, ..Edits::default() };
    assert!(matches!(edited(&frame, ARRIVAL, edits), Err(EditError::Encode(_))));
    assert!(matches!(edited(b"hello", ARRIVAL, edits), Err(EditError::NotHep(_))));
}

proptest! {
    /// A broken packet too is sent on as it was understood.
    #[test]
    fn a_damaged_packet_says_afterwards_what_it_said_before(cut in 0..200_usize, flip in 6..60_usize, to in any::<u8>()) {
        let mut frame = Vec::new();
        Outgoing { node: Some(b"edge"), payload: OPTIONS, ..outgoing() }.encode_v3(&mut frame).unwrap();
        frame[flip] = to;
        frame.truncate(frame.len() - cut.min(frame.len() - 8));
        if let Ok((before, _)) = hep::decode(&frame, ARRIVAL) {
            let sent_on = match edited(&frame, ARRIVAL, Edits::default()) {
                Ok(sent_on) => sent_on,
                Err(error) => {
                    prop_assert_eq!(error, EditError::Empty);
                    prop_assert!(before.chunks().all(|chunk| chunk.is_key()));
                    return Ok(());
                }
            };
            let (after, _) = hep::decode(&sent_on, ARRIVAL).unwrap();
            prop_assert_eq!(after.payload, before.payload);
            prop_assert_eq!((after.src_ip, after.dst_ip, after.seconds), (before.src_ip, before.dst_ip, before.seconds));
            prop_assert_eq!((after.node, after.hep_type, after.key), (before.node, before.hep_type, None));
        }
    }
}
