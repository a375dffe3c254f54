/// A text with wildcards: `*` stands for any run of characters, `?` for one. Upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// `*`
    Run,
    /// `?`
    One,
}

impl Pattern {
    /// Joins neighbouring texts and neighbouring runs, and drops empty texts: equal patterns compare equal.
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Pattern {
        let mut joined: Vec<Part> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (_, Part::Text(text)) if text.is_empty() => {}
                (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
                (Some(Part::Run), Part::Run) => {}
                (_, part) => joined.push(part),
            }
        }
        Pattern { parts: joined }
    }

    /// The text itself, without wildcards.
    pub fn literal(text: &str) -> Pattern {
        Pattern::new([Part::Text(text.to_owned())])
    }

    /// Texts that end in `text`.
    pub fn suffix(text: &str) -> Pattern {
        Pattern::new([Part::Run, Part::Text(text.to_owned())])
    }

    /// Texts that have `text` somewhere.
    pub fn containing(text: &str) -> Pattern {
        Pattern::new([Part::Run, Part::Text(text.to_owned()), Part::Run])
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text itself, if there is no wildcard in it.
    pub fn as_plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What every fitting text starts with; empty if nothing is known. For pruning by minimum and maximum.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The pattern as SQL `LIKE` understands it, with `\` as the escape character.
    pub fn to_sql_like(&self) -> String {
        let mut like = String::new();
        for part in &self.parts {
            match part {
                Part::Run => like.push('%'),
                Part::One => like.push('_'),
                Part::Text(text) => {
                    for letter in text.chars() {
                        if matches!(letter, '%' | '_' | '\\') {
                            like.push('\\');
                        }
                        like.push(letter);
                    }
                }
            }
        }
        like
    }

    /// Whether the whole text fits. Runs are taken greedily from the left with one place to come back to, so the
    /// work is at most the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        let mut part = 0;
        let mut rest = text;
        let mut resume: Option<(usize, &str)> = None;
        loop {
            let step = match self.parts.get(part) {
                None if rest.is_empty() => return true,
                None => None,
                Some(Part::Run) => {
                    resume = Some((part + 1, rest));
                    Some(rest)
                }
                Some(Part::One) => without_first(rest),
                Some(Part::Text(expected)) => rest.strip_prefix(expected.as_str()),
            };
            if let Some(left) = step {
                rest = left;
                part += 1;
                continue;
            }
            let Some((after_run, from)) = resume else { return false };
            let Some(later) = without_first(from) else { return false };
            resume = Some((after_run, later));
            part = after_run;
            rest = later;
        }
    }
}

fn without_first(text: &str) -> Option<&str> {
    let mut letters = text.chars();
    letters.next().map(|_| letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text.chars().map(|letter| match letter {
            '*' => Part::Run,
            '?' => Part::One,
            other => Part::Text(other.to_string()),
        }))
    }

    #[test]
    fn fits_like_a_shell_pattern() {
        for (text, fits, fails) in [
            ("+44*", "+4420", "4420"),
            ("*99", "1999", "1998"),
            ("a?c", "aéc", "ac"),
            ("a*b*c", "axxbxbyc", "axxbxby"),
            ("*", "", "nothing fails"),
            ("**x", "x", "y"),
        ] {
            assert!(pattern(text).matches(fits), "{text} {fits}");
            assert!(text == "*" || !pattern(text).matches(fails), "{text} {fails}");
        }
        assert!(pattern("").matches(""));
        assert!(!pattern("").matches("a"));
    }

    #[test]
    fn becomes_sql_like() {
        assert_eq!(pattern("50%_*?\\").to_sql_like(), "50\\%\\_%_\\\\");
        assert_eq!(pattern("+44*").prefix(), "+44");
        assert_eq!(pattern("plain").as_plain(), Some("plain"));
    }
}
