//! What an operator does not want kept is gone, and nothing else with it.

use protocols::{Redactions, blank_secrets};

use crate::{encoded, outgoing};

const NONE: Redactions = Redactions { digest: false, srtp: false, message_bodies: false, dtmf: false };
const ALL: Redactions = Redactions { digest: true, srtp: true, message_bodies: true, dtmf: true };

const SIP: u16 = 1;
const RTP: u16 = 4;
const LOG: u16 = 100;

/// What is kept of a payload.
#[track_caller]
fn kept(hep_type: u16, payload: &[u8], redactions: Redactions) -> String {
    let outgoing = outgoing(hep_type, payload);
    let mut texts = Vec::new();
    // Plain, compressed, and in a packet inside a packet.
    let plain = encoded(&outgoing);
    let compressed = encoded(&hep::Outgoing { compress: true, ..outgoing });
    let nested = encoded(&self::outgoing(hep_type, &plain));
    for (frame, depth) in [(&plain, 0), (&compressed, 0), (&nested, 1)] {
        let (packet, _) = hep::decode(frame, u32::MAX).expect("a packet");
        let mut logged = frame.clone();
        let replaced = blank_secrets(&packet, frame, &mut logged, redactions).expect("small enough");
        assert_eq!(logged.len(), frame.len(), "in place");
        let logged = replaced.unwrap_or(logged);
        let mut payload = hep::decode(&logged, u32::MAX).expect("a packet").0.payload.into_owned();
        for _ in 0..depth {
            payload = hep::decode(&payload, u32::MAX).expect("a packet").0.payload.into_owned();
        }
        texts.push(String::from_utf8_lossy(&payload).into_owned());
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
    texts.swap_remove(0)
}

const REGISTER: &str = "REGISTER sip:example.org SIP/2.0\r\nCall-ID: a@b\r\nCSeq: 2 REGISTER\r\n\
    Authorization: Digest username=\"alice\", realm=\"example.org\", nonce=\"0123456789abcdef0123456789abcdef\", \
    response=\"6629fae49393a05397450978507c4ef1\", algorithm=MD5\r\nContent-Length: 0\r\n\r\n";

#[test]
fn nothing_is_touched_unless_it_is_asked_for() {
    for text in [REGISTER, MESSAGE, RELAY, CRYPTO] {
        assert_eq!(kept(SIP, text.as_bytes(), NONE), text);
    }
    assert!(!NONE.any() && ALL.any());
}

#[test]
fn answers_to_challenges_go_and_the_challenge_stays() {
    let only = Redactions { digest: true, ..NONE };
    let blanked = REGISTER.replace("6629fae49393a05397450978507c4ef1", &"*".repeat(32));
    assert_eq!(kept(SIP, REGISTER.as_bytes(), only), blanked);
    // SHA-256, no quotes, other letters, and quoted in a log.
    let hash = "d65f52b42a2605dd84ef5d88f9c2e8bf".repeat(2).to_uppercase();
    for (before, after) in [("RESPONSE = ", ", x"), ("rspauth=\"", "\""), ("said response=\\\"", "\\\"")] {
        let text = format!("{before}{hash}{after}");
        assert_eq!(kept(LOG, text.as_bytes(), only), format!("{before}{}{after}", "*".repeat(64)), "{text}");
    }
    for other in ["response=200", "no_response=6629fae49393a05397450978507c4ef1", "response of 1234"] {
        assert_eq!(kept(LOG, other.as_bytes(), only), other);
    }
}

const CRYPTO: &str = "INVITE sip:bob@example.org SIP/2.0\r\nCall-ID: a@b\r\nCSeq: 1 INVITE\r\n\
    Content-Type: application/sdp\r\n\r\nv=0\r\nm=audio 4000 RTP/SAVP 0\r\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP\r\n\
    a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ6gAAAAAGEEoo2pee4hp2\r\na=sendrecv\r\n";

#[test]
fn keys_of_media_go_and_the_description_stays() {
    let only = Redactions { srtp: true, ..NONE };
    let blanked = CRYPTO
        .replace("WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", &"*".repeat(40))
        .replace("AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ6gAAAAAGEEoo2pee4hp2", &"*".repeat(52));
    assert_eq!(kept(SIP, CRYPTO.as_bytes(), only), blanked);
    let name = "INVITE sip:mikey2@h SIP/2.0\r\nCall-ID: a\r\nFrom: \"Mikey Jones\" <sip:mikey2@h>\r\n\r\n";
    assert_eq!(kept(SIP, name.as_bytes(), only), name, "somebody may be called so");
    let event = br#"{"sdp":"a=crypto:1 X inline:ab\/cd+ef=|2^20\r\n"}"#;
    assert_eq!(kept(LOG, event, only), r#"{"sdp":"a=crypto:1 X inline:**********|2^20\r\n"}"#);
}

const MESSAGE: &str = "MESSAGE sip:bob@example.org SIP/2.0\r\nCall-ID: a@b\r\nCSeq: 1 MESSAGE\r\n\
    Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nmeet me at nine";

#[test]
fn what_people_write_goes_and_the_headers_stay() {
    let only = Redactions { message_bodies: true, ..NONE };
    let blanked = MESSAGE.replace("meet me at nine", &"*".repeat(15));
    assert_eq!(kept(SIP, MESSAGE.as_bytes(), only), blanked, "also behind the Content-Length");
    let wrapped = serde_json::json!({"time": 1, "payload": MESSAGE, "note": "stays"}).to_string();
    let read: serde_json::Value =
        serde_json::from_str(&kept(SIP, wrapped.as_bytes(), only)).expect("still JSON");
    assert_eq!((&read["payload"], &read["note"]), (&blanked.into(), &"stays".into()));
    // Escapes of another kind: then all of it.
    let escaped = wrapped.replace("\\r", "\\u000d");
    let read: serde_json::Value =
        serde_json::from_str(&kept(SIP, escaped.as_bytes(), only)).expect("still JSON");
    assert!(read["payload"].as_str().is_some_and(|text| text.bytes().all(|byte| byte == b'*')));
    let ok = MESSAGE.replace("MESSAGE sip:bob@example.org SIP/2.0", "SIP/2.0 200 OK");
    assert_eq!(kept(SIP, ok.as_bytes(), only), ok);
    assert_eq!(kept(SIP, RELAY.as_bytes(), only), RELAY);
}

const RELAY: &str = "INFO sip:bob@example.org SIP/2.0\r\nCall-ID: a@b\r\nCSeq: 3 INFO\r\n\
    Content-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n";

#[test]
fn digits_go() {
    let only = Redactions { dtmf: true, ..NONE };
    assert_eq!(kept(SIP, RELAY.as_bytes(), only), RELAY.replace("Signal=5", "Signal=*"));
    let bare = RELAY.replace("dtmf-relay", "dtmf").replace("Signal=5\r\nDuration=160\r\n", "7");
    assert!(kept(SIP, bare.as_bytes(), only).ends_with("\r\n\r\n*"));
    let twice = format!("{RELAY}Signal=6\r\n");
    let left = kept(SIP, twice.as_bytes(), only);
    assert!(!left.contains("=5") && !left.contains("=6"), "{left}");
    let other = RELAY.replace("dtmf-relay", "media_control+xml");
    assert_eq!(kept(SIP, other.as_bytes(), only), other);
    let kpml = "NOTIFY sip:a@b SIP/2.0\r\nCSeq: 1 NOTIFY\r\nc: application/kpml-response+xml\r\n\r\n<kpml-response digits=\"42\"/>";
    assert!(!kept(SIP, kpml.as_bytes(), only).contains("42"));
}

#[test]
fn events_in_rtp_lose_their_digit() {
    let packet = |kind: u8, payload: &[u8]| {
        let mut bytes = vec![0x80, kind, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend_from_slice(payload);
        bytes
    };
    let kept = |bytes: &[u8]| {
        let frame = encoded(&outgoing(RTP, bytes));
        let (packet, _) = hep::decode(&frame, u32::MAX).expect("a packet");
        let mut logged = frame.clone();
        let replaced = blank_secrets(&packet, &frame, &mut logged, ALL).expect("small enough");
        assert_eq!(replaced, None);
        hep::decode(&logged, u32::MAX).expect("a packet").0.payload.into_owned()
    };
    let digit = packet(101, &[5, 10, 0, 160]);
    assert_eq!(kept(&digit), packet(101, &[b'*', 10, 0, 160]));
    for other in [packet(0, &[5, 10, 0, 160]), packet(101, &[32, 10, 0, 160]), packet(111, &[5; 40])] {
        assert_eq!(kept(&other), other);
    }
}
