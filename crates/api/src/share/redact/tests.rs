use super::*;

const BODY: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";

fn invite() -> String {
    let head = [
        "INVITE sip:+4930555100@voip.example.net SIP/2.0",
        "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK4930555100x",
        "Via: SIP/2.0/TCP pbx.corp.local;branch=z9hG4bK7",
        "From: \"Ada Byron\" <sip:+4989555200@voip.example.net>;tag=1",
        "To: Charles Babbage <sip:+4930555100@VOIP.example.net>",
        "Call-ID: 7f3a@10.0.0.1",
        "CSeq: 1 INVITE",
        "Contact: <sip:alice.byron@[2001:DB8:5::14]:5060>",
        "Proxy-Authorization: Digest username=\"alice.byron\", realm=\"voip.example.net\", nonce=\"84f1c1ae\", uri=\"sip:+4930555100@voip.example.net\", response=\"7587245234b3434c\"",
        "Identity: eyJhbGciOiJFUzI1NiJ9.eyJkZXN0Ijp7InRuIjpbIjQ5MzA1NTUxMDAiXX19.c2ln;\r\n info=<https://cert.example.org/eyJx>",
        "Subject: about the merger",
    ];
    format!("{}\r\nContent-Length: {}\r\n\r\n{BODY}", head.join("\r\n"), BODY.len())
}

fn row_of(text: &str) -> Row {
    let tables = protocols::Protocols::built_in().tables();
    let table = tables.iter().find(|table| table.name == "sip").expect("a table");
    Row {
        raw: text.as_bytes().to_vec(),
        node: Some("sbc-frankfurt".to_owned()),
        listener: Some("udp 10.9.9.9:9060".to_owned()),
        sender: Some("10.9.9.8".to_owned()),
        src_ip: Some("10.0.0.1".to_owned()),
        dst_ip: Some("2001:db8:5::14".to_owned()),
        call_id: Some("7f3a@10.0.0.1".to_owned()),
        cells: vec![("from_user", Cell::Text("+4989555200".to_owned()))],
        extra: Some("{\"src_mac\":\"x\",\"peer\":\"10.0.0.1\"}".to_owned()),
        ..Row::new(table)
    }
}

