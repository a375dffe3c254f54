//! A file holds one concept; past this many lines it holds two.

use super::Source;

const LINES_MAX: usize = 800;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let long = sources
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX);
    long.map(|(source, lines)| format!("{}: {lines} lines, more than {LINES_MAX}", source.path)).collect()
}
