use std::fmt;
use std::ops::Range;

/// Why a query was not understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Lower case, no full stop.
    pub message: String,
    /// First character at fault, counted from 1 in characters: for people.
    pub column: usize,
    /// The part at fault in bytes of the text, on character boundaries: for marking it.
    pub at: Range<usize>,
    /// What was probably meant, ready to be put in place of `at`.
    pub suggestion: Option<String>,
}

impl QueryError {
    pub(super) fn new(text: &str, at: Range<usize>, message: impl Into<String>) -> Self {
        let start = floor(text, at.start);
        let end = floor(text, at.end).max(start);
        let column = text[..start].chars().count() + 1;
        Self { message: message.into(), column, at: start..end, suggestion: None }
    }

    pub(super) fn suggest(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (column {})", self.message, self.column)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean {suggestion}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueryError {}

/// The last character boundary at or before `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
