//! How to ask for records: one language for the search box, the terminal, live tail and alerts.
//!
//! ```text
//! query      = any
//! any        = all { "or" all }
//! all        = term { ["and"] term }               terms side by side must all hold
//! term       = { "not" } ( "(" any ")" | comparison | "exists" name | phrase | word )
//! comparison = name ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//!            | name ["not"] "in" ( "(" value { "," value } ")" | [value] ".." [value] )
//!            | name ( "~" | "!~" ) regex
//!            | name ":" value                       the same as =
//! name       = [ table "." ] ( column | alias )
//! phrase     = text in quotes, searched in the payload, ASCII letters in either case
//! word       = anything else, searched where its shape suggests: Call-ID, number, address, method, status ...
//! ```
//!
//! Values of `=`, `!=` and lists take the wildcards `*` and `?` (`\*` and `\?` are the signs themselves), numbers
//! take units (`3s`, `200ms`, `10kB`), statuses a class (`5xx`), addresses networks (`10.0.0.0/8`), times RFC 3339,
//! `2026-11-21 03:00` (UTC) or `-1h`. `&& || ! ==` are accepted for `and or not =`. `*` alone is everything.
//!
//! A comparison with a missing field is false, `!=` included; `not` turns it around.

mod admit;
mod catalogue;
mod check;
mod complete;
mod error;
mod evaluate;
mod expr;
mod lex;
mod names;
mod parse;
mod pattern;
mod print;
mod smart;
mod value;

pub use catalogue::Catalogue;
pub use complete::{Choice, Completion, complete};
pub use error::QueryError;
pub use evaluate::{matches, raw_contains};
pub use expr::{Expr, FieldRef, Literal, Net, Op};
pub use names::{METHODS, nearest};
pub use pattern::{Part, Pattern};
pub use value::time;

use std::fmt;

use crate::Micros;

/// Longest query text: far beyond what people type, enough for a pasted list of Call-IDs.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most conditions and list values: bounds the plan made from them.
pub const TERMS_MAX: usize = 2_000;
/// Deepest parentheses: bounds the recursion here and in whatever walks the expression.
pub const DEPTH_MAX: usize = 32;
/// Largest compiled regular expression: bounds memory and the time of one match.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// Most regular expressions: each is compiled here, again for every table it is asked of, and takes up to
/// [`REGEX_BYTES_MAX`] and some ten milliseconds each time.
pub const REGEXES_MAX: usize = 16;

/// A query, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub expr: Expr,
}

/// Understands a query. Relative times (`-1h`) count from `now`. An empty text asks for everything.
pub fn parse(text: &str, catalogue: &Catalogue, now: Micros) -> Result<Query, QueryError> {
    parse::parse(text, catalogue, now).map(|expr| Query { expr })
}

/// Compiles the pattern of an [`Expr::Regex`] within the limit all of the product shares.
pub fn compile_regex(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build()
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}
