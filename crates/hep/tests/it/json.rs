//! The JSON form of hep-js and HEPop: both spellings, everything a packet can say, and what is wrong.

use hep::chunk::kind;
use hep::json::{DEPTH_MAX, JsonError, JsonPacket, KEYS_MAX, decode, encode, items};
use hep::{Outgoing, Packet};
use serde_json::{Value, json};

use crate::support::{ARRIVAL, chunk, flags, hex, outgoing, raw, with};

/// The frame an object becomes.
fn frame(item: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    decode(item).unwrap().encode_v3(&mut frame).unwrap();
    frame
}

fn read(frame: &[u8]) -> Packet<'_> {
    let (packet, consumed) = hep::decode(frame, ARRIVAL).unwrap();
    assert_eq!(consumed, frame.len());
    packet
}

/// The JSON of a frame, checked by a strict reader.
fn written(frame: &[u8]) -> (String, Value) {
    let mut text = String::new();
    encode(&read(frame), &mut text);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (text, value)
}

fn found(body: &[u8]) -> Vec<Result<&str, JsonError>> {
    items(body).collect()
}

/// As in the article that asked for IPv6, its trailing comma included.
const NEW_SPELLING: &str = r#"{
  "rcinfo": {
    "protocolFamily": 2,
    "protocol": 6,
    "srcIp": "172.26.26.72",
    "dstIp": "172.26.21.185",
    "srcPort": 64831,
    "dstPort": 8060,
    "timeSeconds": 1592975786,
    "timeUseconds": 669278,
    "payloadType": 1,
    "captureId": 2001,
    "hepNodeName": "2001",
    "conversationId": "456852465",
    "organizationId": "3bac7742-243f-4af7-ba39-f4098b941eda",
  },
  "payload": "INVITE sip:BellUser2@172.26.21.185:8060;transport=tls SIP/2.0\r\n\r\n"
}"#;

#[test]
fn the_new_spelling() {
    let frame = frame(NEW_SPELLING);
    let packet = read(&frame);
    assert_eq!((packet.family, packet.ip_protocol, packet.hep_type), (Some(2), Some(6), Some(1)));
    assert_eq!((packet.src_ip, packet.src_port), ("172.26.26.72".parse().ok(), Some(64831)));
    assert_eq!((packet.dst_ip, packet.dst_port), ("172.26.21.185".parse().ok(), Some(8060)));
    assert_eq!((packet.seconds, packet.micros), (Some(1_592_975_786), Some(669_278)));
    assert_eq!((packet.capture_id, packet.node), (Some(2001), Some(&b"2001"[..])));
    assert!(packet.payload.ends_with(b"SIP/2.0\r\n\r\n"));
    let vendor: Vec<_> = packet.chunks().filter(|chunk| chunk.vendor == 8).collect();
    assert_eq!(vendor.iter().map(|chunk| chunk.kind).collect::<Vec<_>>(), [0x80, 0x81]);
    assert_eq!(vendor[0].body, b"456852465");
    assert_eq!(flags(&packet), [""; 0]);
    assert_eq!(decode(NEW_SPELLING).unwrap().unknown_keys, [""; 0]);
}

#[test]
fn the_old_spelling() {
    let item = r#"{"rcinfo": {"type": "HEP", "version": 3, "payload_type": "SIP", "captureId": "2001",
        "capturePass": "myHep", "ip_family": 2, "time_sec": 1433719443, "time_usec": 979, "protocol": 17,
        "proto_type": 1, "srcIp": "192.168.100.1", "dstIp": "192.168.1.23", "srcPort": 5060, "dstPort": "5061",
        "correlation_id": "abc@1", "mos": 420, "transactionType": "call"}, "payload": "ACK"}"#;
    let frame = frame(item);
    let packet = read(&frame);
    assert_eq!((packet.family, packet.ip_protocol, packet.hep_type), (Some(2), Some(17), Some(1)));
    assert_eq!((packet.seconds, packet.micros), (Some(1_433_719_443), Some(979)));
    assert_eq!((packet.capture_id, packet.dst_port, packet.mos), (Some(2001), Some(5061), Some(420)));
    assert_eq!(packet.key, Some(&b"myHep"[..]));
    assert_eq!(packet.correlation_id, Some(&b"abc@1"[..]));
    assert_eq!(packet.transaction_type, Some(&b"call"[..]));
    assert_eq!(decode(item).unwrap().unknown_keys, [""; 0], "decoration is known");
}

