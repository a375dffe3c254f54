//! Which sightings are of one message: capture points, repetitions, real recordings.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use model::Micros;
use proptest::prelude::*;
use protocols::Corrections;
use protocols::sighting::Seen::{Again, First, Witness};
use protocols::sighting::{self, Recent, Seen, Sightings, WITNESS_TIME_MAX};

use crate::recordings::{datagrams, recording};
use crate::{decode_all, encoded, outgoing};

type Hasher = BuildHasherDefault<DefaultHasher>;

const MILLISECOND: i64 = 1_000;

/// Sightings of one message as (milliseconds, capture point, bytes).
fn seen(sightings: &[(i64, u64, u64)]) -> Vec<Seen<usize>> {
    let mut so_far = Sightings::new(WITNESS_TIME_MAX);
    let sightings = sightings.iter().enumerate();
    sightings
        .map(|(id, (at, point, bytes))| so_far.see("message", *point, *bytes, Micros(at * MILLISECOND), id))
        .collect()
}

#[test]
fn another_capture_point_is_a_witness_whatever_its_bytes() {
    assert_eq!(seen(&[(0, 1, 7), (1, 2, 8), (400, 3, 7)]), [First, Witness(0), Witness(0)]);
}

#[test]
fn the_same_capture_point_later_is_a_repetition() {
    assert_eq!(seen(&[(0, 1, 7), (500, 1, 7), (1_500, 1, 7)]), [First, Again(0), Again(0)]);
}

#[test]
fn the_same_capture_point_at_once_wrote_it_down_twice() {
    assert_eq!(seen(&[(0, 1, 7), (0, 1, 7), (49, 1, 7)]), [First, Witness(0), Witness(0)]);
}

#[test]
fn other_contents_from_the_same_capture_point_are_a_message_of_their_own() {
    assert_eq!(seen(&[(0, 1, 7), (0, 1, 8), (500, 1, 8)]), [First, First, Again(1)]);
}

#[test]
fn every_sending_has_its_own_witnesses() {
    let both = [(0, 1, 7), (1, 2, 8), (500, 1, 7), (501, 2, 8)];
    assert_eq!(seen(&both), [First, Witness(0), Again(0), Witness(2)]);
    // The second capture point's clock is late by most of T1.
    let late = [(0, 1, 7), (400, 2, 8), (500, 1, 7), (900, 2, 8)];
    assert_eq!(seen(&late), [First, Witness(0), Again(0), Witness(2)]);
    // It missed the first sending.
    assert_eq!(seen(&[(0, 1, 7), (500, 1, 7), (501, 2, 8)]), [First, Again(0), Witness(1)]);
    // The first one missed the second.
    assert_eq!(seen(&[(0, 1, 7), (1, 2, 8), (500, 2, 8)]), [First, Witness(0), Again(0)]);
}

#[test]
fn the_same_message_much_later_is_a_new_try() {
    assert_eq!(seen(&[(0, 1, 7), (60_000, 1, 7), (60_500, 1, 7)]), [First, First, Again(1)]);
    assert_eq!(seen(&[(0, 1, 7), (2_001, 2, 7)]), [First, First], "clocks that far apart say nothing");
}

