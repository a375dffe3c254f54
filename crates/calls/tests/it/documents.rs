//! The rules and `docs/findings.md` say the same.

use calls::findings::RULES;

const PAGE: &str = include_str!("../../../../docs/findings.md");

/// Every file with ladders.
const LADDERS: &[&str] = &[
    include_str!("auth.rs"),
    include_str!("capture.rs"),
    include_str!("description.rs"),
    include_str!("dialog.rs"),
    include_str!("endings.rs"),
    include_str!("identity.rs"),
    include_str!("media.rs"),
    include_str!("registration.rs"),
    include_str!("routing.rs"),
    include_str!("setup.rs"),
    include_str!("streams/findings.rs"),
];

/// Ladders that show a rule, and as many that must not.
const LADDERS_MIN: usize = 2;

#[test]
fn every_rule_is_named() {
    for rule in RULES {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{}` |", rule.id)));
        let row = row.unwrap_or_else(|| panic!("{} is not in docs/findings.md", rule.id));
        assert!(row.contains(rule.source), "{}: {} is not in {row}", rule.id, rule.source);
    }
    assert_eq!(PAGE.lines().filter(|line| line.starts_with("| `")).count(), RULES.len());
}

/// The table of ladders, counted from the tests themselves.
#[test]
fn ladders_are_counted() {
    let code: String = LADDERS.iter().flat_map(|file| file.split_whitespace()).collect();
    let counted = |check: &str, id: &str| code.matches(&format!("{check}(\"{id}\",")).count();
    let mut table = String::from("| Rule | shows it | must not |\n|---|---|---|\n");
    for rule in RULES {
        let (positive, negative) = (counted("found", rule.id), counted("silent", rule.id));
        assert!(positive >= LADDERS_MIN && negative >= LADDERS_MIN, "{} {positive} {negative}", rule.id);
        table.push_str(&format!("| {} | {positive} | {negative} |\n", rule.id));
    }
    assert!(PAGE.contains(&table), "docs/findings.md should have\n\n{table}");
}
