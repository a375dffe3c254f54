//! Session descriptions, alone and in messages.

use sip::ProblemKind;
use sip::sdp::{Description, Direction};

use crate::{crlf, kinds};

const OFFER: &str = "v=0
o=alice 2890844526 2890844527 IN IP4 host.atlanta.example
s=call
c=IN IP4 192.0.2.1
t=0 0
a=sendonly
a=fingerprint:sha-256 19:E2:1C
m=audio 49170/2 RTP/AVP 0 111 97 9
a=rtpmap:111 opus/48000/2
a=fmtp:111 useinbandfec=1
a=rtpmap:97 iLBC/8000
a=ptime:30
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0Rm
a=ice-ufrag:F7gI
a=rtcp:53020 IN IP4 126.16.64.4
m=video 0 RTP/SAVPF 99
c=IN IP6 2001:db8::7/127
a=rtpmap:99 h263-1998/90000
a=inactive
a=rtcp-mux
";

#[test]
fn a_whole_description() {
    let text = crlf(OFFER);
    let description = Description::parse(&text);
    let origin = description.origin().unwrap();
    assert_eq!(
        (origin.username, origin.session_id, origin.session_version),
        (&b"alice"[..], &b"2890844526"[..], &b"2890844527"[..])
    );
    assert_eq!(origin.address, b"host.atlanta.example");
    assert_eq!((description.version(), description.session_name()), (Some(0), Some(&b"call"[..])));
    assert_eq!(description.attributes().fingerprint().unwrap().digest, b"19:E2:1C");

    let media: Vec<_> = description.media().collect();
    assert_eq!(media.len(), 2);
    let audio = media[0];
    assert_eq!(
        (audio.kind, audio.port, audio.port_count, audio.protocol),
        (&b"audio"[..], Some(49170), Some(2), &b"RTP/AVP"[..])
    );
    assert_eq!(audio.connection().unwrap().address, b"192.0.2.1");
    let codecs: Vec<_> =
        audio.codecs().map(|codec| (codec.name, codec.clock_rate(), codec.channels())).collect();
    assert_eq!(
        codecs,
        [
            (&b"PCMU"[..], Some(8000), None),
            (b"opus", Some(48_000), Some(2)),
            (b"iLBC", Some(8000), None),
            (b"G722", Some(8000), None)
        ]
    );
    assert_eq!(audio.fmtp(b"111"), Some(&b"useinbandfec=1"[..]));
    assert_eq!(audio.ptime_milliseconds(), Some(30));
    assert_eq!(audio.direction(), Direction::SendOnly, "of the session");
    assert_eq!(audio.attributes().ice_ufrag(), Some(&b"F7gI"[..]));
    let crypto = audio.attributes().cryptos().next().unwrap();
    assert_eq!(
        (crypto.tag, crypto.suite, crypto.key),
        (Some(1), &b"AES_CM_128_HMAC_SHA1_80"[..], &b"inline:d0Rm"[..])
    );
    assert_eq!((audio.rtcp_port(), audio.is_rtcp_mux()), (Some(53020), false));
    assert_eq!(
        audio.attribute(b"fingerprint"),
        Some(&b"sha-256 19:E2:1C"[..]),
        "what the media lacks the session has"
    );

    let video = media[1];
    assert_eq!((video.port, video.direction(), video.is_rtcp_mux()), (Some(0), Direction::Inactive, true));
    assert_eq!(video.connection().unwrap().address, b"2001:db8::7");
    assert_eq!(video.codecs().map(|codec| codec.name).collect::<Vec<_>>(), [b"h263-1998"]);
}

#[test]
fn line_ends_of_any_kind() {
    let crlf = crlf(OFFER);
    let expected: Vec<_> = Description::parse(&crlf).lines().map(|line| (line.kind, line.value)).collect();
    for text in [
        OFFER.to_owned(),
        OFFER.replace('\n', "\r"),
        OFFER.replace('\n', " \r\n"),
        OFFER.replace('\n', "\r\n\r\n"),
    ] {
        let lines: Vec<_> =
            Description::parse(text.as_bytes()).lines().map(|line| (line.kind, line.value)).collect();
        assert_eq!(lines, expected);
    }
}

/// A last media without an LF is still lines of a description that LF ends: a bare CR in it ends nothing.
#[test]
fn a_bare_cr_in_the_last_media_ends_no_line() {
    let description = Description::parse(b"v=0\r\nm=audio 4000 RTP/AVP 8\r\na=ptime:20\ra=sendonly");
    let media = description.media().next().expect("a media line");
    assert_eq!(description.lines().count(), 3);
    assert_eq!(media.lines().count(), 1);
}

