//! Log lines: level and text.

use crate::{outgoing, sent, text};

#[track_caller]
fn check(payload: &str, level: Option<&str>, expected: Option<&str>) {
    sent(&outgoing(100, payload.as_bytes()), |record| {
        assert_eq!(text(record, "level").as_deref(), level, "{payload}");
        assert_eq!(text(record, "text").as_deref(), expected, "{payload}");
        assert_eq!(record.raw, payload.as_bytes());
    });
}

#[test]
fn opensips_names_the_level_in_json_and_before_a_delimiter() {
    check(
        "{\n\t\"Event\":\t\"NOTICE\",\n\t\"text\":\t\"lookup gave 200: {\\\"route\\\":1}\\n\"\n}",
        Some("notice"),
        Some("lookup gave 200: {\"route\":1}"),
    );
    check("NOTICE:lookup gave 200", Some("notice"), Some("lookup gave 200"));
    check("DBG:x", Some("debug"), Some("x"));
    check(r#"{"level":"warn","msg":"slow"}"#, Some("warning"), Some("slow"));
}

#[test]
fn levels_of_syslog_and_of_words() {
    check("<134>Nov 21 05:00:00 host app: up", Some("info"), Some("Nov 21 05:00:00 host app: up"));
    check("<11>x", Some("error"), Some("x"));
    check("<999>x", None, Some("<999>x"));
    check("[ERROR] no route", Some("error"), Some("no route"));
    check("ERROR: no route", Some("error"), Some("no route"));
    check("kamailio[12]: WARNING: <core> late", Some("warning"), Some("kamailio[12]: WARNING: <core> late"));
    check(
        "Nov 21 host kernel: [12.3] CRIT: hot",
        Some("critical"),
        Some("Nov 21 host kernel: [12.3] CRIT: hot"),
    );
}

#[test]
fn lines_without_a_level_have_none() {
    check("new call from alice", None, Some("new call from alice"));
    check("error rate is low", None, Some("error rate is low"));
    check("user INFO logged in", None, Some("user INFO logged in"));
    check("{\"pl\": 10, \"jt\": 10}\n", None, Some("{\"pl\": 10, \"jt\": 10}"));
    check("{\"type\":\"log\",\"text\":\"a", None, Some("a"));
    check(" \n", None, None);
}

#[test]
fn colours_are_taken_off() {
    check("\u{1b}[1;31mERROR\u{1b}[0m: no \u{1b}[32mroute\u{1b}[0m", Some("error"), Some("no route"));
    check("\u{1b}[31", None, None);
    check("a\u{1b}b", None, Some("ab"));
}

#[test]
fn long_lines_and_invalid_text() {
    let long = "é".repeat(30_000);
    sent(&outgoing(100, long.as_bytes()), |record| {
        let text = text(record, "text").expect("a text");
        assert!(text.len() <= 8 * 1024 && text.len() > 8 * 1024 - 2);
        assert_eq!(record.raw.len(), 60_000);
    });
    sent(&outgoing(100, b"gr\xfc\xdfe\0\0"), |record| {
        assert_eq!(text(record, "text").as_deref(), Some("gr\u{fffd}\u{fffd}e"));
        assert_eq!(record.common.flags, ["trailing_nuls", "bad_utf8"]);
    });
}
