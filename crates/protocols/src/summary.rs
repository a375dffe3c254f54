//! The line by which lists and ladders show a record.

/// A line of a list; the columns have everything.
const SUMMARY_BYTES_MAX: usize = 200;

/// Words put together as they are known; what is missing leaves no gap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary(String);

impl Summary {
    pub(crate) fn of(word: &str) -> Self {
        Self::default().word(word)
    }

    /// One more word, after a space.
    pub(crate) fn word(self, word: &str) -> Self {
        self.joined(" ", word)
    }

    pub(crate) fn maybe(self, word: Option<&str>) -> Self {
        self.joined(" ", word.unwrap_or_default())
    }

    /// `separator` and the word, if there is one; at the start the word alone.
    pub(crate) fn joined(mut self, separator: &str, word: &str) -> Self {
        let word = word.trim();
        if word.is_empty() || self.0.len() >= SUMMARY_BYTES_MAX {
            return self;
        }
        if !self.0.is_empty() {
            self.0.push_str(separator);
        }
        // One line, whatever comes.
        let letters = word.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        self.0.extend(letters.take(SUMMARY_BYTES_MAX));
        let mut end = self.0.len().min(SUMMARY_BYTES_MAX);
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        self.0.truncate(end);
        self
    }

    /// The column `text`; nothing if there is nothing to say.
    pub(crate) fn finish(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_line_of_limited_length() {
        let line = Summary::default().word("").word("a\nb").maybe(None).joined(" -> ", "c").finish();
        assert_eq!(line.as_deref(), Some("a b -> c"));
        assert_eq!(Summary::default().maybe(Some(" ")).finish(), None);
        let long = Summary::of(&"é".repeat(500)).word("more").finish().expect("a line");
        assert!(long.len() <= 200 && long.len() > 198);
    }
}
