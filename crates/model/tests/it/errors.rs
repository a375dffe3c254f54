use model::query::{DEPTH_MAX, QueryError, REGEXES_MAX, TERMS_MAX, TEXT_BYTES_MAX, parse};

use crate::{NOW, catalogue};

fn error(text: &str) -> QueryError {
    match parse(text, &catalogue(), NOW) {
        Ok(_) => panic!("{text:.200} is understood"),
        Err(error) => error,
    }
}

#[test]
fn says_what_where_and_the_nearest_name() {
    let error = error("é = 1 and metod = INVITE");
    assert_eq!(error.to_string(), "no field is called é (column 1)");
    for (text, expected) in [
        ("metod = INVITE", "no field is called metod (column 1); did you mean method?"),
        ("from = \"é\" stauts = 1", "no field is called stauts (column 12); did you mean status?"),
        ("spi.method = INVITE", "no table is called spi (column 1); did you mean sip?"),
        ("sip.metod = INVITE", "table sip has no field metod (column 1); did you mean sip.method?"),
        ("exists nod", "no field is called nod (column 8); did you mean node?"),
        ("table = spi", "no table is called spi (column 9); did you mean sip?"),
        ("status = 4*", "status is a number; 4* is none (column 10); did you mean 4xx?"),
        ("status = abc", "status is a number; abc is none (column 10)"),
        ("status = 70000", "70000 is out of range for status, which holds -32768 to 32767 (column 10)"),
        ("cseq = 3s", "cseq has no unit; write 3s as a plain number (column 8)"),
        ("size > 3s", "size is in bytes; 3s is not (column 8)"),
        ("pdd = 0.5", "pdd holds whole numbers of milliseconds; 0.5 is none (column 7)"),
        ("is_emergency = maybe", "is_emergency is true or false, not maybe (column 16)"),
        (
            "ts > tomorrow",
            "tomorrow is not a time; write 2026-11-21 03:00, 2026-11-21T03:00:00Z or -1h (column 6)",
        ),
        (
            "src_ip = 10.0.0.1:5060",
            "src_ip holds an address without port; src and dst take address:port (column 10); did you mean 10.0.0.1?",
        ),
        ("src_ip = bob", "src_ip holds addresses; bob is neither an address nor a network (column 10)"),
        (
            "src_ip > 10.0.0.1",
            "src_ip is an address, which has no order; write a network, as in = 10.0.0.0/8 (column 1)",
        ),
        ("status ~ 5..", "status is a number; a regular expression needs text (column 10)"),
        (
            "raw = x",
            "raw holds the packet's bytes: search it with \"text in quotes\" or raw ~ \"regex\" (column 7)",
        ),
        ("table ~ x", "table takes only = and in, as in table = sip (column 1)"),
    ] {
        assert_eq!(self::error(text).to_string(), expected, "{text}");
    }
}

#[test]
fn says_where_the_grammar_breaks() {
    for (text, expected) in [
        ("status =", "a value is missing after = (column 8)"),
        (
            "status = and to = x",
            "a value is missing before this word; quote it if it is the value (column 10); did you mean \"and\"?",
        ),
        ("and status = 1", "a condition is missing before this word (column 1)"),
        ("status = 1 and", "a condition is missing here (column 15)"),
        ("status = 1 or or x", "a condition is missing before this word (column 15)"),
        ("not", "a condition is missing here (column 4)"),
        ("(status = 1", "this parenthesis is never closed (column 1)"),
        ("status = 1)", "this parenthesis closes nothing (column 11)"),
        ("()", ") is out of place here; quote it if it belongs to a value (column 2)"),
        ("from = \"abc", "this quote is never closed (column 8)"),
        ("\"\"", "there is nothing between the quotes to search for (column 1)"),
        ("\"from\" = x", "a field name stands without quotes (column 1); did you mean from?"),
        ("call_id = abc=", "= is out of place here; quote it if it belongs to a value (column 14)"),
        ("status in", "in needs a list (a, b) or a range low..high (column 8)"),
        ("status in 500", "in needs a list (a, b) or a range low..high (column 11)"),
        ("status in ..", "a range needs at least one end (column 11)"),
        ("status in (1 2)", "the values of a list are separated by commas (column 14)"),
        ("status in (1, 2", "this list is never closed (column 11)"),
        ("exists", "exists needs a field name, as in exists node (column 1)"),
        (
            "method",
            "method needs a comparison, as in method = ...; in quotes it is searched as text (column 1)",
        ),
    ] {
        assert_eq!(error(text).to_string(), expected, "{text}");
    }
}

#[test]
fn marks_the_part_at_fault() {
    let text = "from = \"é\" and stauts = 1";
    let error = error(text);
    assert_eq!(&text[error.at.clone()], "stauts");
    assert_eq!(error.column, 16);
    assert_eq!(error.suggestion.as_deref(), Some("status"));
}

#[test]
fn refuses_what_is_beyond_the_limits() {
    let deep = format!("{}status = 1{}", "(".repeat(DEPTH_MAX + 1), ")".repeat(DEPTH_MAX + 1));
    assert!(error(&deep).message.contains("parentheses more than"));
    let endless = "(".repeat(TEXT_BYTES_MAX);
    assert!(error(&endless).message.contains("parentheses more than"));
    let many = "status = 1 ".repeat(TERMS_MAX + 1);
    assert!(error(&many).message.contains("conditions"));
    let words = "alice ".repeat(TERMS_MAX / 4);
    assert!(error(&words).message.contains("conditions"));
    let list = format!("status in ({})", "1,".repeat(TERMS_MAX + 1) + "1");
    assert!(error(&list).message.contains("conditions"));
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    assert!(error(&long).message.contains("bytes"));
    assert!(error("ua ~ \"(a{1000}){1000}\"").message.contains("not a regular expression"));
    assert!(error("ua ~ \"(\"").message.contains("not a regular expression"));
    // `number` stands for four fields; the pattern counts once.
    let patterns = "number ~ \"^00\" ".repeat(REGEXES_MAX);
    assert!(parse(&patterns, &catalogue(), NOW).is_ok());
    assert!(error(&format!("{patterns} ua !~ x")).message.contains("regular expressions"));
}
