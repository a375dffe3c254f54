use crate::printed;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(printed(text), expected, "{text}");
}

#[test]
fn a_word_is_searched_by_its_shape() {
    check("INVITE", r#"method = "INVITE""#);
    check("bye", r#"method = "BYE""#);
    check("5xx", "status in 500..599");
    check("10.0.0.1", "src_ip = 10.0.0.1 or dst_ip = 10.0.0.1");
    check("2001:db8::1", "src_ip = 2001:db8::1 or dst_ip = 2001:db8::1");
    check("10.0.0.0/24", "src_ip = 10.0.0.0/24 or dst_ip = 10.0.0.0/24");
    check(
        "10.0.0.1:5060",
        "(src_ip = 10.0.0.1 and src_port = 5060) or (dst_ip = 10.0.0.1 and dst_port = 5060)",
    );
    check("10.0.*", r#"src_ip = "10.0.*" or dst_ip = "10.0.*""#);
    check("z9hG4bK-524287-1", r#"via_branch = "z9hG4bK-524287-1""#);
}

#[test]
fn numbers_are_found_by_their_end() {
    let suffix = |end: &str| {
        ["from_user", "to_user", "ruri_user", "pai_user"]
            .map(|name| format!("{name} = \"*{end}\""))
            .join(" or ")
    };
    check("+442079460000", &suffix("442079460000"));
    check("00442079460000", &suffix("442079460000"));
    check("02079460000", &suffix("2079460000"));
    check("+44-20-7946.0000", &suffix("442079460000"));
    check("tel:+442079460000", &suffix("442079460000"));
    check("0100", &suffix("0100"));
    check(
        "486",
        r#"status = 486 or from_user = "486" or to_user = "486" or ruri_user = "486" or pai_user = "486""#,
    );
}

#[test]
fn identifiers_are_found_whole() {
    check(
        "3848276298220188511",
        r#"call_id = "3848276298220188511" or correlation_id = "3848276298220188511" or from_user = "3848276298220188511" or to_user = "3848276298220188511" or ruri_user = "3848276298220188511" or pai_user = "3848276298220188511""#,
    );
    check("d007d2d6b3a87033", r#"call_id = "d007d2d6b3a87033" or correlation_id = "d007d2d6b3a87033""#);
    check(
        "ab30317f1a784dc48ff824d0d3715d86",
        r#"call_id = "ab30317f1a784dc48ff824d0d3715d86" or correlation_id = "ab30317f1a784dc48ff824d0d3715d86" or session_id = "*ab30317f1a784dc48ff824d0d3715d86*""#,
    );
    let call_id = "1-call-20375@127.0.0.1";
    assert!(
        printed(call_id).starts_with(&format!(r#"call_id = "{call_id}" or correlation_id = "{call_id}""#))
    );
}

#[test]
fn a_lone_call_id_may_hold_any_sign() {
    for call_id in ["a~b@host", "a!b(c)<d>@host", "x,y@host", "~z@host"] {
        let printed = printed(call_id);
        assert!(printed.contains(&format!("call_id = \"{call_id}\"")), "{printed}");
    }
}

#[test]
fn addresses_of_record() {
    let both = |user: &str, host: &str| {
        ["from", "to", "ruri"]
            .map(|side| format!("({side}_user = \"{user}\" and {side}_host = \"{host}\")"))
            .join(" or ")
    };
    check("sip:bob@example.com", &both("bob", "example.com"));
    check("SIPS:bob@example.com:5061;transport=tls", &both("bob", "example.com"));
    check("<sip:bob@example.com>;tag=1", &both("bob", "example.com"));
    assert!(printed("bob@example.com").ends_with(&both("bob", "example.com")));
}

#[test]
fn other_words_are_users_calls_or_nodes() {
    check(
        "alice",
        r#"from_user = "alice" or to_user = "alice" or ruri_user = "alice" or pai_user = "alice" or call_id = "alice" or correlation_id = "alice" or node = "alice""#,
    );
    check("alice INVITE", &format!("({}) and method = \"INVITE\"", printed("alice")));
    assert!(printed("ali*").contains(r#"node = "ali*""#));
}
