use std::fmt;

/// The name of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// The lowest sequence number a block in it may have.
    pub(super) first: u64,
    /// Orders segments with the same `first`.
    pub(super) number: u64,
    /// Repeated in every block header.
    pub(super) id: u64,
}

impl Name {
    /// `None` for a file that is not a segment.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.strip_suffix(".log")?.split_once('-')?;
        let (number, id) = rest.split_once('-')?;
        let name = Self {
            first: first.parse().ok()?,
            number: number.parse().ok()?,
            id: u64::from_str_radix(id, 16).ok()?,
        };
        // Only the one spelling that `fmt` gives, so that a name leads back to its file.
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:010}-{:016x}.log", self.first, self.number, self.id)
    }
}

/// What is known of a segment without reading it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) name: Name,
    /// No block in it has a higher number; below `name.first` while it has none.
    pub(super) last: u64,
    /// How far it may be read.
    pub(super) bytes: u64,
    /// Replay met a block of an unknown version: kept for a program that knows it.
    pub(super) foreign: bool,
}
