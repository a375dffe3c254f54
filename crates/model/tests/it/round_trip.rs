use model::query::{Expr, FieldRef, Literal, Net, Op, Part, Pattern, complete, matches, parse};
use model::{Kind, Micros, Unit};
use proptest::prelude::*;

use crate::truth::{invite, report};
use crate::{NOW, catalogue};

fn field(table: Option<&'static str>, name: &'static str, kind: Kind) -> FieldRef {
    let unit = match name {
        "pdd" => Some(Unit::Milliseconds),
        "fraction_lost" => Some(Unit::Percent),
        _ => None,
    };
    FieldRef { table, name, kind, unit }
}

fn text_field() -> impl Strategy<Value = FieldRef> {
    prop_oneof![
        Just(field(None, "from_user", Kind::Text)),
        Just(field(Some("sip"), "user_agent", Kind::Text)),
        Just(field(None, "method", Kind::Text)),
        Just(field(None, "extra", Kind::Json)),
    ]
}

fn number_field() -> impl Strategy<Value = FieldRef> {
    prop_oneof![
        Just(field(None, "cseq", Kind::Int64)),
        Just(field(Some("sip"), "pdd", Kind::Int64)),
        Just(field(Some("rtcp"), "ssrc", Kind::Int64)),
    ]
}

fn ip_field() -> impl Strategy<Value = FieldRef> {
    prop_oneof![Just(field(None, "src_ip", Kind::Ip)), Just(field(Some("rtcp"), "dst_ip", Kind::Ip))]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![Just(Op::Eq), Just(Op::Ne), Just(Op::Lt), Just(Op::Le), Just(Op::Gt), Just(Op::Ge)]
}

fn time() -> impl Strategy<Value = Literal> {
    (-62_000_000_000_000_000_i64..250_000_000_000_000_000).prop_map(|micros| Literal::Time(Micros(micros)))
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let part = prop_oneof![Just(Part::Run), Just(Part::One), any::<String>().prop_map(Part::Text)];
    proptest::collection::vec(part, 1..5)
        .prop_map(Pattern::new)
        .prop_filter("a wildcard is what makes it a pattern", |pattern| pattern.as_plain().is_none())
}

fn comparison() -> impl Strategy<Value = Expr> {
    let text = any::<String>().prop_map(Literal::Text);
    let texts = proptest::collection::vec(any::<String>().prop_map(Literal::Text), 2..4);
    let numbers = proptest::collection::vec(any::<i64>().prop_map(Literal::Int), 2..4);
    let float = proptest::num::f64::NORMAL.prop_map(Literal::Float);
    let loss = field(None, "fraction_lost", Kind::Float);
    let flags = field(None, "flags", Kind::TextList);
    let ts = field(None, "ts", Kind::Time);
    prop_oneof![
        (text_field(), prop_oneof![Just(Op::Eq), Just(Op::Ne)], text)
            .prop_map(|(field, op, value)| Expr::Compare { field, op, value }),
        (number_field(), op(), any::<i64>()).prop_map(|(field, op, number)| Expr::Compare {
            field,
            op,
            value: Literal::Int(number)
        }),
        (op(), float).prop_map(move |(op, value)| Expr::Compare { field: loss, op, value }),
        (op(), time()).prop_map(move |(op, value)| Expr::Compare { field: ts, op, value }),
        any::<bool>().prop_map(|truth| Expr::Compare {
            field: field(None, "is_emergency", Kind::Bool),
            op: Op::Eq,
            value: Literal::Bool(truth)
        }),
        (ip_field(), any::<std::net::IpAddr>()).prop_map(|(field, addr)| Expr::Compare {
            field,
            op: Op::Ne,
            value: Literal::Ip(addr)
        }),
        (ip_field(), any::<std::net::IpAddr>(), 0_u8..=32).prop_map(|(field, addr, prefix)| Expr::InNet {
            field,
            net: Net::new(addr, prefix).expect("a prefix no longer than the address")
        }),
        (text_field(), texts).prop_map(|(field, values)| Expr::InList { field, values }),
        (number_field(), numbers).prop_map(|(field, values)| Expr::InList { field, values }),
        (number_field(), any::<i64>(), any::<i64>()).prop_map(|(field, low, high)| Expr::Range {
            field,
            low: Literal::Int(low),
            high: Literal::Int(high)
        }),
        (time(), time()).prop_map(move |(low, high)| Expr::Range { field: ts, low, high }),
        (text_field(), pattern()).prop_map(|(field, pattern)| Expr::Like { field, pattern }),
        pattern().prop_map(move |pattern| Expr::Like { field: flags, pattern }),
        (text_field(), r#"[a-z."' ]{0,8}(\\[dws.*]){0,2}[a-z]?"#)
            .prop_map(|(field, pattern)| Expr::Regex { field, pattern }),
        text_field().prop_map(|field| Expr::Exists { field }),
        any::<String>().prop_filter("empty", |text| !text.is_empty()).prop_map(Expr::RawContains),
        prop_oneof![Just(Expr::Table("sip")), Just(Expr::Table("rtcp"))],
    ]
}

fn expression() -> impl Strategy<Value = Expr> {
    comparison().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::and),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::or),
            inner.prop_map(Expr::not),
        ]
    })
}

