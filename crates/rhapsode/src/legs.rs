//! The legs of a call and why they are joined, for a terminal. Pure: JSON of `/api/v1/call/{id}` in, lines out.

use serde_json::Value;

/// One line a leg, one a reason; none if the call has one leg and no other is in question.
pub(crate) fn lines(call: &Value) -> Vec<String> {
    let legs = call["legs"].as_array().map_or(&[][..], Vec::as_slice);
    if legs.len() < 2 {
        return Vec::new();
    }
    legs.iter().flat_map(lines_of).collect()
}

fn lines_of(leg: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let first = |name: &str| match leg[name][0].as_str() {
        Some(text) => text.to_owned(),
        None => "?".to_owned(),
    };
    let head = format!(
        "leg      {}: {} ({} to {}, from {} to {})",
        word(&leg["standing"]),
        word(&leg["call_id"]),
        first("callers"),
        first("callees"),
        leg["source"].as_str().unwrap_or("?"),
        first("hosts"),
    );
    let why = leg["why"].as_array().map_or(&[][..], Vec::as_slice);
    let reasons = why.iter().map(|edge| {
        format!(
            "         {} {:.2} {} with {}: {}",
            word(&edge["rule"]),
            edge["score"].as_f64().unwrap_or_default(),
            word(&edge["standing"]),
            word(&edge["with"]),
            word(&edge["text"]),
        )
    });
    std::iter::once(head).chain(reasons).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_which_legs_and_why() {
        let own = json!({"call_id": "a", "standing": "own", "source": "192.0.2.1", "hosts": ["203.0.113.5"],
            "callers": ["49305000487"], "callees": ["49891234567"], "why": []});
        assert!(lines(&json!({"legs": [own]})).is_empty());
        let other = json!({"call_id": "b", "standing": "certain", "source": "203.0.113.5", "hosts": ["198.51.100.2"],
            "callers": [], "callees": ["891234567"], "why": [{"with": "a", "rule": "numbers", "score": 0.71,
            "standing": "certain", "text": "the numbers agree", "evidence": ["1", "2"]}]});
        assert_eq!(
            lines(&json!({"legs": [own, other]})),
            [
                "leg      own: a (49305000487 to 49891234567, from 192.0.2.1 to 203.0.113.5)",
                "leg      certain: b (? to 891234567, from 203.0.113.5 to 198.51.100.2)",
                "         numbers 0.71 certain with a: the numbers agree",
            ]
        );
    }
}