proptest! {
    #[test]
    fn sendings_are_counted_however_many_watch(
        sendings in 1_usize..7,
        offsets in proptest::collection::vec(-100_000_i64..100_000, 1..5),
        trip in 0_i64..5_000,
    ) {
        // RFC 3261 17.1.1.2: T1, then doubled each time.
        let times = (0..sendings).scan((0, 500_000), |(at, wait), _| {
            let now = *at;
            (*at, *wait) = (now + *wait, *wait * 2);
            Some(now)
        });
        let mut sightings: Vec<(i64, u64)> = times
            .flat_map(|at| (0_u64..).zip(&offsets).map(move |(point, offset)| (at + offset + trip, point)))
            .collect();
        sightings.sort_unstable();
        let mut so_far = Sightings::new(WITNESS_TIME_MAX);
        let seen: Vec<Seen<usize>> = sightings
            .iter()
            .enumerate()
            .map(|(id, (at, point))| so_far.see((), *point, *point, Micros(*at), id))
            .collect();
        prop_assert_eq!(seen.iter().filter(|seen| **seen == First).count(), 1);
        prop_assert_eq!(seen.iter().filter(|seen| matches!(seen, Again(_))).count(), sendings - 1);
        let witnessed = seen.iter().filter_map(|seen| if let Witness(of) = seen { Some(*of) } else { None });
        prop_assert_eq!(witnessed.filter(|of| matches!(seen[*of], Witness(_))).count(), 0);
    }

    #[test]
    fn what_is_dropped_is_bounded_and_never_a_repetition(
        steps in proptest::collection::vec((0_u64..50, 0_u64..3, 0_i64..60), 1..400),
        max in 1_usize..40,
    ) {
        let mut recent = Recent::new(max);
        let mut now = 0;
        let mut kept: BTreeMap<u64, Vec<(u64, i64)>> = BTreeMap::new();
        for (message, point, wait) in steps {
            now += wait * MILLISECOND;
            let kept = kept.entry(message).or_default();
            if recent.is_duplicate(message, point, 0, Micros(now)) {
                let near = kept.iter().any(|(_, at)| now - at <= sighting::DUPLICATE_TIME_MAX);
                prop_assert!(near, "dropped without a sighting that was kept");
            } else {
                kept.push((point, now));
            }
        }
    }
}

#[test]
fn a_copy_within_moments_is_dropped_and_a_repetition_is_not() {
    let mut recent = Recent::new(1_000);
    let mut at = |milliseconds, point| recent.is_duplicate(1, point, 7, Micros(milliseconds * MILLISECOND));
    assert!(!at(0, 1), "the first");
    assert!(at(1, 2), "another capture point");
    assert!(at(2, 1), "written down twice");
    assert!(!at(500, 1), "sent again");
    assert!(at(501, 2), "and seen again by the other one");
    assert!(!at(1_500, 2), "which may be the first to tell");
    assert!(at(1_501, 1));
}

/// The SIP messages of a recording: time, identity and a fingerprint of the bytes.
fn sightings(name: &str) -> Option<Vec<(i64, u64, u64)>> {
    let path = recording(name)?;
    let hasher = Hasher::default();
    let datagrams = datagrams(&path);
    let packets: Vec<_> = datagrams.iter().flat_map(|datagram| decode_all(datagram)).collect();
    let found = packets.iter().filter_map(|packet| {
        let at = Micros::from_parts(packet.seconds?, packet.micros?);
        let message = sighting::fingerprint(packet, Corrections::default(), &hasher)?;
        Some((at.0, message, hasher.hash_one(&packet.payload)))
    });
    Some(found.collect())
}

/// How many messages, repetitions and further sightings there are, each recording being one capture point.
fn counts(recordings: &[&[(i64, u64, u64)]]) -> (usize, usize, usize) {
    let mut all: Vec<(i64, u64, u64, u64)> = (0_u64..)
        .zip(recordings)
        .flat_map(|(point, sightings)| {
            sightings.iter().map(move |(at, message, bytes)| (*at, *message, *bytes, point))
        })
        .collect();
    all.sort_by_key(|(at, ..)| *at);
    let mut so_far = Sightings::new(WITNESS_TIME_MAX);
    let mut counts = (0, 0, 0);
    for (id, (at, message, bytes, point)) in all.into_iter().enumerate() {
        match so_far.see(message, point, bytes, Micros(at), id) {
            First => counts.0 += 1,
            Again(_) => counts.1 += 1,
            Witness(_) => counts.2 += 1,
        }
    }
    counts
}

