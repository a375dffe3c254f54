//! What must be survived: wire oddities that real senders, networks and capture agents make, and plain garbage.

use sip::{Name, ProblemKind, Start, messages, parse};

use crate::{crlf, kinds};

/// A sound request without body; tests break it.
const OPTIONS: &str = "OPTIONS sip:bob@biloxi.example SIP/2.0
Via: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bKnashds8
From: <sip:alice@atlanta.example>;tag=1928301774
To: <sip:bob@biloxi.example>
Call-ID: a84b4c76e66710@pc33.atlanta.example
CSeq: 314159 OPTIONS
Content-Length: 0

";

fn options() -> Vec<u8> {
    crlf(OPTIONS)
}

#[test]
fn a_sound_message_has_no_problems() {
    let bytes = options();
    let message = parse(&bytes);
    assert_eq!(kinds(&message), []);
    assert_eq!(message.range(), 0..bytes.len());
    assert_eq!(message.headers().count(), 6);
}

#[test]
fn lines_that_end_in_lf_only() {
    let message = parse(OPTIONS.as_bytes());
    assert_eq!(message.method(), Some(&b"OPTIONS"[..]));
    assert_eq!(message.header(Name::To), Some(&b"<sip:bob@biloxi.example>"[..]));
    assert_eq!(message.call_id(), Some(&b"a84b4c76e66710@pc33.atlanta.example"[..]));
    assert_eq!(kinds(&message), [ProblemKind::LfOnly], "told once, not per line");
}

#[test]
fn lines_that_end_in_cr_only() {
    let bytes = OPTIONS.replace('\n', "\r").replace("Length: 0", "Length: 2") + "hi";
    let message = parse(bytes.as_bytes());
    assert_eq!(message.method(), Some(&b"OPTIONS"[..]));
    assert_eq!(message.cseq().and_then(|cseq| cseq.number), Some(314_159));
    assert_eq!(message.body(), b"hi");
    assert_eq!(kinds(&message), [ProblemKind::CrOnly, ProblemKind::NoContentType]);
}

#[test]
fn cr_noise_in_lines_and_at_their_ends() {
    let bytes = b"SIP/2.0 200 OK\r\r\nCall-ID: a\r\r\nSubject: one\rtwo\r\nl: 0\r\n\r\r\nrest";
    let message = parse(bytes);
    assert_eq!(message.reason_phrase(), Some(&b"OK"[..]));
    assert_eq!(message.call_id(), Some(&b"a"[..]));
    assert_eq!(message.header(Name::Subject), Some(&b"one\rtwo"[..]));
    assert_eq!(message.body_range(), bytes.len() - 4..bytes.len() - 4);
    assert!(kinds(&message).contains(&ProblemKind::BareCr));
}

