//! Packets as the specification gives them and as real senders write them.

use std::net::IpAddr;

use hep::Version;
use hep::chunk::{self, Value};

use crate::support::{OPTIONS, flags, hex, only};

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn a_specification_sample() {
    let bytes =
        hex("484550330071000000010007020000000200071100000003000ad4ca000100000004000a527400d3000000070008
        2eea00000008000813c400000009000a4e4982cb0000000a000a0001d4c00000000b0007010000000c000a000000e4
        0000000f0014494e56495445207369703a626f62");
    assert_eq!(bytes.len(), 113);
    let packet = only(&bytes);
    assert_eq!(packet.version, Version::V3);
    assert_eq!((packet.family, packet.ip_protocol), (Some(2), Some(17)));
    assert_eq!((packet.src_ip, packet.src_port), (ip("212.202.0.1"), Some(12010)));
    assert_eq!((packet.dst_ip, packet.dst_port), (ip("82.116.0.211"), Some(5060)));
    assert_eq!((packet.seconds, packet.micros), (Some(1_313_440_459), Some(120_000)));
    assert_eq!((packet.hep_type, packet.capture_id), (Some(1), Some(228)));
    assert_eq!(&*packet.payload, b"INVITE sip:bob");
    assert_eq!(flags(&packet), [""; 0]);
    assert_eq!(packet.chunks().count(), 11);
}

#[test]
fn b_kamailio_hepv2_over_websocket() {
    let mut bytes = hex("0210021613c4c948a939a1fe006cd9ae8ff3e458a7ff010001000000");
    bytes.extend_from_slice(b"INVITE sip:bob@example.org SIP/2.0\r\n\r\n");
    let (packet, consumed) = hep::decode(&bytes, 1_491_399_568).unwrap();
    assert_eq!(consumed, bytes.len());
    assert_eq!(packet.version, Version::V2);
    assert_eq!((packet.family, packet.ip_protocol), (Some(2), Some(22)));
    assert_eq!(packet.transport().name(), "tls");
    assert_eq!((packet.src_ip, packet.src_port), (ip("169.57.161.254"), Some(5060)));
    assert_eq!((packet.dst_ip, packet.dst_port), (ip("0.108.217.174"), Some(51528)));
    assert_eq!((packet.seconds, packet.micros), (Some(1_491_399_567), Some(130_983)));
    assert_eq!((packet.hep_type, packet.capture_id), (Some(1), Some(1)));
    assert_eq!(&*packet.payload, &bytes[28..]);
    assert_eq!(flags(&packet), [""; 0]);
    assert_eq!(packet.chunks().count(), 0);
}

#[test]
fn c_hepv1() {
    let mut bytes = hex("0110021113c413c40a000164c0a800fe");
    bytes.extend_from_slice(b"SIP/2.0 200 OK\r\n\r\n");
    let packet = only(&bytes);
    assert_eq!(packet.version, Version::V1);
    assert_eq!((packet.src_ip, packet.src_port), (ip("10.0.1.100"), Some(5060)));
    assert_eq!((packet.dst_ip, packet.dst_port), (ip("192.168.0.254"), Some(5060)));
    assert_eq!((packet.seconds, packet.micros, packet.capture_id), (None, None, None));
    assert_eq!(packet.hep_type, Some(1));
    assert_eq!(packet.transport().name(), "udp");
    assert_eq!(&*packet.payload, b"SIP/2.0 200 OK\r\n\r\n");
    assert_eq!(flags(&packet), ["no_time"]);
}

#[test]
fn d_hepjs_log() {
    let bytes = hex(
        "484550330088000000010007020000000200071100000003000a0a00000100000004000a0a00000200000007000813c4
        00000008000813c500000009000a5ef2e1aa0000000a000a000a365e0000000b0007640000000c000a000007d100000013
        000a323030310000000e000b6d7948657000000011000b61626340310000000f000b68656c6c6f",
    );
    let packet = only(&bytes);
    assert_eq!((packet.src_port, packet.dst_port), (Some(5060), Some(5061)));
    assert_eq!((packet.hep_type, packet.capture_id), (Some(100), Some(2001)));
    assert_eq!(packet.node, Some(&b"2001"[..]));
    assert_eq!(packet.key, Some(&b"myHep"[..]));
    assert_eq!(packet.correlation_id, Some(&b"abc@1"[..]));
    assert_eq!(&*packet.payload, b"hello");
    assert_eq!(flags(&packet), [""; 0]);
    assert!(!format!("{packet:?}").contains("myHep"), "the key is never printed");
}

#[test]
fn e_vendor_chunks_after_the_payload() {
    let bytes = hex(
        "4845503300ac000000010007020000000200070600000003000aac1a1a4800000004000aac1a15b9000000070008fd3f
        0000000800081f7c00000009000a5ef2e1aa0000000a000a000a365e0000000b0007010000000c000a000007d100000013
        000a323030310000000f000c494e5649544500080080000f34353638353234363500080081002a33626163373734322d
        323433662d346166372d626133392d663430393862393431656461",
    );
    let packet = only(&bytes);
    assert_eq!(packet.transport().name(), "tcp");
    assert_eq!((packet.src_ip, packet.src_port), (ip("172.26.26.72"), Some(64831)));
    assert_eq!((packet.dst_ip, packet.dst_port), (ip("172.26.21.185"), Some(8060)));
    assert_eq!(&*packet.payload, b"INVITE");
    let vendor: Vec<_> = packet.chunks().filter(|chunk| chunk.vendor == chunk::GENESYS).collect();
    assert_eq!(vendor[0].value(), Value::Text("456852465"));
    assert_eq!(vendor[1].value(), Value::Text("3bac7742-243f-4af7-ba39-f4098b941eda"));
    let names: Vec<_> =
        vendor.iter().map(|chunk| chunk::describe(chunk.vendor, chunk.kind).unwrap().name).collect();
    assert_eq!(names, ["conversation_id", "organization_id"]);
}

#[test]
fn f_hepjs_legacy_key_names() {
    let bytes = hex(
        "48455033007d000000010007000000000200071100000003000a0a00000100000004000a0a0000020000000700080001
        000000080008000200000009000a000000000000000a000a000000000000000b0007000000000c000a000007d100000013
        000a323030310000000e000770000000110007630000000f00086869",
    );
    let packet = only(&bytes);
    assert_eq!(packet.family, Some(0));
    assert_eq!((packet.seconds, packet.micros, packet.hep_type), (Some(0), Some(0), Some(0)));
    assert_eq!((packet.src_ip, packet.dst_ip), (ip("10.0.0.1"), ip("10.0.0.2")));
    assert_eq!(packet.capture_id, Some(2001));
    assert_eq!(packet.correlation_id, Some(&b"c"[..]));
    assert_eq!(&*packet.payload, b"hi");
    assert_eq!(flags(&packet), ["family_mismatch"]);
    assert!(!packet.is_keepalive());
}

#[test]
fn g_mos() {
    let bytes = hex(
        "484550330086000000010007020000000200071100000003000a0a00000100000004000a0a0000020000000700080001
        000000080008000200000009000a5ef2e1aa0000000a000a000000050000000b0007230000000c000a00000007000000130007
        3700000011000963696400000020000801a40000000f00117b224d4f53223a342e327d",
    );
    let packet = only(&bytes);
    assert_eq!((packet.hep_type, packet.mos), (Some(35), Some(420)));
    assert_eq!((packet.capture_id, packet.micros), (Some(7), Some(5)));
    assert_eq!(packet.correlation_id, Some(&b"cid"[..]));
    assert_eq!(&*packet.payload, br#"{"MOS":4.2}"#);
}

#[test]
fn h_log_with_milliseconds() {
    let bytes = hex(
        "4845503300dc000000010007020000000200071100000003000ac0a8010100000004000ac0a801020000000700080000
        000000080008000000000009000a584d365f0000000a000a0000007e0000000b0007640000000c000a000007d10000000e000b
        6d7948657000000011001b71676633646d3972756469403132372e302e302e310000000f00595359534c4f473a2050726f
        63657373696e67204f5054494f4e5320726571756573742066726f6d206e6f64656a73207573696e672063616c6c2d49643a
        2071676633646d3972756469403132372e302e302e31",
    );
    let packet = only(&bytes);
    assert_eq!((packet.src_ip, packet.src_port), (ip("192.168.1.1"), Some(0)));
    assert_eq!((packet.seconds, packet.micros), (Some(1_481_455_199), Some(126)));
    assert_eq!(packet.hep_type, Some(100));
    assert_eq!(packet.correlation_id, Some(&b"qgf3dm9rudi@127.0.0.1"[..]));
    assert!(packet.payload.starts_with(b"SYSLOG: Processing"));
}

#[test]
fn i_compressed_in_captagents_order() {
    let bytes = hex(
        "484550330091000000010007020000000200071100000007000813c400000008000813c500000009000a5ef2e1aa0000
        000a000a000a365e0000000b0007010000000c000a000007d100000003000a0a00000100000004000a0a0000020000000e000b
        6d79486570000000100029789cf30f08f1f4f70b5628ce2cb04a74485208f60cd037d233e0e5e2e502006fe706cf",
    );
    let packet = only(&bytes);
    assert_eq!(&*packet.payload, OPTIONS);
    assert_eq!((packet.src_ip, packet.dst_ip), (ip("10.0.0.1"), ip("10.0.0.2")));
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn j_ping_of_the_hfp_proxy() {
    let bytes = hex("48455033008b000000010007020000000200070100000003001600000000000000000000ffffc0a80001000000040016
        00000000000000000000ffffc0a8000200000007000813c400000008000813c400000009000a0000001a0000000a000a00000000
        0000000b0007010000000c000a000003e70000000f000e4845502050494e470000001200080000");
    let packet = only(&bytes);
    assert_eq!((packet.src_ip, packet.dst_ip), (ip("192.168.0.1"), ip("192.168.0.2")));
    assert_eq!((packet.seconds, packet.capture_id, packet.vlan), (Some(26), Some(999), Some(0)));
    assert_eq!(&*packet.payload, b"HEP PING");
    assert_eq!(flags(&packet), ["odd_chunk"]);
    assert_eq!(packet.transport().name(), "unknown");
    assert!(packet.is_keepalive());
}

#[test]
fn k_ping_of_heplify() {
    let bytes =
        hex("48455033005d00000001000700000000020007000000000700080000000000080008000000000009000a00000000
        0000000a000a000000000000000b0007000000000c000a000007d200000012000800000000000f000c48455033030a");
    let packet = only(&bytes);
    assert_eq!((packet.src_ip, packet.dst_ip), (None, None));
    assert_eq!((packet.hep_type, packet.capture_id), (Some(0), Some(2002)));
    assert_eq!(&*packet.payload, b"HEP3\x03\x0a");
    assert_eq!(flags(&packet), ["no_address"]);
    assert!(packet.is_keepalive());
}

#[test]
fn l_hepv2_of_kamailio_is_little_endian() {
    let bytes = hex(
        "0210021113c413c50a0000010a000002aae1f25e5e360a00d10700004f5054494f4e53207369703a614062205349502f
        322e300d0a0d0a",
    );
    assert_eq!(bytes.len(), 55);
    let packet = only(&bytes);
    assert_eq!(
        (packet.seconds, packet.micros, packet.capture_id),
        (Some(1_592_975_786), Some(669_278), Some(2001))
    );
    assert_eq!(&*packet.payload, OPTIONS);
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn l_hepv2_of_hep_erlang_is_big_endian() {
    let bytes = hex(
        "021c021113c413c50a0000010a0000025ef2e1aa000a365e07d100004f5054494f4e53207369703a614062205349502f
        322e300d0a0d0a",
    );
    let packet = only(&bytes);
    assert_eq!(
        (packet.seconds, packet.micros, packet.capture_id),
        (Some(1_592_975_786), Some(669_278), Some(2001))
    );
    assert_eq!(&*packet.payload, OPTIONS);
    assert_eq!(flags(&packet), ["big_endian_clock"]);
}

#[test]
fn l_hepv2_of_sofia_sip_counts_the_clock_in_its_length() {
    let bytes = hex(
        "021c021613c413c50a0000010a000002aae1f25e5e360a00c80000004f5054494f4e53207369703a614062205349502f
        322e300d0a0d0a",
    );
    let packet = only(&bytes);
    assert_eq!((packet.seconds, packet.capture_id), (Some(1_592_975_786), Some(200)));
    assert_eq!(packet.transport().name(), "tls");
    assert_eq!(&*packet.payload, OPTIONS);
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn l_hepv2_ipv6() {
    let bytes = hex(
        "02280a1113c413c520010db800000000000000000000000120010db8000000000000000000000002aae1f25e5e360a00
        d10700004f5054494f4e53207369703a614062205349502f322e300d0a0d0a",
    );
    assert_eq!(bytes.len(), 79);
    let packet = only(&bytes);
    assert_eq!((packet.src_ip, packet.dst_ip), (ip("2001:db8::1"), ip("2001:db8::2")));
    assert_eq!((packet.seconds, packet.capture_id), (Some(1_592_975_786), Some(2001)));
    assert_eq!(&*packet.payload, OPTIONS);
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn l_hepv1_of_opensips_ends_in_nuls() {
    let bytes =
        hex("0110021113c413c50a0000010a0000024f5054494f4e53207369703a614062205349502f322e300d0a0d0a00000000
        00000000");
    assert_eq!(bytes.len(), 51);
    let packet = only(&bytes);
    assert_eq!(packet.payload.len(), OPTIONS.len() + 8, "the payload is kept exactly");
    assert!(packet.payload.starts_with(OPTIONS));
}

#[test]
fn m_opensips_control_without_payload() {
    let bytes = hex(
        "48455033008400000001000702000000020007060000000700080000000000080008000000000009000a5ef2e1aa0000
        000a000a000a365e0000000b0007600000000c000a0000000100000003000a7f00000100000004000a7f000002000000650027
        7b0a0922736970223a09226162634031222c0a09226e6574223a09223432220a7d",
    );
    let packet = only(&bytes);
    assert_eq!(packet.hep_type, Some(96));
    assert_eq!(&*packet.payload, b"");
    let json: serde_json::Value = serde_json::from_slice(packet.extra_correlation.unwrap()).unwrap();
    assert_eq!(json, serde_json::json!({"sip": "abc@1", "net": "42"}));
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn n_opensips_json_wrapped_sip_with_correlation_after_the_payload() {
    let bytes = hex(
        "48455033009f000000010007020000000200071100000007000813c400000008000813c500000009000a5ef2e1aa0000
        000a000a000a365e0000000b0007010000000c000a0000000100000003000a0a00000100000004000a0a0000020000000f0037
        7b0a09227061796c6f6164223a09224f5054494f4e53207369703a614062205349502f322e305c725c6e5c725c6e220a7d
        00000011000b6162634031",
    );
    let packet = only(&bytes);
    assert_eq!(packet.hep_type, Some(1));
    assert_eq!(packet.correlation_id, Some(&b"abc@1"[..]));
    let json: serde_json::Value = serde_json::from_slice(&packet.payload).unwrap();
    assert_eq!(json["payload"].as_str().unwrap().as_bytes(), OPTIONS);
}

#[test]
fn o_sngrep_shifts_the_capture_id() {
    let bytes = hex(
        "48455033007e000000010007020000000200071100000007000813c400000008000813c500000009000a5ef2e1aa0000
        000a000a000a365e0000000b0007010000000c000a07d2000000000003000a0a00000100000004000a0a0000020000000f0021
        4f5054494f4e53207369703a614062205349502f322e300d0a0d0a",
    );
    let packet = only(&bytes);
    assert_eq!(packet.capture_id, Some(2002 << 16), "as on the wire");
    assert_eq!(&*packet.payload, OPTIONS);
}

#[test]
fn p_legacy_protobuf() {
    let bytes = hex(
        "080210111a0831302e302e302e31220831302e302e302e3228c42730c52738aac3cbf70540deec28480150d20f5a00621b
        4f5054494f4e53207369703a614062205349502f322e300d0a0d0a6a007000",
    );
    let packet = only(&bytes);
    assert_eq!((packet.version, packet.version.number()), (hep::Version::Protobuf, 0));
    assert_eq!((packet.src_ip, packet.src_port), (ip("10.0.0.1"), Some(5060)));
    assert_eq!((packet.dst_ip, packet.dst_port), (ip("10.0.0.2"), Some(5061)));
    assert_eq!((packet.family, packet.ip_protocol, packet.hep_type), (Some(2), Some(17), Some(1)));
    assert_eq!((packet.seconds, packet.micros), (Some(1_592_975_786), Some(669_278)));
    assert_eq!((packet.capture_id, packet.vlan), (Some(2002), Some(0)));
    assert_eq!((packet.key, packet.correlation_id), (None, None));
    assert_eq!(&*packet.payload, OPTIONS);
    assert_eq!(flags(&packet), [""; 0]);
    assert_eq!(packet.chunks().count(), 0);
}
