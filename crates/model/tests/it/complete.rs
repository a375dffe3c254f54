use model::query::complete;

use crate::catalogue;

/// The choices at `|`.
fn choices(marked: &str) -> (usize, Vec<String>) {
    let cursor = marked.find('|').expect("the test marks the cursor");
    let text = marked.replacen('|', "", 1);
    let catalogue = catalogue()
        .with_values("user_agent", ["baresip v1.0 (x86_64/linux)", "snom", "100% **", "or"])
        .with_values("src_ip", ["10.0.0.1"])
        .with_values("dst_ip", ["10.0.0.2"]);
    let completion = complete(&text, cursor, &catalogue);
    (completion.from, completion.options.into_iter().map(|option| option.text).collect())
}

#[track_caller]
fn offers(marked: &str, from: usize, expected: &[&str]) {
    let (at, options) = choices(marked);
    assert_eq!(at, from, "{marked}");
    for text in expected {
        assert!(options.iter().any(|option| option == text), "{marked}: {text} not in {options:?}");
    }
}

#[test]
fn names_operators_values_and_joints() {
    offers("|", 0, &["from", "src", "sip."]);
    offers("met|", 0, &["method"]);
    offers("user|", 0, &["user", "user_agent", "from_user"]);
    offers("sip.st|", 0, &["sip.status"]);
    offers("exists no|", 7, &["node"]);
    offers("method |", 7, &["=", "!=", "~", "in"]);
    offers("status |", 7, &["=", "<", "in"]);
    offers("method = |", 9, &["INVITE", "BYE"]);
    offers("method = i|", 9, &["INVITE", "INFO"]);
    offers("method=\"re|", 7, &["REGISTER", "REFER"]);
    offers("ua = |", 5, &["\"baresip v1.0 (x86_64/linux)\"", "snom", "\"100% \\*\\*\"", "\"or\""]);
    offers("ua = \"bare|", 5, &["\"baresip v1.0 (x86_64/linux)\""]);
    offers("src = |", 6, &["10.0.0.1"]);
    offers("ip = |", 5, &["10.0.0.1", "10.0.0.2"]);
    offers("method in (BYE, in|", 16, &["INVITE", "INFO"]);
    offers("ts > |", 5, &["-1h"]);
    offers("table = |", 8, &["sip", "rtcp"]);
    offers("flags = b|", 8, &["bad_time"]);
    offers("status = 200 |", 13, &["and", "or"]);
    offers("status = 200 a|", 13, &["and"]);
    offers("status = 200 and st|atus", 17, &["status"]);
    offers("(st|", 1, &["status"]);
    offers("inv|", 0, &["INVITE"]);
}

#[test]
fn ordered_operators_only_where_there_is_an_order() {
    let (_, options) = choices("src |");
    assert!(!options.iter().any(|option| option == "<"), "{options:?}");
    let (_, options) = choices("raw |");
    assert_eq!(options, ["~"]);
}

#[test]
fn a_cursor_inside_a_letter_or_past_the_end_is_moved() {
    let text = "from = é";
    for cursor in 0..text.len() + 3 {
        let completion = complete(text, cursor, &catalogue());
        assert!(text.is_char_boundary(completion.from));
    }
}