#[test]
fn mixed_line_ends() {
    let message =
        parse(b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a;branch=b\nCall-ID: c\r\nCSeq: 1 INVITE\n\r\nbody");
    assert_eq!(message.via_branch(), Some(&b"b"[..]));
    assert_eq!(message.call_id(), Some(&b"c"[..]));
    assert_eq!(message.method(), Some(&b"INVITE"[..]));
    assert_eq!(message.body(), b"body");
}

#[test]
fn leading_line_ends_before_the_start_line() {
    let bytes = [b"\r\n\r\n\n".to_vec(), options()].concat();
    let message = parse(&bytes);
    assert_eq!(message.method(), Some(&b"OPTIONS"[..]));
    assert_eq!(message.range(), 5..bytes.len());
    assert_eq!(kinds(&message), [ProblemKind::LeadingBlankLines]);
    assert_eq!(message.problems()[0].range, 0..5);
}

#[test]
fn leading_and_trailing_nuls() {
    let bytes = [b"\0\0".to_vec(), options(), b"\0\0\0".to_vec()].concat();
    let message = parse(&bytes);
    assert_eq!(message.method(), Some(&b"OPTIONS"[..]));
    assert_eq!(message.range(), 2..bytes.len() - 3);
    assert_eq!(kinds(&message), [ProblemKind::LeadingNuls, ProblemKind::TrailingNuls]);
}

#[test]
fn trailing_nuls_without_content_length_are_no_body() {
    let bytes = [crlf(&OPTIONS.replace("Content-Length: 0\n", "")), b"hello\0\0\0".to_vec()].concat();
    assert_eq!(parse(&bytes).body(), b"hello");
    let cut = b"SIP/2.0 200 OK\r\nCall-ID: abc\0\0";
    assert_eq!(parse(cut).call_id(), Some(&b"abc"[..]), "the text of a header ends at its NULs");
}

#[test]
fn keep_alives_are_known_as_such() {
    for bytes in [&b"\r\n\r\n"[..], b"\r\n", b"\0", b"\0\0\0\0", b"", b" \r\n", b"\r\n\r\n\0"] {
        let message = parse(bytes);
        assert!(message.is_keep_alive(), "{bytes:?}");
        assert!(!message.is_sip(), "{bytes:?}");
        assert_eq!(message.start(), Start::Fragment);
        assert_eq!(kinds(&message), [ProblemKind::KeepAlive], "{bytes:?}");
    }
    assert_eq!(messages(b"\r\n\r\n").count(), 0);
    assert!(!parse(&options()).is_keep_alive());
}

#[test]
fn back_to_back_messages_are_cut_by_content_length() {
    let first = crlf(
        "INFO sip:a@b SIP/2.0\nCall-ID: 1\nContent-Type: text/plain\nContent-Length: 19\n\nSIP/2.0 999 no body",
    );
    let bytes = [first.clone(), b"\r\n\r\n".to_vec(), options(), b"\0".to_vec(), options()].concat();
    let all: Vec<_> = messages(&bytes).collect();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].body(), b"SIP/2.0 999 no body", "what looks like a message inside a body is none");
    assert_eq!(all[1].range(), first.len() + 4..first.len() + 4 + options().len());
    assert_eq!(all[2].range().end, bytes.len());
    assert_eq!(all[2].call_id(), Some(&b"a84b4c76e66710@pc33.atlanta.example"[..]));
    assert_eq!(
        all[1].range_of(all[1].call_id().unwrap()).unwrap().start,
        first.len() + 4 + {
            let text = String::from_utf8(options()).unwrap();
            text.find("a84b").unwrap()
        }
    );
    assert_eq!(
        kinds(&all[0]),
        [
            ProblemKind::MissingHeader,
            ProblemKind::MissingHeader,
            ProblemKind::MissingHeader,
            ProblemKind::MissingHeader,
            ProblemKind::TrailingBytes
        ]
    );
}

#[test]
fn back_to_back_messages_without_length_are_cut_at_the_next_start_line() {
    let bare = crlf(&OPTIONS.replace("Content-Length: 0\n", ""));
    let bytes = [bare.clone(), bare.clone()].concat();
    let all: Vec<_> = messages(&bytes).collect();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].range(), bare.len()..bytes.len());
}

#[test]
fn parse_reads_the_first_message_and_tells_of_the_rest() {
    let bytes = [options(), options()].concat();
    let message = parse(&bytes);
    assert_eq!(message.range(), 0..options().len());
    assert_eq!(kinds(&message), [ProblemKind::TrailingBytes]);
    assert_eq!(message.problems()[0].range, options().len()..bytes.len());
}

#[test]
fn fragments_without_start_line_keep_their_headers() {
    let bytes = crlf(
        "anta.example;branch=z9hG4bK1\nTo: <sip:bob@h>;tag=7\ni: abc\nCSeq: 2 BYE\nContent-Length: 0\n\n",
    );
    let message = parse(&bytes);
    assert_eq!(message.start(), Start::Fragment);
    assert!(message.is_sip());
    assert_eq!(message.method(), Some(&b"BYE"[..]), "CSeq tells");
    assert_eq!(message.call_id(), Some(&b"abc"[..]));
    assert_eq!(message.to().and_then(|to| to.tag()), Some(&b"7"[..]));
    assert!(kinds(&message).contains(&ProblemKind::NoStartLine));
    assert!(!kinds(&message).contains(&ProblemKind::MissingHeader), "a fragment need not be whole");
    let middle = parse(b"From: <sip:a@h>;tag=1\r\nCall-ID: x\r\n");
    assert_eq!(
        middle.from().and_then(|from| from.tag()),
        Some(&b"1"[..]),
        "a fragment may start at a header"
    );
}

