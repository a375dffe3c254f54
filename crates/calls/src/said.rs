//! What a reply says in words, beside its number. No standard fixes these words; those that servers in wide use write are
//! looked for.

use crate::message::{Message, words};

/// Texts of one kind that are read: a reply has one or two.
const TEXTS_MAX: usize = 8;

/// All of it in lower case: reason phrase, Warning (RFC 3261 20.43), Reason (RFC 3326), and what registrars of the SER
/// family add.
pub(crate) fn said(message: &Message<'_>) -> String {
    let read = message.sip();
    let mut said = String::new();
    let mut add = |text: &[u8]| {
        said.push_str(&words(text).to_lowercase());
        said.push('\n');
    };
    add(read.reason_phrase().unwrap_or_default());
    read.warnings().take(TEXTS_MAX).for_each(|warning| add(warning.text));
    read.reasons().take(TEXTS_MAX).filter_map(|reason| reason.text).for_each(&mut add);
    add(read.header_named(b"P-Registrar-Error").unwrap_or_default());
    said
}

pub(crate) fn says_one_of(message: &Message<'_>, wanted: &[&str]) -> bool {
    let said = said(message);
    wanted.iter().any(|wanted| said.contains(wanted))
}