#[test]
fn codecs_out_of_order_unknown_and_not_rtp() {
    let text = b"m=audio 1 RTP/AVP 101 8 120 8\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\nm=image 2 udptl t38\nm=audio 3 RTP/AVP 120\na=rtpmap:120 other/1";
    let media: Vec<_> = Description::parse(text).media().collect();
    let names = |at: usize| media[at].codecs().map(|codec| codec.name).collect::<Vec<_>>();
    assert_eq!(
        names(0),
        [&b"telephone-event"[..], b"PCMA", b"120", b"PCMA"],
        "the next media's map does not count"
    );
    assert_eq!(names(1), [b"t38"]);
    assert_eq!(names(2), [b"other"]);
}

#[test]
fn broken_lines_are_told_with_their_place() {
    let body =
        crlf("v=0\no=- 1 1 IN IP4 h\nnonsense\ns=-\nt=0 0\nm=audio x RTP/AVP 0\nm=audio 4000 RTP/AVP 0\n");
    let text = [crlf(&format!("INVITE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP a\nf: <sip:a@h>\nt: <sip:b@h>\ni: x\nCSeq: 1 INVITE\nc: application/sdp\nl: {}\n\n", body.len())), body].concat();
    let message = sip::parse(&text);
    assert_eq!(kinds(&message), [ProblemKind::BadSdpLine, ProblemKind::BadMedia, ProblemKind::NoConnection]);
    let places: Vec<_> = message.problems().into_iter().map(|problem| text[problem.range].to_vec()).collect();
    assert_eq!(
        places,
        [b"nonsense".to_vec(), b"audio x RTP/AVP 0".to_vec(), b"audio 4000 RTP/AVP 0".to_vec()]
    );
}

#[test]
fn where_the_description_is_found() {
    let of = |headers: &str, body: &str| {
        let text = crlf(&format!("INVITE sip:b@h SIP/2.0\n{headers}\n\n{body}"));
        sip::parse(&text).sdp().map(|sdp| sdp.raw.to_vec())
    };
    let sdp = "v=0\ns=x\n";
    assert_eq!(of("c: Application/SDP;charset=utf-8", sdp), Some(crlf(sdp)));
    assert_eq!(of("a: b", sdp), Some(crlf(sdp)), "no type, but it starts as one");
    assert_eq!(of("c: text/plain", sdp), None);
    assert_eq!(of("c: application/sdp", ""), None);
    let multipart = "preamble\n--b 1\nContent-Type: application/isup\n\n\x01\x02\n--b 1\nc: application/sdp\nContent-Disposition: session\n\nv=0\ns=x\n--b 1--\nepilogue";
    assert_eq!(of("c: multipart/mixed;boundary=\"b 1\"", multipart), Some(b"v=0\r\ns=x".to_vec()));
    assert_eq!(of("c: multipart/mixed;boundary=other", multipart), None);
    assert_eq!(of("c: multipart/mixed", multipart), None);
    let cut = "--b\nContent-Type: application/sdp\n\nv=0\ns=x";
    assert_eq!(
        of("c: multipart/mixed;boundary=b", cut),
        Some(b"v=0\r\ns=x".to_vec()),
        "a last part that is cut"
    );
}

#[test]
fn parts_of_a_body() {
    let text = crlf(
        "INFO sip:b@h SIP/2.0\nc: multipart/mixed;boundary=b\n\n--b\nContent-Type: a/b\nX: 1\n\none\n--b\n\ntwo\n--b--\n",
    );
    let message = sip::parse(&text);
    let parts: Vec<_> = message.parts().collect();
    assert_eq!(parts.iter().map(|part| part.body).collect::<Vec<_>>(), [b"one", b"two"]);
    assert!(
        parts[0].content_type.is_some_and(|content_type| content_type.is(b"a/b"))
            && parts[1].content_type.is_none()
    );
    assert_eq!(parts[0].headers().count(), 2);
    let place = parts[0].headers().nth(1).unwrap().name_range();
    assert_eq!(&text[place], b"X", "ranges are places in the whole input");
    let plain = crlf("INFO sip:b@h SIP/2.0\nc: text/plain\n\nhi");
    assert_eq!(sip::parse(&plain).parts().map(|part| part.body).collect::<Vec<_>>(), [b"hi"]);
    assert_eq!(sip::parse(b"SIP/2.0 200 OK\r\n\r\n").parts().count(), 0);
}