#[test]
fn a_fragment_of_a_body_is_a_body() {
    let bytes = b"a=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n";
    let message = parse(bytes);
    assert!(!message.is_sip());
    assert_eq!(message.body(), bytes);
    assert_eq!(kinds(&message), [ProblemKind::NoStartLine]);
}

#[test]
fn a_body_shorter_than_content_length() {
    let bytes = crlf(&OPTIONS.replace("Length: 0", "Length: 10"));
    let bytes = [bytes, b"1234".to_vec()].concat();
    let message = parse(&bytes);
    assert_eq!(message.body(), b"1234");
    assert_eq!(message.content_length(), Some(10));
    assert_eq!(kinds(&message), [ProblemKind::BodyCut, ProblemKind::NoContentType]);
    assert_eq!(&bytes[message.problems()[0].range.clone()], b"10");
}

#[test]
fn headers_cut_anywhere_never_panic_and_keep_what_is_whole() {
    let bytes = options();
    for end in 0..bytes.len() {
        let message = parse(&bytes[..end]);
        assert!(message.range().end <= end);
        let _ = message.problems();
        if end > bytes.len() - 20 {
            assert_eq!(message.cseq().and_then(|cseq| cseq.number), Some(314_159));
            assert!(kinds(&message).contains(&ProblemKind::NoBlankLine), "cut at {end}");
        }
    }
}

#[test]
fn impossible_content_lengths_leave_the_body_whole() {
    for length in ["-1", "abc", "99999999999999999999999", "0x10", "1 2", ""] {
        let bytes =
            [crlf(&OPTIONS.replace("Length: 0", &format!("Length: {length}"))), b"body".to_vec()].concat();
        let message = parse(&bytes);
        assert_eq!(message.body(), b"body", "length {length:?}");
        assert!(kinds(&message).contains(&ProblemKind::BadValue), "length {length:?}");
    }
    let huge = crlf(&OPTIONS.replace("Length: 0", "Length: 18446744073709551615"));
    assert_eq!(parse(&huge).body(), b"");
    assert_eq!(kinds(&parse(&huge)), [ProblemKind::BodyCut]);
}

#[test]
fn folded_headers() {
    let bytes = b"OPTIONS sip:a@b SIP/2.0\r\nSubject: I know you're there,\r\n pick up\r\n\tthe phone\r\nf:\r\n <sip:a@h>\r\n \r\n ;tag=5\r\nCall-ID: x\r\n\r\n";
    let message = parse(bytes);
    assert_eq!(sip::text(message.header(Name::Subject).unwrap()), "I know you're there, pick up the phone");
    let from = message.from().unwrap();
    assert_eq!((from.uri.user, from.tag()), (Some(&b"a"[..]), Some(&b"5"[..])));
    assert_eq!(message.call_id(), Some(&b"x"[..]));
    assert_eq!(message.headers().count(), 3);
    assert_eq!(kinds(&message).iter().filter(|&&kind| kind == ProblemKind::Folded).count(), 2);
}

#[test]
fn no_cseq_and_no_call_id() {
    let bytes = crlf(
        &OPTIONS
            .replace("Call-ID: a84b4c76e66710@pc33.atlanta.example\n", "")
            .replace("CSeq: 314159 OPTIONS\n", ""),
    );
    let message = parse(&bytes);
    assert_eq!((message.call_id(), message.cseq()), (None, None));
    assert_eq!(message.method(), Some(&b"OPTIONS"[..]));
    let missing: Vec<_> =
        message.problems().into_iter().map(|problem| (problem.kind, problem.header)).collect();
    assert_eq!(
        missing,
        [(ProblemKind::MissingHeader, Some(Name::CallId)), (ProblemKind::MissingHeader, Some(Name::CSeq)),]
    );
    assert_eq!(parse(b"SIP/2.0 200 OK\r\n\r\n").method(), None);
    assert_eq!(
        parse(b"SIP/2.0 200 OK\r\nCall-ID:\r\n\r\n").call_id(),
        None,
        "an empty Call-ID joins nothing"
    );
}

