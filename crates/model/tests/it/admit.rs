//! An expression as a limit on what somebody may read.

use model::query::matches;
use proptest::prelude::*;

use crate::truth::{invite, report};
use crate::{RTCP, SIP, expr};

#[track_caller]
fn check(text: &str, invite_is_in: bool, report_is_in: bool) {
    let limit = expr(text);
    assert_eq!(matches(&limit.admitting(&SIP), &invite()), invite_is_in, "{text} on the INVITE");
    assert_eq!(matches(&limit.admitting(&RTCP), &report()), report_is_in, "{text} on the report");
}

#[test]
fn what_holds_is_admitted_as_it_is_found() {
    check("capture_id = 2001", true, true);
    check("capture_id = 2001 or from_user = \"+49*\"", true, true);
    check("from_user = \"+44*\"", true, false);
    check("from_user = \"+49*\"", false, false);
    check("table = rtcp", false, true);
    check("not table = rtcp", true, false);
    check("", true, true);
}

#[test]
fn what_is_not_known_admits_nothing() {
    // No such column, and none filled in.
    check("not from_user = \"+49*\"", true, false);
    check("not node = other", false, false);
    check("not status = 200", false, false);
    check("not (from_user = \"+49*\" or node = other)", false, false);
    check("not (from_user = \"+44*\" and capture_id = 2001)", false, false);
    check("not (from_user = \"+49*\" and capture_id = 2001)", true, false);
    check("not (not capture_id = 2001)", true, true);
    check("not exists node", true, true);
    check("not exists from_user", false, false);
    check("not ssrc = 8", false, true);
    check("from_user !~ \"^.49\"", true, false);
}

#[test]
fn it_is_known_what_a_limit_is_on() {
    let names = |text: &str| expr(text).fields().iter().map(|field| field.name).collect::<Vec<_>>();
    assert_eq!(
        names("not (capture_id = 1 or from_user = x) and node = y"),
        ["capture_id", "from_user", "node"]
    );
    assert!(expr("capture_id = 1 or not \"secret words\"").reads_payload());
    assert!(expr("raw ~ secret").reads_payload() && expr("extra ~ secret").reads_payload());
    assert!(!expr("capture_id = 1 or from_user = x").reads_payload());
}

/// Conditions of which some hold, some do not, and some are on what is missing.
fn conditions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "capture_id = 2001",
        "capture_id = 7",
        "from_user = \"+44*\"",
        "from_user = x",
        "node = x",
        "ssrc = 7",
        "status = 200",
        "flags = bad_time",
        "exists node",
        "table = sip",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|term| format!("not ({term})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) and ({other})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("({one}) or ({other})")),
        ]
    })
}

proptest! {
    /// Nothing is admitted by a limit and by its contrary.
    #[test]
    fn a_limit_and_its_contrary_admit_nothing_twice(text in conditions()) {
        let (limit, contrary) = (expr(&text), expr(&format!("not ({text})")));
        for (table, record) in [(&SIP, invite()), (&RTCP, report())] {
            let both = matches(&limit.admitting(table), &record) && matches(&contrary.admitting(table), &record);
            prop_assert!(!both, "{text} of {}", table.name);
        }
    }
}
