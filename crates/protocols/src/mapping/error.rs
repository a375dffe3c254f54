use model::query::nearest;

/// What is wrong in a mapping document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct MappingError {
    /// The way through the document: `type[0].field[2].kind`.
    pub at: String,
    pub message: String,
}

impl MappingError {
    pub(crate) fn new(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into() }
    }

    /// The same, seen from further out.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.at = if self.at.is_empty() { outer.to_owned() } else { format!("{outer}.{}", self.at) };
        self
    }
}

/// `; did you mean ...?`, if one of these is near.
pub(super) fn hint<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(written, known).map_or_else(String::new, |near| format!("; did you mean {near}?"))
}
