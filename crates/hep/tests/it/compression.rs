//! Compressed payloads (chunk 0x0010).

use std::borrow::Cow;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use hep::chunk::kind;
use hep::inflate::INFLATED_BYTES_MAX;

use crate::support::{OPTIONS, chunk, flags, only, outgoing, raw, without};

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A packet with this body in its compressed payload chunk and no other payload.
fn compressed(body: &[u8]) -> Vec<u8> {
    raw(&[without(&[kind::PAYLOAD]), vec![chunk(0, kind::COMPRESSED, body)]].concat())
}

#[test]
fn zlib_gzip_and_raw_deflate_are_told_apart() {
    for body in [zlib(OPTIONS), gzip(OPTIONS), deflate(OPTIONS)] {
        let bytes = compressed(&body);
        let packet = only(&bytes);
        assert_eq!(&*packet.payload, OPTIONS);
        assert_eq!(flags(&packet), [""; 0]);
    }
}

#[test]
fn a_large_payload() {
    let text: Vec<u8> = (0..40_000_u32)
        .flat_map(|number| format!("{:x} ", number.wrapping_mul(2_654_435_761)).into_bytes())
        .collect();
    let body = zlib(&text[..90_000]);
    assert!(body.len() < 65_000, "{}", body.len());
    assert_eq!(&*only(&compressed(&body)).payload, &text[..90_000]);
}

#[test]
fn a_bomb_is_kept_as_sent() {
    for body in [zlib(&vec![b' '; INFLATED_BYTES_MAX + 1]), zlib(&[b' '; 50_000]), gzip(&vec![0; 4 << 20])] {
        let bytes = compressed(&body);
        let packet = only(&bytes);
        assert_eq!(&*packet.payload, body);
        assert_eq!(flags(&packet), ["inflate_limit"]);
    }
}

#[test]
fn a_corrupt_stream_is_kept_as_sent() {
    let mut body = zlib(OPTIONS);
    let last = body.len() - 1;
    body[last] ^= 1;
    let bytes = compressed(&body);
    assert_eq!(&*only(&bytes).payload, body);
    assert_eq!(flags(&only(&bytes)), ["inflate_failed"]);
}

#[test]
fn a_cut_stream_gives_what_is_there() {
    let body = zlib(&OPTIONS.repeat(3));
    let bytes = compressed(&body[..body.len() - 6]);
    let packet = only(&bytes);
    assert!(packet.payload.starts_with(OPTIONS));
    assert_eq!(flags(&packet), ["inflate_failed"]);
}

#[test]
fn text_mislabelled_as_compressed_is_kept() {
    for body in [OPTIONS, b"SIP/2.0 200 OK\r\n\r\n", b"{\"a\":1}", b"x", b"x\x9c", b"\x1f\x8b\x08"] {
        let bytes = compressed(body);
        let packet = only(&bytes);
        assert_eq!(&*packet.payload, body);
        assert_eq!(flags(&packet), ["inflate_failed"]);
    }
}

#[test]
fn an_empty_compressed_payload() {
    let bytes = compressed(b"");
    assert_eq!(&*only(&bytes).payload, b"");
    assert_eq!(flags(&only(&bytes)), ["inflate_failed"]);
}

#[test]
fn the_plain_payload_is_preferred() {
    for chunks in [
        [chunk(0, kind::PAYLOAD, b"plain"), chunk(0, kind::COMPRESSED, &zlib(b"compressed"))],
        [chunk(0, kind::COMPRESSED, &zlib(b"compressed")), chunk(0, kind::PAYLOAD, b"plain")],
    ] {
        let bytes = raw(&[without(&[kind::PAYLOAD]), chunks.to_vec()].concat());
        let packet = only(&bytes);
        assert_eq!(&*packet.payload, b"plain");
        assert!(matches!(packet.payload, Cow::Borrowed(_)), "nothing is inflated for it");
        assert_eq!(flags(&packet), ["two_payloads"]);
    }
}

#[test]
fn an_empty_plain_payload_gives_way_to_the_compressed_one() {
    let chunks = vec![chunk(0, kind::PAYLOAD, b""), chunk(0, kind::COMPRESSED, &zlib(OPTIONS))];
    let bytes = raw(&[without(&[kind::PAYLOAD]), chunks].concat());
    assert_eq!(&*only(&bytes).payload, OPTIONS);
}

#[test]
fn what_we_compress_we_inflate() {
    let mut bytes = Vec::new();
    let payload = OPTIONS.repeat(20);
    hep::Outgoing { payload: &payload, compress: true, ..outgoing() }.encode_v3(&mut bytes).unwrap();
    assert!(bytes.len() < payload.len());
    assert_eq!(&*only(&bytes).payload, payload);
}
