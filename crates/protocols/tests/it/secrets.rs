//! No key reaches the disk, wherever it stands in a packet.

use hep::chunk::Chunk;
use proptest::prelude::*;
use protocols::{Redactions, blank_secrets};

use crate::{encoded, outgoing};

/// 48 bytes, as OpenSSL hands them out, with everything that could be taken for something else.
const KEY: &[u8] = b"k\x00\x01:y/=\xff\"\\{},EVENT:\r\n0123456789abcdefghijklmnop!";
const MARK: &[u8] = b"0123456789abcdefghijklmnop";

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// What is logged of this frame.
fn logged(frame: &[u8]) -> Vec<u8> {
    let (packet, _) = hep::decode(frame, u32::MAX).expect("a packet");
    let mut logged = frame.to_vec();
    let off = Redactions::default();
    let replaced = blank_secrets(&packet, frame, &mut logged, off).expect("small enough");
    replaced.unwrap_or(logged)
}

fn payload_of(frame: &[u8]) -> Vec<u8> {
    hep::decode(frame, u32::MAX).expect("a packet").0.payload.into_owned()
}

#[test]
fn the_fixture_is_what_it_says() {
    assert_eq!(KEY.len(), 48);
    assert!(has(KEY, MARK));
}

#[test]
fn a_master_key_in_json_is_blanked() {
    let payload =
        br#"{"Protocol":	"TLS", "master-key":	"0123456789abcdefghijklmnop\"\u0001", "Event": "ACCEPTED"}"#;
    let frame = encoded(&outgoing(89, payload));
    let logged = logged(&frame);
    assert_eq!(logged.len(), frame.len());
    assert!(!has(&logged, MARK));
    let json: serde_json::Value = serde_json::from_slice(&payload_of(&logged)).expect("still JSON");
    assert_eq!((&json["Event"], &json["master-key"]), (&"ACCEPTED".into(), &"*".repeat(34).into()));
    for broken in [
        &br#"{"master-key": "0123456789abcdefghijklmnop"#[..],
        br#"{"master-key": 0123456789abcdefghijklmnop, "x": 1}"#,
        br#" {"a":{"master-key":"x"},"master-key" : "0123456789abcdefghijklmnop\"#,
    ] {
        let frame = encoded(&outgoing(89, broken));
        assert!(!has(&self::logged(&frame), MARK), "{}", broken.escape_ascii());
    }
}

#[test]
fn a_master_key_between_separators_is_blanked() {
    let names = b"/C=US/CN=a:/C=US/O=Example:/CN=b:/CN=ca";
    for separator in [&b":"[..], b";", b" | "] {
        let names = names.split(|byte| *byte == b':').collect::<Vec<_>>().join(separator);
        let parts = [b"TLS", &names[..], KEY, b"ACCEPTED", b"SUCCESS", b"Connection accepted..."];
        let payload = parts.join(separator);
        let frame = encoded(&outgoing(89, &payload));
        let logged = payload_of(&logged(&frame));
        let stars = vec![b'*'; KEY.len()];
        let parts = [b"TLS", &names[..], &stars, b"ACCEPTED", b"SUCCESS", b"Connection accepted..."];
        assert_eq!(logged, parts.join(separator), "{}", logged.escape_ascii());
    }
}

#[test]
fn a_key_is_blanked_without_certificates_twice_and_in_stumps() {
    let twice = [
        b"TLS",
        KEY,
        b"CONNECT_START",
        b"SUCCESS",
        b"in progress",
        b"/CN=a",
        KEY,
        b"CONNECTED",
        b"FAILURE",
        b"x",
    ];
    let logged_twice = payload_of(&logged(&encoded(&outgoing(89, &twice.join(&b":"[..])))));
    assert!(
        !has(&logged_twice, MARK) && has(&logged_twice, b"in progress:/CN=a:*"),
        "{}",
        logged_twice.escape_ascii()
    );
    let stump = [&b"TLS"[..], b"/CN=a", KEY].join(&b":"[..]);
    assert!(!has(&logged(&encoded(&outgoing(89, &stump))), MARK));
}

