//! The query language: errors point into the text, and what is understood prints as something understood alike.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::Micros;
use model::query::{self, Catalogue};
use protocols::Protocols;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Protocols::built_in().catalogue());
const NOW: Micros = Micros(1_795_300_000_000_000);

fuzz_target!(|text: &str| {
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
            let _ = error.to_string();
        }
    }
    for cursor in [0, text.len() / 2, text.len()] {
        let completion = query::complete(text, cursor, &CATALOGUE);
        assert!(completion.from <= cursor && text.is_char_boundary(completion.from));
    }
});
