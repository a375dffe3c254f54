//! The query language: errors point into the text, and what is understood prints as something understood alike.

use std::sync::LazyLock;

use model::Micros;
use model::query::{self, Catalogue};
use protocols::Protocols;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Protocols::built_in().catalogue(&[]));
const NOW: Micros = Micros(1_795_300_000_000_000);

pub(crate) fn fuzz(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match query::parse(text, &CATALOGUE, NOW) {
        Ok(query) => {
            let printed = query.to_string();
            match query::parse(&printed, &CATALOGUE, NOW) {
                Ok(again) => assert_eq!(again, query, "{printed}"),
                // Printing may spell out what was short, and so pass a limit of length.
                Err(_) => assert!(printed.len() > text.len(), "{printed}"),
            }
        }
        Err(error) => {
            assert!(!error.message.is_empty() && text.get(error.at.clone()).is_some());
            assert_eq!(error.column, text[..error.at.start].chars().count() + 1);
        }
    }
}
