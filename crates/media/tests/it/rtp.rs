use media::rtp::{Packet, Refusal, is_rtcp};

#[test]
fn reads_a_header_with_everything() {
    let mut bytes = vec![0b1011_0010, 0x80 | 8, 0x12, 0x34, 0, 0, 0, 160, 0xca, 0xfe, 0xba, 0xbe];
    bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2]); // two contributors
    bytes.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0]); // extension of one word
    bytes.extend_from_slice(&[1, 2, 3, 4, 5, 0, 0, 3]); // five bytes of media, three of padding
    let packet = Packet::parse(&bytes).unwrap();
    assert!(packet.marker);
    assert_eq!((packet.payload_type, packet.sequence, packet.timestamp), (8, 0x1234, 160));
    assert_eq!(packet.ssrc, 0xcafe_babe);
    assert_eq!(packet.contributors().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(packet.extension, Some((0xbede, &[0x10, 0xff, 0, 0][..])));
    assert_eq!(packet.payload, [1, 2, 3, 4, 5]);
}

#[test]
fn refuses_with_the_reason() {
    assert_eq!(Packet::parse(&[]), Err(Refusal::TooShort));
    assert_eq!(Packet::parse(&[0x80; 11]), Err(Refusal::TooShort));
    assert_eq!(Packet::parse(b"INVITE sip:bob@example.org"), Err(Refusal::Version(1)));
    assert_eq!(Packet::parse(&[0x8f; 40]), Err(Refusal::TooShort), "fifteen contributors do not fit");
    let padded = [&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[1, 2, 9]].concat();
    assert_eq!(Packet::parse(&padded), Err(Refusal::Padding(9)));
    assert_eq!(Refusal::Padding(9).to_string(), "RTP padding of 9 bytes does not fit the packet");
}

#[test]
fn tells_rtcp_apart_on_a_shared_port() {
    assert!(is_rtcp(&[0x80, 200, 0, 6]));
    assert!(is_rtcp(&[0x81, 207, 0, 6]));
    assert!(!is_rtcp(&[0x80, 0x80, 0, 6]), "marked PCMU");
    assert!(!is_rtcp(&[0x80]));
    assert!(!is_rtcp(b"SIP/2.0 200 OK"));
}
