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

#[test]
fn syslog_headers_name_host_and_program() {
    for (line, host, program) in [
        ("<134>Nov 21 05:00:00 sbc-1 kamailio[812]: up", Some("sbc-1"), Some("kamailio")),
        ("<134>Nov  1 05:00:00 sbc-1 rtpengine: up", Some("sbc-1"), Some("rtpengine")),
        ("Nov 21 05:00:00 sbc-1 kamailio[812]: up", Some("sbc-1"), Some("kamailio")),
        (
            "<165>1 2026-11-21T05:00:00.003Z pbx.example.com asterisk 8710 - - up",
            Some("pbx.example.com"),
            Some("asterisk"),
        ),
        ("<165>1 - - app - - - up", None, Some("app")),
        ("<134>Nov 21 05:00:00 sbc-1 no tag here", Some("sbc-1"), None),
        ("1 more call", None, None),
        ("Nov is a month", None, None),
        ("<134>", None, None),
        ("<134>Nov", None, None),
    ] {
        sent(&outgoing(100, line.as_bytes()), |record| {
            assert_eq!(text(record, "host").as_deref(), host, "{line}");
            assert_eq!(text(record, "program").as_deref(), program, "{line}");
        });
    }
}

#[test]
fn the_call_is_found_in_the_line_where_no_chunk_names_it() {
    for (line, expected) in [
        ("INFO: <script>: NATed request - R=sip:1@a ID=7f3a91@10.0.0.1", Some("7f3a91@10.0.0.1")),
        ("NOTICE: M=INVITE ID=\"7f3a91@10.0.0.1\" done", Some("7f3a91@10.0.0.1")),
        ("ERROR: ID=«7f3a91@10.0.0.1» gone", Some("7f3a91@10.0.0.1")),
        ("rtpengine[5]: INFO: [7f3a91@10.0.0.1]: Creating new call", Some("7f3a91@10.0.0.1")),
        ("INFO: [7f3a91@10.0.0.1 port 30000]: Confirmed peer", Some("7f3a91@10.0.0.1")),
        ("INFO: [«7f3a91»]: x", Some("7f3a91")),
        ("kernel: [12345.678901] eth0 up", None),
        ("UUID=7f3a91-aaaa", None),
        ("ID=12", None),
        ("ID=", None),
        (": [", None),
        (": [two words]", None),
    ] {
        sent(&outgoing(100, line.as_bytes()), |record| {
            assert_eq!(text(record, "call_id").as_deref(), expected, "{line}");
        });
        let named = hep::Outgoing { correlation_id: Some(b"other@b"), ..outgoing(100, line.as_bytes()) };
        sent(&named, |record| assert_eq!(text(record, "call_id").as_deref(), Some("other@b"), "{line}"));
    }
}

/// Case 21 of the list of what must be survived: OpenSIPS CSV with the delimiter inside values.
#[test]
fn case_21_log_lines_of_opensips_with_any_delimiter() {
    check("NOTICE##lookup ## gave 200", Some("notice"), Some("lookup ## gave 200"));
    check("DBG;a;b", Some("debug"), Some("a;b"));
    check("ERROR:a:b", Some("error"), Some("a:b"));
    check("CRITICAL, and so on", Some("critical"), Some("and so on"));
    check("INFO", None, Some("INFO"));
    check("DBG#", Some("debug"), None);
    let old = "WARNING:from before 2020";
    sent(&outgoing(86, old.as_bytes()), |record| {
        assert_eq!(record.table.name, "log");
        assert_eq!(text(record, "level").as_deref(), Some("warning"));
        assert_eq!(text(record, "text").as_deref(), Some("from before 2020"));
    });
}

/// Case 21: log lines with colours, of 64 KiB, and of no text at all.
#[test]
fn case_21_log_lines_of_any_bytes() {
    let colours = "\u{1b}[31mERROR\u{1b}[0m: ".repeat(4_000);
    let words = "ID=: [".repeat(10_900);
    for line in [colours.as_bytes(), words.as_bytes(), &[0xff; 65_000], &[0x1b; 65_000], &b"<".repeat(65_000)]
    {
        sent(&outgoing(100, line), |record| assert_eq!(record.raw, line));
    }
}