#[test]
fn bytes_that_are_not_utf8() {
    let bytes =
        [&b"INVITE sip:\xe9@h SIP/2.0\r\nf: \"Ren\xe9\" <sip:rene@h>;tag=\xff\r\nCall-ID: \xc3\x28\r\n\r\n"
            [..]]
        .concat();
    let message = parse(&bytes);
    let from = message.from().unwrap();
    assert_eq!(sip::text(from.display.unwrap()), "Ren\u{fffd}");
    assert_eq!(from.tag(), Some(&b"\xff"[..]));
    let problem =
        message.problems().into_iter().find(|problem| problem.kind == ProblemKind::NotUtf8).unwrap();
    assert_eq!(&bytes[problem.range], b"\xe9", "the byte at fault");
}

#[test]
fn sixty_four_kilobytes() {
    let long = "x".repeat(65_000);
    let bytes = crlf(&OPTIONS.replace("From:", &format!("Subject: {long}\nFrom:")));
    let message = parse(&bytes);
    assert_eq!(message.header(Name::Subject).map(<[u8]>::len), Some(65_000));
    assert_eq!(message.from().and_then(|from| from.tag()), Some(&b"1928301774"[..]));
    let many = crlf(&OPTIONS.replace("From:", &("a:b\n".repeat(16_000) + "From:")));
    assert_eq!(parse(&many).headers().count(), 16_006);
    assert_eq!(parse(&many).from().and_then(|from| from.tag()), Some(&b"1928301774"[..]));
}

