//! Completion: every option stands in place of what was typed, and the list is short.

use std::sync::LazyLock;

use model::query::{self, Catalogue};
use protocols::Protocols;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Protocols::built_in().catalogue(&[]));

/// An answer that people read; see `complete.rs` of the room, plus the words of the language.
const OPTIONS_MAX: usize = 100 + 20;

pub(crate) fn fuzz(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for cursor in [text.len(), text.len() / 2] {
        let completion = query::complete(text, cursor, &CATALOGUE);
        assert!(completion.from <= cursor && text.is_char_boundary(completion.from));
        assert!(completion.options.len() <= OPTIONS_MAX);
        assert!(completion.options.iter().all(|option| !option.text.is_empty()));
    }
}
