//! Typed headers, read from whole messages.

use sip::value::{Contact, Rport};
use sip::{Name, parse};

use crate::{crlf, kinds};

fn bytes(part: &str) -> Option<&[u8]> {
    Some(part.as_bytes())
}

#[test]
fn a_message_of_compact_forms() {
    let text = crlf(
        "INVITE sip:b@h SIP/2.0\nv: SIP/2.0/TCP a:5061;branch=z9hG4bK1;rport\nf: <sip:a@h>;tag=1\nt: <sip:b@h>\ni: id\n\
         CSeq: 7 INVITE\nm: <sip:a@10.0.0.1>\nc: text/plain\nl: 2\nk: timer\ns: hello\nr: <sip:c@h?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>\n\
         b: <sip:d@h>\nx: 90;refresher=uas\no: refer\ny: h.p.s;info=<https://c>;alg=ES256;ppt=shaken\n\nhi",
    );
    let message = parse(&text);
    assert_eq!(message.call_id(), bytes("id"));
    assert_eq!(
        message.via().map(|via| (via.transport, via.host, via.port)),
        Some((&b"TCP"[..], &b"a"[..], Some(5061)))
    );
    assert_eq!(message.via().and_then(|via| via.rport()), Some(Rport::Asked));
    assert_eq!(message.contact().and_then(|contact| contact.uri.host), bytes("10.0.0.1"));
    assert_eq!(message.body(), b"hi");
    assert_eq!(message.header(Name::Subject), bytes("hello"));
    assert_eq!(message.header_named(b"Subject"), bytes("hello"));
    assert_eq!(message.header_named(b"S"), bytes("hello"));
    let replaces = message.replaces().unwrap();
    assert_eq!(
        (&*replaces.call_id, replaces.to_tag.as_deref(), replaces.from_tag.as_deref()),
        (&b"x"[..], bytes("1"), bytes("2"))
    );
    assert_eq!(message.referred_by().and_then(|by| by.uri.user), bytes("d"));
    assert_eq!(message.session_expires().and_then(|expires| expires.seconds), Some(90));
    assert_eq!(message.identities().next().and_then(|identity| identity.extension()), bytes("shaken"));
    assert_eq!(kinds(&message), []);
}

#[test]
fn names_in_any_case() {
    let text = crlf(
        "SIP/2.0 200 OK\nCALL-ID: a\ncseq: 1 BYE\nuSeR-aGeNt: x\nP-ASSERTED-IDENTITY: <sip:p@h>\nx-CUSTOM: y\n\n",
    );
    let message = parse(&text);
    assert_eq!(message.call_id(), bytes("a"));
    assert_eq!(message.method(), bytes("BYE"));
    assert_eq!(message.user_agent(), bytes("x"));
    assert_eq!(message.pai().and_then(|pai| pai.uri.user), bytes("p"));
    assert_eq!(message.header_named(b"X-Custom"), bytes("y"));
}

#[test]
fn every_via_over_lines_and_lists() {
    let text = crlf(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP one;branch=1;received=192.0.2.1;rport=5070, SIP/2.0/TCP two:5062;branch=2\n\
         v: SIP/2.0/TLS [2001:db8::3]:5061;branch=3\n\n",
    );
    let message = parse(&text);
    let branches: Vec<_> = message.vias().map(|via| via.branch().unwrap()).collect();
    assert_eq!(branches, [b"1", b"2", b"3"]);
    assert_eq!(message.via_branch(), bytes("1"));
    let first = message.via().unwrap();
    assert_eq!(
        (first.rport(), first.received_ip()),
        (Some(Rport::Port(5070)), Some("192.0.2.1".parse().unwrap()))
    );
    assert_eq!(message.vias().last().unwrap().host, b"2001:db8::3");
}

#[test]
fn contacts_star_lists_and_none() {
    let star = crlf("REGISTER sip:h SIP/2.0\nContact: *\nExpires: 0\n\n");
    assert!(matches!(parse(&star).contacts(), Some(Contact::Wildcard)));
    assert!(parse(&star).contact().is_none());
    assert_eq!(parse(&star).expires_seconds(), Some(0));

    let list = crlf(
        "SIP/2.0 200 OK\nContact: \"A, B\" <sip:a@h;x=1,2>;expires=60;q=0.5, <sip:b@h>;expires=70\nm: sip:c@h;expires=80\n\n",
    );
    let message = parse(&list);
    let Some(Contact::Addresses(addresses)) = message.contacts() else { panic!("addresses") };
    let found: Vec<_> =
        addresses.map(|address| (address.uri.user.unwrap(), address.expires_seconds())).collect();
    assert_eq!(found, [(&b"a"[..], Some(60)), (b"b", Some(70)), (b"c", Some(80))]);
    assert_eq!(message.contact().and_then(|contact| contact.display), bytes("A, B"));

    assert!(parse(b"SIP/2.0 200 OK\r\n\r\n").contacts().is_none());
}