#[test]
fn binary_rtcp_and_websocket_frames_are_no_sip() {
    let rtcp = b"\x81\xc9\x00\x07\x12\x34\x56\x78\x00\x0a\x0d\x0a\x3a\x20\x00\xff";
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for bytes in
        [&rtcp[..], tls, b"HEP PING", b"\xff", b":", b"::\r\n:\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
    {
        let message = parse(bytes);
        assert!(!message.is_sip(), "{bytes:?}");
        assert_eq!(message.body(), bytes, "{bytes:?}");
        assert_eq!((message.method(), message.status(), message.call_id()), (None, None, None));
        assert_eq!(kinds(&message), [ProblemKind::NoStartLine], "{bytes:?}");
    }
    let masked = [b"\x81\xfe\x01\x10\x11\x22\x33\x44".to_vec(), options()].concat();
    assert_eq!(parse(&masked).start(), Start::Fragment);
}

#[test]
fn sip_wrapped_in_json_is_not_taken_for_sip() {
    let message = parse(br#"{"payload": "INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n"}"#);
    assert!(!message.is_sip());
    assert_eq!(message.start(), Start::Fragment);
}

#[test]
fn start_lines_with_odd_spaces_cases_and_versions() {
    for (line, method, uri, kind) in [
        (&b"INVITE  sip:a@h   SIP/2.0"[..], &b"INVITE"[..], &b"sip:a@h"[..], None),
        (b"INVITE sip:a b@h SIP/2.0", b"INVITE", b"sip:a b@h", Some(ProblemKind::BadUri)),
        (b"INVITE sip:a@h SIP/3.0", b"INVITE", b"sip:a@h", Some(ProblemKind::BadVersion)),
        (b"invite <sip:a@h> sip/2.0", b"invite", b"<sip:a@h>", Some(ProblemKind::BadUri)),
        (b"FOO!%*_+`'~ sip:h SIP/2.0", b"FOO!%*_+`'~", b"sip:h", None),
    ] {
        let bytes = [line, b"\r\n\r\n"].concat();
        let message = parse(&bytes);
        assert_eq!(message.start(), Start::Request { method, uri }, "{:?}", sip::text(line));
        let found = kinds(&message);
        assert_eq!(
            found.iter().find(|&&found| found != ProblemKind::MissingHeader).copied(),
            kind,
            "{:?}",
            sip::text(line)
        );
    }
    assert_eq!(kinds(&parse(b"SIP/2.0 99 Low\r\n\r\n"))[0], ProblemKind::BadStatus);
    assert_eq!(kinds(&parse(b"SIP/2.0 700 High\r\n\r\n"))[0], ProblemKind::BadStatus);
}

#[test]
fn header_lines_without_colon_or_name() {
    let bytes =
        crlf("OPTIONS sip:a@b SIP/2.0\nnonsense\n: empty\nbad name: x\nSubject : spaced\nCall-ID:x\n\n");
    let message = parse(&bytes);
    assert_eq!(
        message.header(Name::Subject),
        Some(&b"spaced"[..]),
        "white space before the colon is allowed"
    );
    assert_eq!(message.call_id(), Some(&b"x"[..]));
    assert_eq!(message.header_named(b"BAD name"), Some(&b"x"[..]));
    let at = |kind| {
        let problem = message.problems().into_iter().find(|problem| problem.kind == kind).unwrap();
        String::from_utf8(bytes[problem.range].to_vec()).unwrap()
    };
    assert_eq!(at(ProblemKind::NoColon), "nonsense");
    assert_eq!(at(ProblemKind::BadName), "");
}

#[test]
fn repeated_headers_count_once_and_are_told() {
    let bytes = crlf(&OPTIONS.replace("To:", "From: <sip:mallory@h>;tag=2\nTo:"));
    let message = parse(&bytes);
    assert_eq!(message.from().unwrap().uri.user, Some(&b"alice"[..]));
    let problem = &message.problems()[0];
    assert_eq!((problem.kind, problem.header), (ProblemKind::Repeated, Some(Name::From)));
    assert_eq!(&bytes[problem.range.clone()], b"From: <sip:mallory@h>;tag=2");
    assert_eq!(problem.to_string(), "From: stands more than once");
}

#[test]
fn open_quotes_and_brackets_are_told_with_their_place() {
    let bytes = crlf(&OPTIONS.replace("<sip:alice@atlanta.example>;", "\"Alice <sip:alice@atlanta.example;"));
    let message = parse(&bytes);
    assert_eq!(message.from().unwrap().uri.user, Some(&b"alice"[..]));
    let found: Vec<_> =
        message.problems().into_iter().map(|problem| (problem.kind, bytes[problem.range].to_vec())).collect();
    assert!(
        found.contains(&(
            ProblemKind::OpenQuote,
            b"\"Alice <sip:alice@atlanta.example;tag=1928301774".to_vec()
        ))
    );
    assert!(found.iter().any(|(kind, _)| *kind == ProblemKind::OpenBracket));
}

#[test]
fn problems_of_garbage_are_limited() {
    let bytes = [b"OPTIONS sip:a SIP/2.0\r\n".to_vec(), b"junk\r\n".repeat(10_000)].concat();
    let problems = parse(&bytes).problems();
    assert_eq!(problems.len(), sip::Message::PROBLEMS_MAX);
    assert_eq!(problems.last().unwrap().kind, ProblemKind::More);
}

#[test]
fn hostile_lists_take_linear_time() {
    // Each of these made a naive reader search the rest of the value again for every byte.
    for unit in ["\"", "<", "<,", "\",", "\"\\", "\\\"", ";\"", "[", "@", "sip:@[", ",<\"", "<sip:,"] {
        let value = unit.repeat(16_000 / unit.len());
        let bytes = crlf(&format!(
            "OPTIONS {value} SIP/2.0\nContact: {value}\nVia: {value}\nFrom: {value}\nReason: {value}\nDiversion: {value}\nAuthorization: Digest {value}\n\n"
        ));
        let message = parse(&bytes);
        let _ =
            (message.from(), message.contact(), message.request_uri(), message.via(), message.auth_user());
        let lists = message.vias().count()
            + message.addresses(Name::Contact).count()
            + message.reasons().count()
            + message.diversions().count();
        assert!(lists > 0, "{unit}");
        assert!(!message.problems().is_empty());
    }
}
