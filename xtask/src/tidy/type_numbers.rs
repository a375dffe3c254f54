//! A HEP type is known in one place: its file in `protocols`. Code elsewhere that decides by a type's number is
//! what makes a new type cost eight files.

use super::Source;

/// `hep` sniffs SIP where the type chunk is missing and knows that v1 and v2 carry nothing else; `traffic` and
/// `testkit` make packets, so they must write numbers.
const EXEMPT_ROOMS: &[&str] = &["protocols", "hep", "traffic", "testkit"];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let exempt = source.room().is_none_or(|room| EXEMPT_ROOMS.contains(&room));
        if exempt || !source.is_program() {
            continue;
        }
        for (number, line) in source.program_lines().filter(|(_, line)| decides_by_number(line)) {
            faults.push(format!(
                "{}:{number}: a HEP type number outside `protocols`: {}",
                source.path,
                line.trim()
            ));
        }
    }
    faults
}

/// `hep_type` (or `proto_type`, `payload_type`) compared with, matched to or set to a literal number.
fn decides_by_number(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["hep_type", "proto_type", "payload_type"].iter().any(|name| {
        code.split(name).skip(1).any(|after| {
            let mut rest = after.trim_start_matches([')', ' ']);
            let operators = ["==", "!=", "<=", ">=", "=>", "<", ">", "=", ":", "in"];
            let Some(operator) = operators.iter().find(|operator| rest.starts_with(**operator)) else {
                return false;
            };
            rest = rest[operator.len()..]
                .trim_start()
                .trim_start_matches("Some(")
                .trim_start_matches(['(', '[', ' ']);
            rest.starts_with(|c: char| c.is_ascii_digit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::decides_by_number;

    #[test]
    fn finds_decisions_and_nothing_else() {
        for line in [
            "if packet.hep_type == 5 {",
            "hep_type: Some(1),",
            "WHERE hep_type = 100",
            "hep_type IN (1, 5)".to_lowercase().as_str(),
        ] {
            assert!(decides_by_number(line), "{line}");
        }
        for line in [
            "hep_type: i16,",
            "row.hep_type == other.hep_type",
            "// hep_type == 5",
            "(\"hep_type\", Kind::Int16)",
        ] {
            assert!(!decides_by_number(line), "{line}");
        }
    }
}
