//! What went wrong with a call, for a terminal. Pure: JSON of `/api/v1/call/{id}` in, lines out.

use serde_json::Value;

/// Where the sentences begin: behind the severity, which is never told by colour alone.
const INDENT: usize = 9;

/// A narrower terminal wraps for itself.
const WIDTH_MIN: usize = 40;

/// One line, and whether it is the first of a finding of that severity.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) severity: Option<String>,
}

/// The findings, worst first, as lines of at most `width` cells where words allow.
pub(crate) fn lines(call: &Value, width: usize) -> Vec<Line> {
    let findings = call["findings"].as_array().map_or(&[][..], Vec::as_slice);
    findings.iter().flat_map(|finding| lines_of(finding, width.max(WIDTH_MIN))).collect()
}

fn lines_of(finding: &Value, width: usize) -> Vec<Line> {
    let word = |name: &str| finding[name].as_str().unwrap_or_default();
    let list = |name: &str| {
        let items = finding[name].as_array().map_or(&[][..], Vec::as_slice);
        items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    };
    let mut parts = vec![format!("{}: {}", word("id"), word("text"))];
    let blame = finding["blame"]["text"].as_str().unwrap_or_default();
    // Where nothing is broken there is nobody to blame, only who did it.
    let whose = if word("severity") == "info" { "who" } else { "blame" };
    parts.push(format!("{whose}: {blame} (confidence {})", word("confidence")));
    let ruled_out = list("ruled_out");
    if !ruled_out.is_empty() {
        parts.push(format!("ruled out: {ruled_out}"));
    }
    parts.push(format!("next: {}", word("next")));
    let proof = list("proof");
    if !proof.is_empty() {
        parts.push(format!("proof: messages {proof}"));
    }
    let mut lines: Vec<Line> = Vec::new();
    for text in parts.iter().flat_map(|part| wrapped(part, width - INDENT)) {
        let severity = lines.is_empty().then(|| word("severity").to_owned());
        let head = severity.as_deref().unwrap_or_default();
        lines.push(Line { text: format!("{head:INDENT$}{text}"), severity });
    }
    lines
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always one line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            // What goes on is set in, so that the next part is told from it.
            lines.push(format!("  {word}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_what_who_and_what_next() {
        let call = json!({"findings": [{
            "id": "NO_ROUTE_404", "severity": "error", "text": "192.0.2.9:5060 does not know 4930123: 404 Not Found",
            "blame": {"kind": "unknown", "text": "unknown"}, "proof": ["65537", "65538"], "ruled_out": ["a typo"],
            "next": "is the number right?", "confidence": "high",
        }]});
        let texts: Vec<String> = lines(&call, 50).into_iter().map(|line| line.text).collect();
        assert_eq!(
            texts,
            [
                "error    NO_ROUTE_404: 192.0.2.9:5060 does not",
                "           know 4930123: 404 Not Found",
                "         blame: unknown (confidence high)",
                "         ruled out: a typo",
                "         next: is the number right?",
                "         proof: messages 65537, 65538",
            ]
        );
        assert!(lines(&json!({}), 80).is_empty(), "an older server has none");
    }
}