#[test]
fn other_events_and_other_types_stay_exact() {
    let tcp = b"TCP:ACCEPTED:SUCCESS:Connection accepted...";
    let keyless = b"TLS:ACCEPTED:SUCCESS:Connection accepted...";
    let line = b"\"master-key\": \"0123456789abcdefghijklmnop\"";
    for (hep_type, payload) in [(89, &tcp[..]), (89, keyless), (100, line), (1, line)] {
        let frame = encoded(&outgoing(hep_type, payload));
        assert_eq!(logged(&frame), frame, "{}", payload.escape_ascii());
    }
}

#[test]
fn keys_inside_compressed_payloads_are_blanked() {
    let payload = [&b"TLS"[..], KEY, b"ACCEPTED", b"SUCCESS", b"x"].join(&b":"[..]);
    let compressed = zlib_stored(&payload);
    let more = [Chunk { vendor: 0, kind: 0x10, body: &compressed }];
    let frame = encoded(&hep::Outgoing { more: &more, ..outgoing(89, b"") });
    assert_eq!(payload_of(&frame), payload, "the decoder inflates it");
    let logged = logged(&frame);
    assert!(!has(&logged, MARK));
    assert!(payload_of(&logged).starts_with(b"TLS:***"));

    let harmless = zlib_stored(b"TCP:ACCEPTED:SUCCESS:x");
    let more = [Chunk { vendor: 0, kind: 0x10, body: &harmless }];
    let frame = encoded(&hep::Outgoing { more: &more, ..outgoing(89, b"") });
    assert_eq!(self::logged(&frame), frame);
}

#[test]
fn keys_of_packets_inside_packets_are_blanked() {
    let event = [&b"TLS"[..], KEY, b"ACCEPTED", b"SUCCESS", b"x"].join(&b":"[..]);
    let inner = encoded(&hep::Outgoing { key: Some(MARK), ..outgoing(89, &event) });
    let outer = encoded(&hep::Outgoing { key: Some(MARK), ..outgoing(1, &inner) });
    let mut first = Vec::new();
    outgoing(1, &inner).encode_v1(&mut first).expect("a small packet");
    for frame in [outer, first] {
        let logged = logged(&frame);
        assert!(!has(&logged, MARK));
        assert_eq!(logged.len(), frame.len());
        assert!(has(&logged, b":ACCEPTED:SUCCESS:x"));
    }
    let compressed = zlib_stored(&inner);
    let more = [Chunk { vendor: 0, kind: 0x10, body: &compressed }];
    let frame = encoded(&hep::Outgoing { more: &more, ..outgoing(1, b"") });
    assert!(!has(&logged(&frame), MARK));
}

#[test]
fn packets_nested_too_deep_are_blanked_as_deep_inside_a_compressed_payload() {
    let mut nested = encoded(&hep::Outgoing { key: Some(MARK), ..outgoing(1, b"x") });
    for _ in 0..6 {
        nested = encoded(&hep::Outgoing { key: Some(MARK), ..outgoing(1, &nested) });
        let compressed = zlib_stored(&nested);
        let more = [Chunk { vendor: 0, kind: 0x10, body: &compressed }];
        let once = logged(&encoded(&hep::Outgoing { more: &more, ..outgoing(1, b"") }));
        assert!(!has(&once, MARK));
        assert_eq!(logged(&once), once, "nothing is left for a second time");
    }
}

/// RFC 1950 and 1951 3.2.4: one stored block.
fn zlib_stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("short");
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    let mut stored = vec![0x78, 0x01, 0x01];
    stored.extend_from_slice(&length.to_le_bytes());
    stored.extend_from_slice(&(!length).to_le_bytes());
    stored.extend_from_slice(bytes);
    stored.extend_from_slice(&(b << 16 | a).to_be_bytes());
    stored
}

proptest! {
    #[test]
    fn whatever_comes_nothing_but_keys_changes_and_nothing_panics(
        hep_type in prop_oneof![Just(89_u16), any::<u16>()],
        payload in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "(TLS|WSS|TCP)?(:(/CN=a|ACCEPTED|SUCCESS|[a-z:/=]{0,9})){0,8}".prop_map(String::into_bytes),
            r#"\{?("master-key"|:|,|"|\\|[a-z ]){0,12}\}?"#.prop_map(String::into_bytes),
        ],
    ) {
        let frame = encoded(&outgoing(hep_type, &payload));
        let logged = logged(&frame);
        prop_assert_eq!(logged.len(), frame.len());
        if hep_type != 89 {
            prop_assert_eq!(logged, frame);
        }
    }
}
