//! What holds for all bytes.

use proptest::prelude::*;
use sip::{Message, Name};

const SEED: &[u8] = b"INVITE sip:+49301@[2001:db8::1]:5070;user=phone?Subject=x SIP/2.0\r\n\
    Via: SIP/2.0/UDP a.example:5060;branch=z9hG4bK1;rport=1;received=10.0.0.1, SIP/2.0/TCP b;branch=2\r\n\
    f: \"A \\\" B\" <sip:alice:pw@h;lr>;tag=1\r\nTo: tel:+1-2;phone-context=x;tag=2\r\nCall-ID: id@h\r\nCSeq: 42 INVITE\r\n\
    Contact: <sip:a@h>;expires=1, *\r\nDiversion: <sip:d@h>;reason=\"x\";counter=2\r\n\
    History-Info: <sip:a@h?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1\r\nReason: Q.850;cause=16;text=\"ok\"\r\n\
    Authorization: Digest username=\"al\", realm=\"r\"\r\nWarning: 399 h \"w\"\r\nRetry-After: 5 (c);duration=1\r\n\
    Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=0\r\nIdentity: a.b.c;info=<u>;ppt=shaken\r\n\
    Refer-To: <sip:c@h?Replaces=x%3Bto-tag%3D1>\r\nX-RTP-Stat: PS=1,OS=2\r\nPrivacy: id;x\r\nSubject: a\r\n b\r\n\
    Content-Type: multipart/mixed;boundary=b\r\nContent-Length: 153\r\n\r\n\
    --b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 2 IN IP4 h\r\ns=-\r\nc=IN IP4 10.0.0.1/1\r\nt=0 0\r\n\
    m=audio 4000/2 RTP/AVP 0 101\r\na=rtpmap:101 x/8000/2\r\na=crypto:1 s k\r\n--b--\r\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_inside_their_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        touch_all(&bytes);
    }

    #[test]
    fn any_text_of_sip_bytes_is_read_inside_its_bounds(
        bytes in proptest::collection::vec(proptest::sample::select(b"\r\n\r\n \t:;,<>\"\\@?&=[]%*/0129aipst-.\0v\xff".to_vec()), 0..200),
    ) {
        touch_all(&bytes);
        touch_all(&[b"SIP/2.0 200 OK\r\n", &bytes[..]].concat());
        for name in Name::ALL {
            let header = [b"OPTIONS sip:a SIP/2.0\r\n", name.as_str().as_bytes(), b": ", &bytes[..], b"\r\n\r\n"].concat();
            touch_all(&header);
        }
    }

    #[test]
    fn mutated_messages_are_read_inside_their_bounds(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        let mut bytes = SEED.to_vec();
        for (at, byte, kind) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        touch_all(&bytes);
    }

    #[test]
    fn headers_keep_their_order_and_values(
        headers in proptest::collection::vec(("[A-Za-z0-9!%*_+'~.-]{1,32}", "[!-~\u{e4}]([ -~]{0,40}[!-~])?"), 0..20),
        lf_only in any::<bool>(),
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let end = if lf_only { "\n" } else { "\r\n" };
        let mut text = format!("OPTIONS sip:a@b SIP/2.0{end}").into_bytes();
        for (name, value) in &headers {
            text.extend_from_slice(format!("{name}: {value}{end}").as_bytes());
        }
        text.extend_from_slice(format!("Content-Length: {}{end}{end}", body.len()).as_bytes());
        text.extend_from_slice(&body);
        let message = sip::parse(&text);
        let read: Vec<_> = message.headers().map(|header| (header.name.to_vec(), header.value.to_vec())).collect();
        prop_assert_eq!(read.len(), headers.len() + 1);
        for ((name, value), (read_name, read_value)) in headers.iter().zip(&read) {
            prop_assert_eq!(name.as_bytes(), read_name);
            prop_assert_eq!(value.as_bytes(), read_value);
        }
        for header in message.headers() {
            prop_assert_eq!(&text[header.name_range()], header.name);
            prop_assert_eq!(&text[header.value_range()], header.value);
            if let Some(known) = header.known {
                prop_assert!(header.is(known.as_str().as_bytes()));
                let first = message.headers().find(|other| other.known == Some(known)).expect("at least this one");
                prop_assert_eq!(message.header(known), Some(first.value), "the index and the walk agree");
            }
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("l")) {
            prop_assert_eq!(message.body(), &body[..]);
        }
    }

    #[test]
    fn messages_back_to_back_come_out_one_by_one(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..6), gap in "(\r\n|\0){0,4}") {
        let mut bytes = Vec::new();
        for (number, body) in bodies.iter().enumerate() {
            bytes.extend_from_slice(gap.as_bytes());
            bytes.extend_from_slice(format!("INFO sip:a@b SIP/2.0\r\nCall-ID: {number}\r\nl: {}\r\n\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(body);
        }
        bytes.extend_from_slice(gap.as_bytes());
        let read: Vec<_> = sip::messages(&bytes).map(|message| (message.call_id().map(<[u8]>::to_vec), message.body().to_vec())).collect();
        let written: Vec<_> = bodies.into_iter().enumerate().map(|(number, body)| (Some(number.to_string().into_bytes()), body)).collect();
        prop_assert_eq!(read, written);
    }
}

/// Reads everything there is to read and checks that each part lies in the input.
fn touch_all(bytes: &[u8]) {
    let mut end = 0;
    for message in sip::messages(bytes) {
        let range = message.range();
        assert!(
            end <= range.start && range.start < range.end && range.end <= bytes.len(),
            "{range:?} after {end}"
        );
        end = range.end;
        touch(&message, bytes);
    }
    let message = sip::parse(bytes);
    touch(&message, bytes);
    // What was kept of it gives the same message back, and of other bytes none that lie outside.
    assert_eq!(format!("{:?}", message.outline().of(bytes)), format!("{message:?}"));
    let other = &bytes[..bytes.len() / 2];
    let wrong = message.outline().of(other);
    assert!(wrong.body().len() <= other.len());
    assert!(wrong.headers().all(|header| header.value.len() <= other.len()));
}

fn touch(message: &Message<'_>, bytes: &[u8]) {
    let inside = |part: &[u8]| {
        assert!(
            part.is_empty() || message.range_of(part).is_some_and(|range| &bytes[range] == part),
            "{part:?} lies outside"
        );
    };
    let maybe = |part: Option<&[u8]>| part.into_iter().for_each(inside);
    let uri = |uri: sip::value::Uri<'_>| {
        for part in [uri.raw, uri.scheme, uri.params, uri.headers] {
            inside(part);
        }
        for part in [uri.user, uri.subscriber(), uri.password, uri.host] {
            maybe(part);
        }
        uri.params().for_each(|param| inside(param.name));
        let _ = (uri.header(b"Reason"), uri.user_params().count());
    };
    let address = |address: sip::value::NameAddr<'_>| {
        uri(address.uri);
        maybe(address.display);
        maybe(address.tag());
        inside(address.params);
        address.params().for_each(|param| maybe(param.value));
    };
    maybe(message.method());
    maybe(message.reason_phrase());
    inside(message.body());
    maybe(message.call_id());
    maybe(message.via_branch());
    message.request_uri().into_iter().for_each(uri);
    for one in [
        message.from(),
        message.to(),
        message.contact(),
        message.pai(),
        message.ppi(),
        message.remote_party_id(),
        message.refer_to(),
        message.referred_by(),
    ] {
        one.into_iter().for_each(address);
    }
    for name in Name::ALL {
        maybe(message.header(*name));
        message.values(*name).for_each(inside);
        message.addresses(*name).for_each(address);
    }
    for via in message.vias() {
        for part in [via.transport, via.host, via.params] {
            inside(part);
        }
        let _ = (via.branch(), via.rport(), via.received_ip());
    }
    assert_eq!(
        message.via_branch(),
        message.vias().next().and_then(|via| via.branch()),
        "both ways to the branch agree"
    );
    message.diversions().for_each(|diversion| maybe(diversion.reason()));
    message.history().for_each(|entry| {
        inside(entry.index());
        maybe(entry.parent());
    });
    message.reasons().for_each(|reason| {
        inside(reason.protocol);
        maybe(reason.text);
    });
    message.warnings().for_each(|warning| {
        inside(warning.agent);
        inside(warning.text);
    });
    message.identities().for_each(|identity| {
        inside(identity.payload);
        inside(identity.signature);
        maybe(identity.info());
    });
    message.privacy().for_each(inside);
    let _ = (
        message.auth_user(),
        message.session_id(),
        message.rack(),
        message.retry_after().map(|retry| maybe(retry.comment)),
    );
    let _ = (
        message.session_expires(),
        message.replaces(),
        message.rtp_stat().map(Iterator::count),
        message.charging_vector().map(Iterator::count),
    );
    for part in message.parts() {
        inside(part.body);
        part.headers().for_each(|header| assert_eq!(&bytes[header.value_range()], header.value));
    }
    if let Some(sdp) = message.sdp() {
        sdp.lines().for_each(|line| inside(line.raw));
        let _ = (sdp.origin(), sdp.connection(), sdp.attributes().count());
        for media in sdp.media() {
            let _ = media.codecs().count();
            media.connection().into_iter().for_each(|connection| inside(connection.address));
            let _ = (media.direction(), media.ptime_milliseconds(), media.attributes().cryptos().count());
        }
    }
    message.headers().for_each(|header| assert_eq!(&bytes[header.name_range()], header.name));
    for problem in message.problems() {
        assert!(problem.range.start <= problem.range.end && problem.range.end <= bytes.len(), "{problem:?}");
    }
}
