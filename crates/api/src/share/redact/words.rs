//! Finds whole words in a text and puts others in their place.

use std::collections::HashMap;

use super::replaced;

/// Numbers that are also status codes (RFC 3261 21): users of these names are looked for only where a user stands.
const STATUS_DIGITS: usize = 3;

/// What stands before a user, and before nothing else.
const BEFORE_USER: [&str; 4] = ["sip:", "sips:", "tel:", "\""];

/// Words and what stands for each, whatever the case of their letters.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// By the word in small letters.
    instead: HashMap<String, String>,
    /// Of the words in bytes, the longest first.
    lengths: Vec<usize>,
    /// First letters of words: saves the look-up at most places.
    begins: [bool; 32],
}

impl Words {
    pub(super) fn has(&self, word: &str) -> bool {
        self.get(word).is_some()
    }

    /// What stands for this word.
    pub(super) fn get(&self, word: &str) -> Option<&str> {
        self.instead.get(&word.to_ascii_lowercase()).map(String::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.instead.len()
    }

    /// The first that is said of a word holds.
    pub(super) fn put(&mut self, word: &str, instead: String) {
        let word = word.to_ascii_lowercase();
        let Some(first) = word.bytes().next() else { return };
        if let Err(place) = self.lengths.binary_search_by(|length| word.len().cmp(length)) {
            self.lengths.insert(place, word.len());
        }
        self.begins[usize::from(first % 32)] = true;
        self.instead.entry(word).or_insert(instead);
    }

    /// All at once, the longest first, as whole words: the user `100` is not in `z9hG4bK1001`.
    pub(super) fn replace(&self, text: &str) -> String {
        if self.instead.is_empty() {
            return text.to_owned();
        }
        replaced(text, |at, before| (!before.is_some_and(is_inside)).then(|| self.at(text, at)).flatten())
    }

    /// The word that begins here.
    fn at(&self, text: &str, at: usize) -> Option<(usize, &str)> {
        let first = text.as_bytes().get(at)?.to_ascii_lowercase();
        if !self.begins[usize::from(first % 32)] {
            return None;
        }
        self.lengths.iter().find_map(|length| {
            let word = text.get(at..at + length)?;
            let behind = &text[at + length..];
            if behind.chars().next().is_some_and(|letter| is_inside(letter) && letter != '+') {
                return None;
            }
            if is_status(word) && !behind.starts_with('@') && !is_user_place(&text[..at]) {
                return None;
            }
            Some((*length, self.get(word)?))
        })
    }
}

fn is_inside(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '+'
}

fn is_status(word: &str) -> bool {
    word.len() == STATUS_DIGITS && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_user_place(before: &str) -> bool {
    BEFORE_USER.iter().any(|place| before.len() >= place.len() && before.ends_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_go_the_longest_first() {
        let mut words = Words::default();
        for (word, instead) in
            [("grace", "user-1"), ("grace hopper", "user-2"), ("1003", "0003"), ("200", "004")]
        {
            words.put(word, instead.to_owned());
        }
        assert_eq!(
            words.replace("Grace Hopper, grace and graceful: 1003, 10035"),
            "user-2, user-1 and graceful: 0003, 10035"
        );
        assert_eq!(words.replace("SIP/2.0 200 OK sip:200@x <tel:200>"), "SIP/2.0 200 OK sip:004@x <tel:004>");
        assert_eq!(words.replace("é grace é"), "é user-1 é");
        assert_eq!(Words::default().replace("as it was"), "as it was");
    }
}
