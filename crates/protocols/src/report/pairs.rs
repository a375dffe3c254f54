//! `NAME=value` after `NAME=value`: how reports are written that are not JSON.

use std::borrow::Cow;

use crate::json::Json;

/// More than any report has.
const PAIRS_MAX: usize = 256;

/// The pairs of a text as an object of texts. They stand between blanks, commas, semicolons or line ends; quotes hold
/// a value together.
pub(crate) fn pairs(text: &str) -> Json<'_> {
    let mut members = Vec::new();
    let mut rest = text;
    while members.len() < PAIRS_MAX {
        rest = rest.trim_start_matches(is_separator);
        let Some(end) = rest.find(|letter: char| letter == '=' || is_separator(letter)) else { break };
        let (name, after) = (&rest[..end], &rest[end..]);
        let Some(value) = after.strip_prefix('=') else {
            rest = after;
            continue;
        };
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_at(value.find(is_separator).unwrap_or(value.len())),
        };
        rest = after;
        if !name.is_empty() {
            members.push((Cow::Borrowed(name), Json::Text(Cow::Borrowed(value))));
        }
    }
    Json::Object(members)
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, ',' | ';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_stands_around_equal_signs() {
        for text in ["A=1,B=x:y;C=\"d e\"", "A=1 B=x:y\r\nC=\"d e", "word A=1\tB=x:y = C=\"d e\" last"] {
            let json = pairs(text);
            for (name, value) in [("A", "1"), ("B", "x:y"), ("C", "d e")] {
                assert_eq!(json.member(name).and_then(Json::as_text), Some(value), "{text}");
            }
            assert_eq!(json.members().map(<[_]>::len), Some(3), "{text}");
        }
        assert_eq!(pairs("no pairs, here").members().map(<[_]>::len), Some(0));
        assert_eq!(pairs(&"A=1 ".repeat(1_000)).members().map(<[_]>::len), Some(PAIRS_MAX));
    }
}