/// Texts made of what the language is made of, which plain random text hardly ever is.
fn language_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "(method|status|from|src|ts|raw|flags|table|sip\\.|é|10\\.0\\.0\\.0/8|-1h|5xx|\\+44|a@b)",
        "(=|!=|<=|>|~|!~|in|and|or|not|exists|\\(|\\)|,|\\.\\.|\"|'|\\\\|\\*|\\?|!|&&|:)",
        Just(" ".to_owned()),
        ".{0,3}",
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn printing_and_parsing_gives_the_same_expression(expr in expression()) {
        let printed = expr.to_string();
        let parsed = parse(&printed, &catalogue(), NOW);
        prop_assert_eq!(parsed.map(|query| query.expr), Ok(expr), "{}", printed);
    }

    #[test]
    fn anything_is_parsed_or_refused_without_panic(text in prop_oneof![language_like(), any::<String>()]) {
        match parse(&text, &catalogue(), NOW) {
            Ok(query) => {
                let again = parse(&query.to_string(), &catalogue(), NOW);
                prop_assert_eq!(again, Ok(query));
            }
            Err(error) => {
                prop_assert!(text.get(error.at.clone()).is_some());
                prop_assert_eq!(text[..error.at.start].chars().count() + 1, error.column);
            }
        }
    }

    #[test]
    fn a_question_to_one_table_means_the_same_for_its_records(expr in expression()) {
        for record in [invite(), report()] {
            prop_assert_eq!(matches(&expr, &record), matches(&expr.for_table(record.table), &record), "{}", expr);
        }
    }

    #[test]
    fn completion_never_panics(text in language_like(), cursor in 0_usize..80) {
        let completion = complete(&text, cursor, &catalogue());
        prop_assert!(completion.from <= text.len() && text.is_char_boundary(completion.from));
    }

    #[test]
    fn a_pattern_matches_like_the_slow_way(text in "[ab]{0,6}", parts in "[ab*?]{0,6}") {
        let pattern = Pattern::new(parts.chars().map(|letter| match letter {
            '*' => Part::Run,
            '?' => Part::One,
            other => Part::Text(other.to_string()),
        }));
        prop_assert_eq!(pattern.matches(&text), slowly(&parts, &text));
    }
}

fn slowly(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|at| slowly(&pattern[1..], &text[at..])),
        Some('?') => !text.is_empty() && slowly(&pattern[1..], &text[1..]),
        Some(letter) => text.starts_with(letter) && slowly(&pattern[1..], &text[1..]),
    }
}