#[test]
fn identities_of_the_caller() {
    let text = crlf(
        "INVITE tel:+4930123 SIP/2.0\nFrom: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\n\
         P-Asserted-Identity: \"Alice\" <sip:+49301@h;user=phone>, <tel:+49301>\nP-Preferred-Identity: <sip:pref@h>\n\
         Remote-Party-ID: \"Al\" <sip:rpid@h>;party=calling;screen=yes;privacy=off\nPrivacy: id;header, critical\n\n",
    );
    let message = parse(&text);
    let uri = message.request_uri().unwrap();
    assert_eq!((uri.scheme, uri.user, uri.host), (&b"tel"[..], bytes("+4930123"), None));
    assert_eq!(message.pai().and_then(|pai| pai.uri.subscriber()), bytes("+49301"));
    assert_eq!(message.addresses(Name::PAssertedIdentity).count(), 2);
    assert_eq!(message.ppi().and_then(|ppi| ppi.uri.user), bytes("pref"));
    let rpid = message.remote_party_id().unwrap();
    assert_eq!((rpid.uri.user, rpid.params().value(b"screen")), (bytes("rpid"), bytes("yes")));
    assert_eq!(message.privacy().collect::<Vec<_>>(), [&b"id"[..], b"header", b"critical"]);
}

#[test]
fn ipv6_references() {
    let text = crlf(
        "INVITE sip:bob@[2001:db8::2]:5070;transport=tcp SIP/2.0\nVia: SIP/2.0/UDP [2001:db8::1]:5060;received=2001:db8::9;branch=b\n\
         From: <sip:alice@[2001:db8::1]>;tag=1\nContact: <sip:[::1]>\n\n",
    );
    let message = parse(&text);
    let uri = message.request_uri().unwrap();
    assert_eq!((uri.host, uri.port, uri.params), (bytes("2001:db8::2"), Some(5070), &b"transport=tcp"[..]));
    assert_eq!(message.via().map(|via| (via.host, via.port)), Some((&b"2001:db8::1"[..], Some(5060))));
    assert_eq!(message.via().and_then(|via| via.received()), bytes("2001:db8::9"));
    assert_eq!(message.from().and_then(|from| from.uri.host), bytes("2001:db8::1"));
    assert_eq!(message.contact().and_then(|contact| contact.uri.host), bytes("::1"));
}

#[test]
fn why_a_call_ended() {
    let text = crlf(
        "BYE sip:b@h SIP/2.0\nReason: SIP;cause=200;text=\"Call completed elsewhere\", Q.850 ; cause=16\nReason: STIR;cause=403\n\
         Warning: 307 isi.edu \"Session parameter, 'foo' not understood\", 399 h \"x\"\nRetry-After: 18000;duration=3600\n\
         X-RTP-Stat: PS=10,OS=1600,PL=2\nRAck: 5 1 INVITE\nMax-Forwards: 70\n\n",
    );
    let message = parse(&text);
    let reasons: Vec<_> = message.reasons().map(|reason| (reason.protocol, reason.cause.unwrap())).collect();
    assert_eq!(reasons, [(&b"SIP"[..], 200), (b"Q.850", 16), (b"STIR", 403)]);
    let warnings: Vec<_> = message.warnings().map(|warning| (warning.code.unwrap(), warning.text)).collect();
    assert_eq!(warnings, [(307, &b"Session parameter, 'foo' not understood"[..]), (399, b"x")]);
    assert_eq!(message.retry_after().and_then(|retry| retry.seconds), Some(18_000));
    assert_eq!(message.rtp_stat().and_then(|stat| stat.value(b"PL")), bytes("2"));
    assert_eq!(message.rack().and_then(|rack| rack.response_number), Some(5));
    assert_eq!(message.max_forwards(), Some(70));
}

