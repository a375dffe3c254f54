//! Which Call-IDs are legs of one call, and why.
//!
//! A B2BUA ends a call on one side and begins another on the other side, with a Call-ID of its own. Legs that name one
//! another are of one call. Others are joined by what they look like: [`follow`] weighs whether one follows the other,
//! [`judge`] compares the candidates. docs/legs.md has the rules with their scores, and what they find and miss in a corpus
//! of known calls.
//!
//! Event time only; what legs come in is looked up by key, a bounded number for each.

mod edge;
mod follow;
mod groups;
mod index;
mod judge;
mod leg;
mod number;
mod read;
mod rules;

pub use edge::{Edge, Rule, Standing};
pub use judge::Judge;
pub use leg::Leg;
pub use number::Number;
pub use rules::{HEADERS_DEFAULT, Rules, SUFFIXES_DEFAULT};

/// Judges legs that are all known, in the order of their beginning.
pub fn judge(legs: impl IntoIterator<Item = Leg>, rules: Rules) -> Judge {
    let mut legs: Vec<Leg> = legs.into_iter().collect();
    legs.sort_by(|one, other| (one.first, &one.call_id).cmp(&(other.first, &other.call_id)));
    let mut judge = Judge::new(rules);
    for leg in legs {
        judge.put(leg);
    }
    judge
}