#[test]
fn nothing_of_what_is_to_go_is_left_and_what_is_to_stay_stays() {
    let row = row_of(&invite());
    let mut redactor = Redactor::of(std::slice::from_ref(&row)).expect("few words");
    let shown = redactor.row(&row);
    let text = String::from_utf8(shown.raw.clone()).expect("a text");
    let all = format!("{text}\n{shown:?}");
    let secrets = [
        "4930555100@",
        "4989555200",
        "Ada",
        "Byron",
        "byron",
        "Babbage",
        "10.0.0.1",
        "10.9.9",
        "2001:DB8:5",
        "2001:db8:5",
        "voip.example.net",
        "VOIP",
        "corp.local",
        "84f1c1ae",
        "7587245234b3434c",
        "eyJ",
        "d0RmdmcmVC",
        "merger",
        "frankfurt",
    ];
    for secret in secrets {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    for kept in [
        "CSeq: 1 INVITE",
        "branch=z9hG4bK4930555100x",
        "m=audio 4000 RTP/SAVP 8",
        "Digest username=",
        "tag=1",
        "SIP/2.0/TCP host-",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    // One value is one word, wherever it stands, as long as it was.
    assert_eq!(shown.src_ip.as_deref(), Some("192.0.2.1"));
    assert_eq!(shown.call_id.as_deref(), Some("7f3a@192.0.2.1"));
    assert!(
        text.contains("Call-ID: 7f3a@192.0.2.1\r\n") && text.contains("c=IN IP4 192.0.2.1\r\n"),
        "{text}"
    );
    let from = shown.text("from_user").expect("a user").to_owned();
    assert_eq!(from.len(), "+4989555200".len());
    assert!(text.contains(&format!("From: \"redacted\" <sip:{from}@host-1.example>")), "{text}");
    // The length of the body is right again.
    let (head, body) = text.split_once("\r\n\r\n").expect("a body");
    assert!(head.contains(&format!("Content-Length: {}", body.len())) && body.len() != BODY.len(), "{text}");
}

#[test]
fn a_number_is_known_by_its_other_forms_and_a_user_by_their_fields() {
    let row = row_of(&invite());
    let mut redactor = Redactor::of(std::slice::from_ref(&row)).expect("few words");
    let called = redactor.text("+4930555100");
    let digits = &called[1..];
    assert_eq!(
        redactor.text("no route to 004930555100, 4930555100"),
        format!("no route to 00{digits}, {digits}")
    );
    assert_eq!(redactor.text("Ada Byron called"), redactor.text("ada byron called"));
    assert!(!redactor.text("Ada Byron called").contains("Ada"));
    assert_eq!(redactor.text("SIP/2.0 200 OK"), "SIP/2.0 200 OK");
}

#[test]
fn a_number_has_one_word_whichever_form_came_first() {
    for first in ["4930555100", "+4930555100", "004930555100"] {
        let row = row_of(&format!("INVITE sip:{first}@b.example SIP/2.0\r\n\r\n"));
        let mut redactor = Redactor::of(std::slice::from_ref(&row)).expect("few words");
        let digits = redactor.text("4930555100");
        assert!(digits != "4930555100" && digits.len() == 10, "{first}: {digits}");
        assert_eq!(redactor.text("+4930555100 004930555100"), format!("+{digits} 00{digits}"), "{first}");
    }
}

/// Where the payload is gone, or was no text, columns are all there is.
#[test]
fn what_only_columns_tell_goes() {
    let told = [
        ("from_user", "100"),
        ("to_user", "bob"),
        ("from_host", "pbx.corp.example"),
        ("contact", "<sip:carol@10.0.0.7:5060>"),
        ("pai_user", "anonymous"),
        ("user_agent", "Phone 1.0"),
    ];
    let cells = told.map(|(name, text)| (name, Cell::Text(text.to_owned()))).into();
    let row = Row { raw: vec![0xff], payload_gone: true, extra: None, cells, ..row_of("") };
    let mut redactor = Redactor::of(std::slice::from_ref(&row)).expect("few words");
    let shown = redactor.row(&row);
    for (name, plain) in told {
        let is_kept = ["anonymous", "Phone 1.0"].contains(&plain);
        let now = shown.text(name).expect("it is there");
        assert_eq!(now == plain, is_kept, "{name}: {now}");
        assert!(is_kept || !["corp", "carol", "10.0.0.7"].iter().any(|part| now.contains(part)), "{now}");
    }
    // The payload beside it has the same word.
    assert_eq!(shown.text("from_user"), Some("001"));
    assert_eq!(redactor.text("<sip:100@x>"), "<sip:001@x>");
}

#[test]
fn what_stands_inside_of_uris_goes() {
    let text = "REFER sip:+4930555100;phone-context=+49;npdi;rn=+12125550199@host.example SIP/2.0\r\n\
        Refer-To: <sip:dora@host.example?Replaces=7f3a%4010.0.0.1%3Bfrom-tag%3D1&X=%2B4989555200%40pbx.corp.example>\r\n\
        Contact: <tel:+49(30)555-777>\r\n\
        From: Ada Byron <sip:ada@a.example>, Charles Babbage <sip:cb@a.example>\r\n\r\n";
    let row = Row {
        extra: Some(
            r#"{"diversion":"Grace Hopper <sip:grace@c.example>","src_mac":"aa:bb","authorization":"Authorization: Basic dXNlcjpwYXNz"}"#
                .to_owned(),
        ),
        ..row_of(text)
    };
    let mut redactor = Redactor::of(std::slice::from_ref(&row)).expect("few words");
    let shown = redactor.row(&row);
    let all = format!("{} {:?}", String::from_utf8_lossy(&shown.raw), shown.extra);
    for secret in [
        "4930555100",
        "12125550199",
        "host.example",
        "10.0.0.1",
        "4989555200",
        "corp.example",
        "(30)",
        "Ada",
        "Babbage",
        "Grace",
        "Hopper",
        "aa:bb",
        "dXNlcjpwYXNz",
        "dora",
    ] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    let extra = shown.extra.expect("it is there");
    assert!(serde_json::from_str::<Value>(&extra).is_ok(), "{extra}");
}

#[test]
fn what_people_wrote_goes_and_so_does_what_is_no_text() {
    let text = "MESSAGE sip:bob@b.example SIP/2.0\r\nContent-Length: 5\r\n\r\nhello";
    let row = Row { cells: vec![("method", Cell::Text("MESSAGE".to_owned()))], ..row_of(text) };
    let binary = Row { raw: vec![0x80, 0xc8, 0xff], ..row_of("") };
    let rows = [row, binary];
    let mut redactor = Redactor::of(&rows).expect("few words");
    let shown: Vec<Row> = rows.iter().map(|row| redactor.row(row)).collect();
    assert!(
        shown[0].utf8().is_some_and(|text| text.ends_with("Content-Length: 8\r\n\r\nredacted")),
        "{:?}",
        shown[0].utf8()
    );
    assert!(shown[1].payload_gone && shown[1].raw.is_empty());
}

#[test]
fn texts_of_an_answer_go_and_words_of_ours_stay() {
    let row = row_of("INVITE sip:caller@b.example SIP/2.0\r\n\r\n");
    let mut redactor = Redactor::of(std::slice::from_ref(&row)).expect("few words");
    let mut value = serde_json::json!({
        "text": "10.0.0.1:5060 does not know caller", "blame": {"kind": "caller", "text": "the caller"},
        "proof": ["65537"], "callers": ["12125550100", "caller"],
    });
    redactor.value(&mut value);
    assert_eq!(value["blame"]["kind"], "caller");
    assert_eq!(value["text"], "192.0.2.1:5060 does not know user-2");
    assert_eq!(value["callers"], serde_json::json!(["redacted", "user-2"]));
    assert_eq!(value["proof"], serde_json::json!(["65537"]));
}

#[test]
fn secrets_quoted_in_a_log_go() {
    let mut redactor = Redactor::default();
    let line = r#"{"msg":"Authorization: Digest response=\"7587245234b3434c\", From: \"Ada Byron\" <sip:x>","password":"hunter2"}"#;
    let out = redactor.text(line);
    for secret in ["7587", "Ada", "hunter2"] {
        assert!(!out.contains(secret), "{out}");
    }
}

#[test]
fn a_call_that_names_too_much_is_not_shown_redacted() {
    let text: String = (0..=WORDS_MAX).map(|number| format!("<sip:user{number}@a>\r\n")).collect();
    assert!(Redactor::of(&[row_of(&text)]).is_none());
}