#[test]
fn authentication() {
    let text = crlf(
        "REGISTER sip:h SIP/2.0\nProxy-Authorization: Digest username=\"proxy\", realm=\"p\"\n\
         Authorization: Digest username=\"al\\\"ice\", realm=\"a, b\", nonce=\"n\", uri=\"sip:h\", response=\"r\", algorithm=MD5\n\n",
    );
    let message = parse(&text);
    assert_eq!(message.auth_user().as_deref(), bytes("al\"ice"));
    assert_eq!(message.authorization().and_then(|auth| auth.realm()).as_deref(), bytes("a, b"));
    assert_eq!(
        message
            .credentials()
            .filter_map(|auth| auth.username().map(std::borrow::Cow::into_owned))
            .collect::<Vec<_>>(),
        [&b"al\"ice"[..], b"proxy"]
    );
    let challenge = crlf(
        "SIP/2.0 401 Unauthorized\nWWW-Authenticate: Digest realm=\"a\", nonce=\"1\", stale=true\nWWW-Authenticate: Digest realm=\"a\", algorithm=SHA-256\n\n",
    );
    let challenges: Vec<_> = parse(&challenge)
        .challenges()
        .map(|challenge| (challenge.is_stale(), challenge.algorithm()))
        .collect();
    assert_eq!(challenges, [(true, None), (false, bytes("SHA-256"))]);
}

#[test]
fn redirection() {
    let text = crlf(
        "INVITE sip:c@h SIP/2.0\nDiversion: <sip:b@h>;reason=no-answer;counter=1\nDiversion: \"x\" <sip:a@h>;reason=unconditional\n\
         History-Info: <sip:a@h>;index=1\nHistory-Info: <sip:b@h?Reason=SIP%3Bcause%3D486>;index=1.1;mp=1,<sip:c@h>;index=1.1.1;rc=1.1\n\n",
    );
    let message = parse(&text);
    let diversions: Vec<_> = message
        .diversions()
        .map(|diversion| (diversion.address.uri.user.unwrap(), diversion.reason().unwrap()))
        .collect();
    assert_eq!(diversions, [(&b"b"[..], &b"no-answer"[..]), (b"a", b"unconditional")]);
    let history: Vec<_> = message.history().map(|entry| (entry.index(), entry.parent())).collect();
    assert_eq!(history, [(&b"1"[..], None), (b"1.1", bytes("1")), (b"1.1.1", bytes("1.1"))]);
}

#[test]
fn session_ids_and_charging() {
    let text = crlf(
        "INVITE sip:c@h SIP/2.0\nSession-ID: ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2\n\
         P-Charging-Vector: icid-value=\"1234bc9876e\";icid-generated-at=192.0.6.8;orig-ioi=home1.net\n\n",
    );
    let message = parse(&text);
    assert_eq!(message.session_id().unwrap().halves().count(), 2);
    let vector = message.charging_vector().unwrap();
    assert_eq!(
        (vector.value(b"icid-value"), vector.value(b"orig-ioi")),
        (bytes("1234bc9876e"), bytes("home1.net"))
    );
}

#[test]
fn routes() {
    let text = crlf(
        "INVITE sip:c@h SIP/2.0\nRoute: <sip:p1;lr>,<sip:p2;lr>\nRecord-Route: <sip:p3;lr;ftag=1>\nRoute: <sip:p4>\n\n",
    );
    let message = parse(&text);
    let hosts: Vec<_> = message.addresses(Name::Route).map(|route| route.uri.host.unwrap()).collect();
    assert_eq!(hosts, [b"p1", b"p2", b"p4"]);
    assert!(message.addresses(Name::RecordRoute).next().unwrap().uri.params().has(b"lr"));
}

#[test]
fn ranges_point_at_what_was_read() {
    let text = crlf(
        "INVITE sip:bob@h SIP/2.0\nFrom: \"Al\" <sip:alice@h>;tag=77\nCall-ID:   x y  \nContent-Length: 3\n\nabc",
    );
    let message = parse(&text);
    let at = |part: &[u8]| String::from_utf8(text[message.range_of(part).unwrap()].to_vec()).unwrap();
    assert_eq!(at(message.from().unwrap().tag().unwrap()), "77");
    assert_eq!(at(message.from().unwrap().uri.user.unwrap()), "alice");
    assert_eq!(&text[message.start_line_range()], b"INVITE sip:bob@h SIP/2.0");
    assert_eq!(&text[message.body_range()], b"abc");
    let headers: Vec<_> =
        message.headers().map(|header| (header.name_range(), header.value_range())).collect();
    assert_eq!(&text[headers[1].0.clone()], b"Call-ID");
    assert_eq!(&text[headers[1].1.clone()], b"x y");
    assert_eq!(message.range_of(b"elsewhere"), None);
}

#[test]
fn the_cseq_method_must_be_that_of_the_request() {
    let text = crlf(
        "BYE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP a\nFrom: <sip:a@h>\nTo: <sip:b@h>\nCall-ID: x\nCSeq: 1 INVITE\nContent-Length: 0\n\n",
    );
    let message = parse(&text);
    assert_eq!(message.method(), bytes("BYE"));
    let problem = message.problems().remove(0);
    assert_eq!(problem.kind, sip::ProblemKind::CSeqMethodDiffers);
    assert_eq!(&text[problem.range], b"INVITE");
}