#[test]
fn repetitions_in_a_recording_are_no_duplicates() {
    if let Some(traced) = sightings("kamailio-hep3-dialog-auth-hlog.pcap") {
        let (messages, again, witnesses) = counts(&[&traced]);
        assert_eq!((again, witnesses), (2, 0), "timers of SIP sent two messages again, 500 ms later");
        assert_eq!(messages, traced.len() - 2);
    }
    // Of the 284, one ACK was written down twice within 63 us, and eight messages were sent again.
    let traced = sightings("kamailio-hep3-udp.pcap").expect("a recording that travels");
    let (messages, again, witnesses) = counts(&[&traced]);
    assert_eq!((again, witnesses), (8, 1));
    assert_eq!(messages, traced.len() - 9);
}

/// Kamailio traced and sngrep captured the same calls at the same time.
#[test]
fn two_capture_points_of_the_same_calls_see_the_same_messages() {
    let traced = sightings("kamailio-hep3-udp.pcap").expect("a recording that travels");
    let sniffed = sightings("sngrep-hep3-udp.pcap").expect("a recording that travels");
    let alone = counts(&[&traced]);
    let both = counts(&[&traced, &sniffed]);
    // Before the server stands a TLS proxy: of seven messages sngrep saw another hop than Kamailio.
    assert_eq!((both.0, both.1), (alone.0 + 7, alone.1), "nothing else new, nothing lost");
    assert_eq!(both.2, alone.2 + sniffed.len() - 7);
}

#[test]
fn identity_is_of_sip_with_call_id_and_cseq_on_one_hop() {
    let identity = |packet: &hep::Outgoing<'_>| {
        let bytes = encoded(packet);
        let (packet, _) = hep::decode(&bytes, u32::MAX).expect("a packet");
        sighting::fingerprint(&packet, Corrections::default(), &Hasher::default())
    };
    let message = |via: &str, to: &str, more: &str| {
        format!(
            "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch={via}\r\nTo: <sip:b@b>;tag={to}\r\nCall-ID: c\r\nCSeq: 2 BYE\r\n{more}\r\n"
        )
    };
    let plain = message("z1", "t", "");
    let base = identity(&outgoing(1, plain.as_bytes()));
    assert!(base.is_some());
    assert_eq!(
        identity(&outgoing(1, message("z1", "t", "Max-Forwards: 69\r\n").as_bytes())),
        base,
        "other bytes"
    );
    let wrapped = format!("{{\"payload\": {}}}", serde_json::Value::from(plain.as_str()));
    assert_eq!(identity(&outgoing(1, wrapped.as_bytes())), base, "as OpenSIPS wraps it");
    let later =
        hep::Outgoing { seconds: 1, capture_id: 9, node: Some(b"n"), ..outgoing(1, plain.as_bytes()) };
    assert_eq!(identity(&later), base, "who saw it when does not matter");
    let over_tcp = |port: u16| {
        let src = std::net::SocketAddr::from(([10, 0, 0, 1], port));
        identity(&hep::Outgoing {
            ip_protocol: 6,
            src,
            ..outgoing(1, message("z9hG4bK1", "t", "").as_bytes())
        })
    };
    assert_eq!(over_tcp(5060), over_tcp(51_114), "agents name one end of a connection differently");
    let hop =
        hep::Outgoing { dst: "10.0.0.3:5060".parse().expect("an address"), ..outgoing(1, plain.as_bytes()) };
    for other in [
        identity(&hop),
        identity(&outgoing(1, message("z2", "t", "").as_bytes())),
        identity(&outgoing(1, message("z1", "u", "").as_bytes())),
        identity(&outgoing(1, plain.replace("BYE sip:a@b SIP/2.0", "SIP/2.0 200 OK").as_bytes())),
        identity(&outgoing(1, plain.replace("CSeq: 2", "CSeq: 3").as_bytes())),
    ] {
        assert!(other.is_some() && other != base);
    }
    for (hep_type, payload) in
        [(1, "BYE sip:a@b SIP/2.0\r\nCall-ID: c\r\n\r\n"), (1, "\r\n"), (100, plain.as_str())]
    {
        assert_eq!(identity(&outgoing(hep_type, payload.as_bytes())), None, "{payload}");
    }
}