#[test]
fn a_payload_type_may_stand_alone_in_the_oldest_spelling() {
    let of = |item| read(&frame(item)).hep_type;
    assert_eq!(of(r#"{"rcinfo": {"payload_type": 100}}"#), Some(100));
    assert_eq!(of(r#"{"rcinfo": {"payload_type": "100"}}"#), Some(100));
    assert_eq!(of(r#"{"rcinfo": {"payload_type": "SIP"}, "payload": "OPTIONS sip:a SIP/2.0"}"#), Some(1));
}

#[test]
fn ipv6_and_types_above_255() {
    let frame = frame(
        r#"{"rcinfo": {"srcIp": "2001:db8::1", "dstIp": "fe80::1%eth0", "protocolFamily": 10, "payloadType": 1086}}"#,
    );
    let packet = read(&frame);
    assert_eq!((packet.src_ip, packet.dst_ip), ("2001:db8::1".parse().ok(), "fe80::1".parse().ok()));
    assert_eq!(packet.hep_type, Some(1086));
    let kinds: Vec<_> = packet.chunks().map(|chunk| (chunk.kind, chunk.body.len())).collect();
    assert!(kinds.contains(&(kind::TYPE, 2)) && kinds.contains(&(kind::SRC_IPV6, 16)), "{kinds:?}");
    let (_, json) = written(&frame);
    assert_eq!(json["rcinfo"]["srcIp"], "2001:db8::1");
    assert_eq!(json["rcinfo"]["payloadType"], 1086);
}

#[test]
fn what_is_missing_stays_missing() {
    let frame = frame(r#"{"rcinfo": {"srcIp": "", "srcPort": null}}"#);
    let packet = read(&frame);
    assert_eq!((packet.src_ip, packet.src_port, packet.seconds), (None, None, None));
    assert_eq!(flags(&packet), ["no_type", "no_address", "no_time"]);
    assert_eq!(written(&frame).0, r#"{"rcinfo":{},"payload":""}"#);
}

#[test]
fn payloads_that_are_no_text_are_kept_as_their_json() {
    for payload in [r#"{"a" : [1, 2.50, "\u00e9"]}"#, "[1]", "17", "true"] {
        let item = format!(r#"{{"rcinfo": {{}}, "payload": {payload}}}"#);
        assert_eq!(read(&frame(&item)).payload, payload.as_bytes());
    }
    for item in [r#"{"rcinfo": {}}"#, r#"{"rcinfo": {}, "payload": null}"#] {
        assert!(read(&frame(item)).payload.is_empty());
    }
}

#[test]
fn escapes() {
    let item =
        r#"{"rcinfo": {"hepNodeName": "a\"b\\c"}, "payload": "\u00e9\ud83d\ude00\ud800\/\b\f\n\r\t\u0000€"}"#;
    let frame = frame(item);
    let packet = read(&frame);
    assert_eq!(packet.node, Some(&br#"a"b\c"#[..]));
    assert_eq!(&*packet.payload, "é😀\u{fffd}/\u{8}\u{c}\n\r\t\0€".as_bytes());
    let (_, json) = written(&frame);
    assert_eq!(json["payload"], "é😀\u{fffd}/\u{8}\u{c}\n\r\t\0€");
    assert_eq!(json["rcinfo"]["hepNodeName"], r#"a"b\c"#);
}

#[test]
fn bytes_that_are_not_utf8_are_written_in_hexadecimal() {
    let frame = raw(&[
        chunk(0, kind::CORRELATION_ID, b"\xff\x01"),
        chunk(0, kind::NODE, b"edge"),
        chunk(7, 1, b"text"),
        chunk(0, kind::PAYLOAD, b"\x80\xc8\x00"),
    ]);
    let (text, json) = written(&frame);
    assert_eq!(json["rcinfo"]["hepNodeName"], "edge");
    assert_eq!(
        json["rcinfo"]["chunks"],
        json!([{"vendor": 0, "type": 17, "hex": "ff01"}, {"vendor": 7, "type": 1, "hex": "74657874"}])
    );
    assert_eq!((&json["payloadHex"], &json["payload"]), (&json!("80c800"), &Value::Null));
    let again = self::frame(&text);
    let packet = read(&again);
    assert_eq!(packet.correlation_id, Some(&b"\xff\x01"[..]));
    assert_eq!(&*packet.payload, b"\x80\xc8\x00");
    assert!(packet.chunks().any(|chunk| (chunk.vendor, chunk.kind, chunk.body) == (7, 1, b"text")));
}

#[test]
fn a_blanked_key_is_not_written_and_a_plain_one_is() {
    let mut frame = Vec::new();
    Outgoing { key: Some(b"myHep"), ..outgoing() }.encode_v3(&mut frame).unwrap();
    assert_eq!(written(&frame).1["rcinfo"]["capturePass"], "myHep");
    hep::blank_key(&mut frame);
    assert_eq!(written(&frame).1["rcinfo"]["capturePass"], Value::Null);
    let vendor = with(&[chunk(9, kind::KEY, b"secret")]);
    let mut blanked = vendor.clone();
    hep::blank_key(&mut blanked);
    assert!(written(&vendor).0.contains("736563726574"));
    assert_eq!(written(&blanked).1["rcinfo"]["chunks"], Value::Null);
}

#[test]
fn every_generic_chunk_comes_back() {
    let text = |kind, body: &[u8]| chunk(0, kind, body);
    let frame = with(&[
        chunk(0, kind::KEEP_ALIVE, &[0, 9]),
        chunk(0, kind::KEY, b"key"),
        text(kind::CORRELATION_ID, b"c"),
        chunk(0, kind::VLAN, &[0, 7]),
        text(kind::NODE, b"n"),
        chunk(0, kind::SRC_MAC, &hex("000102030405")),
        chunk(0, kind::DST_MAC, &hex("ff01020304050607")),
        chunk(0, kind::ETHERTYPE, &[8, 0]),
        chunk(0, kind::TCP_FLAGS, &[0x18]),
        chunk(0, kind::TOS, &[0x68]),
        chunk(0, kind::MOS, &[1, 0xa4]),
        chunk(0, kind::R_FACTOR, &[0, 93]),
        text(kind::GEO_LOCATION, b"here"),
        chunk(0, kind::JITTER, &[0, 0, 0, 3]),
        text(kind::TRANSACTION_TYPE, b"call"),
        text(kind::PAYLOAD_JSON_KEYS, b"k"),
        text(kind::TAG_VALUES, b"t"),
        chunk(0, kind::TAG_TYPE, &[0, 2]),
        chunk(0, kind::EVENT_TYPE, &[0, 1]),
        text(kind::GROUP_ID, b"g"),
        text(kind::EXTRA_CORRELATION, br#"{"sip":"c"}"#),
        text(0x00aa, b"nobody knows"),
        chunk(8, 0x0082, b"site"),
        chunk(9, 0x000f, b"not the payload"),
    ]);
    let (text, json) = written(&frame);
    assert_eq!(json["rcinfo"]["srcMac"], "00:01:02:03:04:05");
    assert_eq!(json["rcinfo"]["siteId"], "site");
    let again = self::frame(&text);
    assert_same(&read(&frame), &read(&again));
    let named = |frame: &[u8]| {
        let packet = read(frame);
        let mut chunks: Vec<_> = packet.chunks().map(|c| (c.vendor, c.kind, c.body.to_vec())).collect();
        chunks.sort();
        chunks
    };
    assert_eq!(named(&frame), named(&again));
}

/// All that a packet says, whatever it was wrapped in.
pub(crate) fn assert_same(one: &Packet<'_>, other: &Packet<'_>) {
    let facts = |packet: &Packet<'_>| {
        let texts = [
            packet.key,
            packet.correlation_id,
            packet.node,
            packet.geo_location,
            packet.transaction_type,
            packet.payload_json_keys,
            packet.tag_values,
            packet.group_id,
            packet.extra_correlation,
        ];
        let numbers = [
            packet.family.map(u64::from),
            packet.ip_protocol.map(u64::from),
            packet.src_port.map(u64::from),
            packet.dst_port.map(u64::from),
            packet.seconds.map(u64::from),
            packet.micros.map(u64::from),
            packet.hep_type.map(u64::from),
            packet.capture_id.map(u64::from),
            packet.keep_alive_seconds.map(u64::from),
            packet.vlan.map(u64::from),
            packet.src_mac,
            packet.dst_mac,
            packet.ethertype.map(u64::from),
            packet.tcp_flags.map(u64::from),
            packet.tos.map(u64::from),
            packet.mos.map(u64::from),
            packet.r_factor.map(u64::from),
            packet.jitter.map(u64::from),
            packet.tag_type.map(u64::from),
            packet.event_type.map(u64::from),
        ];
        (
            texts.map(|text| text.map(<[u8]>::to_vec)),
            numbers,
            packet.src_ip,
            packet.dst_ip,
            packet.payload.to_vec(),
        )
    };
    assert_eq!(facts(one), facts(other));
}

#[test]
fn older_versions_are_written_too() {
    let mut frame = Vec::new();
    Outgoing { payload: b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", ..outgoing() }.encode_v2(&mut frame).unwrap();
    let (text, json) = written(&frame);
    assert_eq!(json["rcinfo"]["captureId"], 2001);
    assert_same(&read(&frame), &read(&self::frame(&text)));
}

#[test]
fn numbers_as_texts_and_fractions() {
    let frame = frame(
        r#"{"rcinfo": {"srcPort": " 5060 ", "timeSeconds": 1592975786.669, "timeUseconds": "669278.0"}}"#,
    );
    let packet = read(&frame);
    assert_eq!(
        (packet.src_port, packet.seconds, packet.micros),
        (Some(5060), Some(1_592_975_786), Some(669_278))
    );
}

#[test]
fn values_that_do_not_fit_are_named() {
    for (rcinfo, message) in [
        (r#""srcPort": 70000"#, "`srcPort` is 70000, which is not a number of 16 bits"),
        (r#""srcPort": -1"#, "`srcPort` is -1, which is not a number of 16 bits"),
        (r#""dstPort": "sip""#, "`dstPort` is \"sip\", which is not a number of 16 bits"),
        (r#""dstPort": "", "x": 1"#, "`dstPort` is \"\", which is not a number of 16 bits"),
        (r#""time_sec": 1e9"#, "`time_sec` is 1e9, which is not a number of 32 bits"),
        (r#""protocol": 256"#, "`protocol` is 256, which is not a number of 8 bits"),
        (r#""payloadType": "SIP""#, "`payloadType` is \"SIP\", which is not a payload type of 16 bits"),
        (r#""payloadType": 65536"#, "`payloadType` is 65536, which is not a payload type of 16 bits"),
        (r#""srcIp": "localhost""#, "`srcIp` is \"localhost\", which is not an IP address"),
        (r#""srcIp": 17"#, "`srcIp` is 17, which is not an IP address"),
        (r#""mos": true"#, "`mos` is true, which is not a number of 16 bits"),
        (r#""srcMac": "00:01""#, "`srcMac` is \"00:01\", which is not a MAC address"),
        (r#""chunks": {}"#, "`chunks` is {}, which is not a list of objects with `vendor`, `type` and `hex`"),
        (
            r#""chunks": [{"vendor": 1, "type": 1, "hex": "0"}]"#,
            "`hex` is \"0\", which is not hexadecimal text",
        ),
        (
            r#""chunks": [{"vendor": 1, "type": 1, "hex": "+1"}]"#,
            "`hex` is \"+1\", which is not hexadecimal text",
        ),
    ] {
        let error = decode(&format!(r#"{{"rcinfo": {{{rcinfo}}}}}"#)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let long = "€".repeat(100);
    let error = decode(&format!(r#"{{"rcinfo": {{"srcIp": "{long}"}}}}"#)).unwrap_err().to_string();
    assert!(error.contains("€...\"") && error.len() < 200, "{error}");
}

#[test]
fn what_is_something_else_is_told_apart() {
    assert_eq!(decode("[]"), Err(JsonError::NotObject));
    assert_eq!(decode("17"), Err(JsonError::NotObject));
    assert_eq!(decode(r#"{"event": {}}"#), Err(JsonError::NoRcinfo));
    assert_eq!(decode(r#"{"rcinfo": "x"}"#), Err(JsonError::NoRcinfo));
    assert!(matches!(decode(""), Err(JsonError::Syntax { at: 0, .. })));
    assert!(matches!(decode("{} {}"), Err(JsonError::Syntax { at: 3, expected: "the end" })));
}

#[test]
fn unknown_keys_are_named() {
    let packet = decode(r#"{"rcinfo": {"srcPort": 1, "tenant": "a", "x\"y": 2}, "other": 3}"#).unwrap();
    assert_eq!(packet.unknown_keys, ["tenant", "x\"y"]);
}

#[test]
fn the_last_of_equal_keys_counts_and_the_first_of_two_spellings() {
    let packet =
        frame(r#"{"rcinfo": {"srcPort": 1, "srcPort": 2, "src_port": 3}, "payload": "a", "payload": "b"}"#);
    assert_eq!((read(&packet).src_port, &*read(&packet).payload), (Some(2), &b"b"[..]));
}

#[test]
fn what_is_too_long_is_refused_and_leaves_the_buffer() {
    let mut out = b"before".to_vec();
    let item = format!(r#"{{"rcinfo": {{}}, "payload": "{}"}}"#, "x".repeat(65_536));
    assert!(decode(&item).unwrap().encode_v3(&mut out).is_err());
    assert_eq!(out, b"before");
    let item = format!(r#"{{"rcinfo": {{"hepNodeName": "{}"}}}}"#, "x".repeat(65_536));
    assert_eq!(decode(&item), Err(JsonError::TooLong));
    let one = r#"{"vendor": 1, "type": 1, "hex": ""},"#;
    let item = format!(r#"{{"rcinfo": {{"chunks": [{}]}}}}"#, one.repeat(20_000));
    assert_eq!(decode(&item), Err(JsonError::TooLong));
}

#[test]
fn limits() {
    let keys: String = (0..=KEYS_MAX).map(|number| format!("\"{number}\": 1,")).collect();
    assert_eq!(decode(&format!(r#"{{"rcinfo": {{{keys}}}}}"#)), Err(JsonError::TooManyKeys));
    let deep = "[".repeat(100_000);
    assert_eq!(decode(&deep), Err(JsonError::TooDeep { at: DEPTH_MAX }));
    let deep = format!(r#"{{"rcinfo": {{}}, "payload": {}{}}}"#, "[".repeat(60), "]".repeat(60));
    assert_eq!(read(&frame(&deep)).payload.len(), 120);
}

#[test]
fn bodies_of_every_shape() {
    let (a, b, c) = (r#"{"a": [1, {"b": "}]"}]}"#, r#"{"b": "x\"y"}"#, "17");
    let expected = [Ok(a), Ok(b), Ok(c)];
    for body in [
        format!("{a}{b}{c}"),
        format!("{a}\n{b}\r\n{c}\n"),
        format!("[{a}, {b}, {c}]"),
        format!("  [ {a},{b} , {c} , ] "),
        format!("[{a}]\n[{b}]\n{c}"),
        format!("{a},{b},{c}"),
        format!("\u{feff}{a} [{b}][] {c}"),
    ] {
        assert_eq!(found(body.as_bytes()), expected, "{body}");
    }
    assert_eq!(found(b""), []);
    assert_eq!(found(b" \r\n [] "), []);
}

#[test]
fn a_broken_line_costs_no_neighbour() {
    let body = "{\"a\": 1}\n{\"b\": tru}\n{\"c\": 3}\nnoise\n{\"d\": \"\\x\"}\n[4]\n{\"e\": ";
    assert_eq!(
        found(body.as_bytes()),
        [
            Ok("{\"a\": 1}"),
            Err(JsonError::Syntax { at: 15, expected: "a value" }),
            Ok("{\"c\": 3}"),
            Err(JsonError::Syntax { at: 29, expected: "a value" }),
            Err(JsonError::Syntax { at: 43, expected: "an escape sequence" }),
            Ok("4"),
            Err(JsonError::Syntax { at: 57, expected: "a value" }),
        ]
    );
    assert_eq!(
        found(b"[{\"a\": 1}, {\"b\": 2}"),
        [Ok("{\"a\": 1}"), Ok("{\"b\": 2}"), Err(JsonError::Syntax { at: 19, expected: "`]`" })]
    );
    assert_eq!(found(b"{\"a\": \"\xff\"}{\"b\": 2}"), [Err(JsonError::NotUtf8 { at: 7 }), Ok("{\"b\": 2}")]);
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "'a'",
        "[1 2]",
        "-",
        "1.",
        "1e",
        "nul",
        "\"\\u12g4\"",
        "{,}",
    ] {
        assert!(matches!(decode(text), Err(JsonError::Syntax { .. })), "{text}");
    }
}

#[test]
fn a_key_is_not_printed() {
    let packet: JsonPacket<'_> = decode(r#"{"rcinfo": {"capturePass": "s3cret"}, "payload": "p"}"#).unwrap();
    let printed = format!("{packet:?}");
    assert!(printed.contains("redacted") && !printed.contains("s3cret"), "{printed}");
}
