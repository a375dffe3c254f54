//! Every rule: what it changes, what it keeps, and that it changes nothing when it is off.

use std::borrow::Cow;

use hep::chunk::Chunk;
use model::{Micros, Record, Value};
use protocols::corrections::{self, ALL};
use protocols::{Arrival, Corrections, Protocols, unwrapped};
use serde_json::json;

use crate::{NOW, arrival, encoded, extra, folder, outgoing, text};

const OPTIONS: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: the-call\r\nCSeq: 1 OPTIONS\r\n\r\n";

fn with<T>(bytes: &[u8], corrections: Corrections, look: impl FnOnce(&Record<'_>) -> T) -> T {
    let (packet, _) = hep::decode(bytes, seconds()).expect("a packet");
    look(&Protocols::built_in().understand(&packet, &Arrival { corrections, ..arrival() }))
}

fn seconds() -> u32 {
    u32::try_from(NOW.seconds()).expect("in range")
}

/// The default, with one rule switched.
fn switched(name: &str, is_on: bool) -> Corrections {
    Corrections::default().with(corrections::find(name).expect("a rule"), is_on)
}

/// Looks at the row with the rule on, and makes sure that without it the row does not carry the flag.
fn on<T>(rule: &str, bytes: &[u8], look: impl FnOnce(&Record<'_>) -> T) -> T {
    with(bytes, switched(rule, false), |record| {
        assert!(!record.common.flags.contains(&rule), "{rule} is off");
    });
    with(bytes, switched(rule, true), |record| {
        assert!(record.common.flags.contains(&rule), "{rule}: {:?}", record.common.flags);
        look(record)
    })
}

#[test]
fn a_shifted_capture_id_is_shifted_back() {
    let shifted = encoded(&hep::Outgoing { capture_id: 2002 << 16, ..outgoing(1, OPTIONS) });
    on("shifted_capture_id", &shifted, |record| {
        assert_eq!(record.common.capture_id, Some(2002));
        assert_eq!(extra(record), json!({ "sent_capture_id": 131_203_072 }));
    });
    with(&shifted, switched("shifted_capture_id", false), |record| {
        assert_eq!((record.common.capture_id, record.extra.as_deref()), (Some(131_203_072), None));
    });
    for id in [0, 1, 2002, 65_535, 65_537, u32::MAX] {
        let bytes = encoded(&hep::Outgoing { capture_id: id, ..outgoing(1, OPTIONS) });
        with(&bytes, Corrections::default(), |record| {
            assert_eq!(record.common.capture_id, Some(id.into()));
            assert_eq!(record.common.flags, [""; 0], "{id}");
        });
    }
}

#[test]
fn sip_wrapped_in_json_fills_the_columns_of_sip() {
    let payload = br#"{"payload":"OPTIONS sip:\u00e9@b SIP/2.0\r\nCall-ID: the-call\r\nCSeq: 7 OPTIONS\r\nExpires: 5\r\n\r\n"}"#;
    let bytes = encoded(&outgoing(1, payload));
    on("json_wrapped_sip", &bytes, |record| {
        assert_eq!(record.table.name, "sip");
        assert_eq!(text(record, "call_id").as_deref(), Some("the-call"));
        assert_eq!(text(record, "method").as_deref(), Some("OPTIONS"));
        assert_eq!(text(record, "ruri_user").as_deref(), Some("é"));
        assert_eq!(record.value("cseq"), Value::Int(7));
        assert_eq!(extra(record), json!({ "expires": "5" }));
        assert_eq!(record.raw, payload, "the bytes stay");
        let shown = unwrapped(record.raw, &record.common.flags, seconds()).expect("unwrapped");
        assert!(shown.starts_with("OPTIONS sip:é@b SIP/2.0\r\n".as_bytes()));
    });
    with(&bytes, switched("json_wrapped_sip", false), |record| {
        assert_eq!(record.common.flags, ["not_sip"]);
        assert_eq!(unwrapped(record.raw, &record.common.flags, seconds()), None);
    });
    for other in
        [&br#"{"payload":"no message"}"#[..], br#"{"other":"OPTIONS sip:a@b SIP/2.0\r\n\r\n"}"#, b"{", b"{}"]
    {
        with(&encoded(&outgoing(1, other)), Corrections::default(), |record| {
            assert_eq!(record.common.flags, ["not_sip"], "{}", other.escape_ascii());
        });
    }
}

#[test]
fn zero_bytes_after_a_text_are_not_read() {
    let padded = [OPTIONS, &[0; 8]].concat();
    let mut bytes = Vec::new();
    outgoing(1, &padded).encode_v1(&mut bytes).expect("a small packet");
    on("trailing_nuls", &bytes, |record| {
        assert_eq!(record.raw, padded);
        assert_eq!(text(record, "call_id").as_deref(), Some("the-call"));
        assert_eq!(unwrapped(record.raw, &record.common.flags, seconds()), Some(Cow::Borrowed(OPTIONS)));
    });
    on("trailing_nuls", &encoded(&outgoing(100, b"a line\0")), |record| {
        assert_eq!(text(record, "text").as_deref(), Some("a line"));
        assert_eq!(record.raw, b"a line\0");
    });
}

#[test]
fn padding_without_a_message_is_no_message() {
    for length in [8, 32] {
        let nothing = vec![0; length];
        let mut bytes = Vec::new();
        outgoing(1, &nothing).encode_v2(&mut bytes).expect("a small packet");
        on("zero_payload", &bytes, |record| {
            assert_eq!(record.common.flags, ["zero_payload"]);
            assert_eq!(record.raw, nothing);
        });
        with(&bytes, switched("zero_payload", false), |record| {
            assert_eq!(record.common.flags, ["keep_alive"]);
        });
    }
}

#[test]
fn two_zero_addresses_are_unknown_and_kept() {
    for (src, dst) in [("[::]:5060", "[::]:5080"), ("0.0.0.0:5060", "0.0.0.0:5080")] {
        let packet = hep::Outgoing {
            src: src.parse().expect("an address"),
            dst: dst.parse().expect("an address"),
            ..outgoing(1, OPTIONS)
        };
        on("zero_addresses", &encoded(&packet), |record| {
            assert_eq!(record.common.src_ip.map(|ip| ip.is_unspecified()), Some(true));
            assert_eq!((record.common.src_port, record.common.dst_port), (Some(5060), Some(5080)));
        });
    }
    let one = hep::Outgoing { src: "0.0.0.0:5060".parse().expect("an address"), ..outgoing(1, OPTIONS) };
    with(&encoded(&one), Corrections::default(), |record| assert_eq!(record.common.flags, [""; 0]));
}

#[test]
fn a_big_endian_clock_is_read_unless_the_rule_is_off() {
    let mut bytes = Vec::new();
    outgoing(1, OPTIONS).encode_v2(&mut bytes).expect("a small packet");
    let expected = with(&bytes, Corrections::default(), |record| record.common.ts);
    bytes[16..20].reverse();
    bytes[20..24].reverse();
    bytes[24..26].reverse();
    on("big_endian_clock", &bytes, |record| {
        assert_eq!((record.common.ts, record.common.capture_id), (expected, Some(2001)));
    });
    with(&bytes, switched("big_endian_clock", false), |record| {
        assert_eq!((record.common.ts, record.common.flags.as_slice()), (NOW, &["bad_time"][..]));
        assert_eq!(record.common.capture_id, Some(i64::from(2001_u16.swap_bytes())));
    });
}

#[test]
fn a_packet_inside_a_packet_is_shown_and_the_outer_row_stays() {
    let inner = encoded(&hep::Outgoing {
        src: "192.0.2.1:5062".parse().expect("an address"),
        dst: "[2001:db8::1]:5063".parse().expect("an address"),
        node: Some(b"edge"),
        capture_id: 5 << 16,
        ..outgoing(1, OPTIONS)
    });
    let bytes = encoded(&outgoing(1, &inner));
    on("hep_in_hep", &bytes, |record| {
        assert_eq!(record.table.name, "sip");
        assert_eq!(record.common.flags, ["hep_in_hep"]);
        assert_eq!(text(record, "src_ip").as_deref(), Some("10.0.0.1"));
        assert_eq!((record.common.hep_type, record.common.capture_id), (1, Some(2001)));
        assert_eq!(text(record, "call_id").as_deref(), Some("the-call"));
        assert_eq!(record.value("method"), Value::Null, "the columns are the outer packet's");
        assert_eq!(record.raw, inner);
        let mut extra = extra(record);
        let inside = extra["inner"].as_object_mut().expect("an object");
        assert_eq!(inside.remove("ts"), Some(Micros(NOW.0 - 60_000_000 + 250).to_string().into()));
        assert_eq!(
            extra,
            json!({ "inner": {
                "hep_version": 3, "hep_type": 1, "transport": "udp", "src_ip": "192.0.2.1", "src_port": 5062,
                "dst_ip": "2001:db8::1", "dst_port": 5063, "capture_id": 5, "node": "edge", "call_id": "the-call",
                "flags": ["shifted_capture_id", "mixed_families"], "packets": 1,
            } })
        );
        assert_eq!(unwrapped(record.raw, &record.common.flags, seconds()), Some(Cow::Borrowed(OPTIONS)));
    });
    with(&bytes, switched("hep_in_hep", false), |record| {
        assert_eq!((record.extra.as_deref(), record.raw), (None, &*inner));
    });
}

#[test]
fn packets_nested_deeper_are_opened_once() {
    let mut bytes = encoded(&outgoing(1, OPTIONS));
    for _ in 0..50 {
        bytes = encoded(&outgoing(1, &bytes));
    }
    with(&bytes, Corrections::default(), |record| {
        let inner = &extra(record)["inner"];
        assert_eq!((&inner["src_ip"], &inner["inner"]), (&json!("10.0.0.1"), &json!(null)));
    });
}

#[test]
fn a_channel_name_joins_no_call() {
    let packet = hep::Outgoing { correlation_id: Some(b"PJSIP/alice-00000012"), ..outgoing(5, b"{}") };
    let bytes = encoded(&packet);
    on("channel_name", &bytes, |record| {
        assert_eq!(text(record, "call_id"), None);
        assert_eq!(text(record, "correlation_id").as_deref(), Some("PJSIP/alice-00000012"));
    });
    with(&bytes, switched("channel_name", false), |record| {
        assert_eq!(text(record, "call_id").as_deref(), Some("PJSIP/alice-00000012"));
    });
}

/// Vector F of the field notes: hep-js given the key names it no longer knows.
#[test]
fn what_hep_js_leaves_zero_is_found_elsewhere() {
    let lost = |payload: &'static [u8]| {
        let mut bytes =
            encoded(&hep::Outgoing { seconds: 0, micros: 0, hep_type: 0, ..outgoing(0, payload) });
        let family =
            bytes.windows(8).position(|chunk| chunk.starts_with(&[0, 0, 0, 1, 0, 7])).expect("a chunk");
        bytes[family + 6] = 0;
        bytes
    };
    on("legacy_keys", &lost(OPTIONS), |record| {
        assert_eq!((record.table.name, record.common.hep_type, record.common.ts), ("sip", 1, NOW));
        assert_eq!(text(record, "method").as_deref(), Some("OPTIONS"));
        assert_eq!(extra(record)["sent_type"], 0);
    });
    on("legacy_keys", &lost(b"hi"), |record| {
        assert_eq!((record.table.name, record.common.hep_type), ("other", 0));
        assert_eq!(record.raw, b"hi");
    });
}

#[test]
fn doubled_correlations_are_all_kept() {
    let more = [Chunk { vendor: 0, kind: 0x65, body: br#"{"sip":"1@a","sip":"ext-1@a"}"# }];
    let bytes = encoded(&hep::Outgoing { more: &more, ..outgoing(96, b"") });
    on("doubled_correlations", &bytes, |record| {
        assert_eq!(text(record, "call_id").as_deref(), Some("1@a"));
        assert_eq!(extra(record), json!({ "correlations": [["sip", "1@a"], ["sip", "ext-1@a"]] }));
    });
    with(&bytes, switched("doubled_correlations", false), |record| {
        assert_eq!(text(record, "call_id").as_deref(), Some("ext-1@a"));
    });
}

#[test]
fn milliseconds_become_microseconds_for_who_is_said_to_send_them() {
    let at = |micros| encoded(&hep::Outgoing { micros, ..outgoing(1, OPTIONS) });
    let second = (NOW.seconds() - 60) * Micros::SECOND;
    on("milliseconds", &at(126), |record| {
        assert_eq!(record.common.ts, Micros(second + 126_000));
        assert_eq!(extra(record), json!({ "sent_micros": 126 }));
    });
    for micros in [0, 1_000, 126_000] {
        with(&at(micros), switched("milliseconds", true), |record| {
            assert_eq!(record.common.ts, Micros(second + i64::from(micros)));
            assert_eq!(record.common.flags, [""; 0]);
        });
    }
    with(&at(126), Corrections::default(), |record| {
        assert_eq!((record.common.ts, record.common.flags.as_slice()), (Micros(second + 126), &[][..]));
    });
}

#[test]
fn swapped_ports_are_swapped_back_for_who_is_said_to_swap_them() {
    let packet = hep::Outgoing {
        src: "127.0.0.1:50195".parse().expect("an address"),
        dst: "10.0.0.1:50451".parse().expect("an address"),
        ..outgoing(100, b"x")
    };
    on("swapped_ports", &encoded(&packet), |record| {
        assert_eq!((record.common.src_port, record.common.dst_port), (Some(5060), Some(5061)));
        assert_eq!(extra(record), json!({ "sent_src_port": 50_195, "sent_dst_port": 50_451 }));
    });
    with(&encoded(&packet), Corrections::default(), |record| {
        assert_eq!(record.common.src_port, Some(50_195));
    });
}

#[test]
fn packets_speak_for_or_against_the_rules_that_are_off() {
    let evidence = |micros, src: &str, dst: &str| {
        let packet = hep::Outgoing {
            micros,
            src: src.parse().expect("an address"),
            dst: dst.parse().expect("an address"),
            ..outgoing(1, OPTIONS)
        };
        let bytes = encoded(&packet);
        let (packet, _) = hep::decode(&bytes, seconds()).expect("a packet");
        corrections::evidence(&packet).map(|(rule, speaks_for)| (rule.name, speaks_for)).collect::<Vec<_>>()
    };
    assert_eq!(evidence(126, "10.0.0.1:5060", "10.0.0.2:0"), [("milliseconds", true)]);
    assert_eq!(
        evidence(126_000, "10.0.0.1:5060", "10.0.0.2:5061"),
        [("milliseconds", false), ("swapped_ports", false)]
    );
    assert_eq!(evidence(0, "10.0.0.1:50195", "10.0.0.2:50451"), [("swapped_ports", true)]);
    assert_eq!(evidence(0, "10.0.0.1:50195", "10.0.0.2:5060"), [("swapped_ports", false)]);
}

#[test]
fn rules_are_distinct_documented_and_flags() {
    let table = std::fs::read_to_string(folder("../../docs/senders.md")).expect("docs/senders.md");
    for rule in ALL {
        assert_eq!(corrections::find(rule.name), Some(rule));
        assert!(!rule.doc.ends_with('.') && !rule.senders.is_empty(), "{}", rule.name);
        assert!(protocols::flags().iter().any(|(flag, _)| *flag == rule.name), "{}", rule.name);
        let line = table.lines().find(|line| line.starts_with(&format!("| `{}` |", rule.name)));
        let line = line.unwrap_or_else(|| panic!("{} is missing in docs/senders.md", rule.name));
        assert_eq!(line.contains("| on |"), rule.is_default, "{line}");
    }
    assert_eq!(corrections::find("none"), None);
    assert_eq!(ALL.iter().fold(Corrections::default(), |on, rule| on.with(rule, false)), Corrections::NONE);
}
