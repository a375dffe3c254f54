//! Who is called and who calls, as far as two legs can be compared by it.

/// Digits that a number must share with another, counted from its end: a subscriber's number without area code. Fewer are
/// an extension, which many houses have.
pub(crate) const SHARED_DIGITS_MIN: usize = 7;
/// What may stand before them in the shorter number: a trunk prefix (`0`, `9`), or two.
const PREFIX_DIGITS_MAX: usize = 2;
/// An extension is looked for at the end of a longer number from this length on.
const EXTENSION_DIGITS_MIN: usize = 3;
/// Longer users are cut: E.164 has 15 digits, names of users some letters.
const USER_BYTES_MAX: usize = 64;

/// What stands where nobody is named.
const NOBODY: &[&str] = &["anonymous", "unknown", "restricted", "unavailable", "private", "invalid"];

/// The user of an address, normalised: a number without `+`, `00` and visual separators, or else the user as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number {
    text: String,
    is_digits: bool,
}

/// How alike two numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    /// Both are known and differ.
    Other,
    /// At least one is not known.
    Unknown,
    /// One is the extension at the end of the other.
    Extension,
    /// The same extension or name: another house may have it too.
    SameShort,
    /// The same number.
    Same,
}

impl Number {
    /// `None` where nobody is named.
    pub fn new(user: &[u8]) -> Option<Self> {
        let user = user.get(..user.len().min(USER_BYTES_MAX))?;
        let user = String::from_utf8_lossy(user);
        let user = user.split(';').next().unwrap_or_default().trim();
        if user.is_empty() || NOBODY.iter().any(|nobody| user.eq_ignore_ascii_case(nobody)) {
            return None;
        }
        let bare: String =
            user.chars().filter(|letter| !matches!(letter, '-' | '.' | '(' | ')' | ' ')).collect();
        let digits = bare.strip_prefix('+').unwrap_or(&bare);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self { text: user.to_owned(), is_digits: false });
        }
        let digits = match digits.strip_prefix("00") {
            Some(rest) if rest.len() >= SHARED_DIGITS_MIN => rest,
            _ => digits,
        };
        Some(Self { text: digits.to_owned(), is_digits: true })
    }

    /// As it is compared.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its last digits, or all of it if it is short or a name: the same for all numbers that are the same, and for some
    /// more.
    pub fn key(&self) -> &str {
        let begin = self.text.len().saturating_sub(SHARED_DIGITS_MIN);
        if self.is_digits { self.text.get(begin..).unwrap_or(&self.text) } else { &self.text }
    }

    /// Whether its key is the end of it.
    pub fn is_long(&self) -> bool {
        self.is_digits && self.text.len() >= SHARED_DIGITS_MIN
    }

    pub(crate) fn likeness(&self, other: &Self) -> Likeness {
        let (long, short) = if self.text.len() >= other.text.len() { (self, other) } else { (other, self) };
        if self.text == other.text {
            return if self.is_long() { Likeness::Same } else { Likeness::SameShort };
        }
        if !self.is_digits || !other.is_digits {
            return Likeness::Other;
        }
        let shared = shared_suffix(&long.text, &short.text);
        if short.is_long() {
            let is_same = shared >= SHARED_DIGITS_MIN && short.text.len() - shared <= PREFIX_DIGITS_MAX;
            return if is_same { Likeness::Same } else { Likeness::Other };
        }
        if short.text.len() >= EXTENSION_DIGITS_MIN && shared == short.text.len() {
            return Likeness::Extension;
        }
        Likeness::Other
    }
}

fn shared_suffix(one: &str, other: &str) -> usize {
    one.bytes().rev().zip(other.bytes().rev()).take_while(|(one, other)| one == other).count()
}

/// The best that any two of them are.
pub(crate) fn likeness(these: &[Number], those: &[Number]) -> Likeness {
    let pairs = these.iter().flat_map(|this| those.iter().map(move |that| this.likeness(that)));
    pairs.max().unwrap_or(Likeness::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, wanted: Likeness) {
        let number = |text: &str| Number::new(text.as_bytes()).expect("somebody");
        assert_eq!(number(one).likeness(&number(other)), wanted, "{one} {other}");
        assert_eq!(number(other).likeness(&number(one)), wanted, "{other} {one}");
        if wanted == Likeness::Same {
            assert_eq!(number(one).key(), number(other).key());
        }
    }

    #[test]
    fn one_number_written_in_many_ways() {
        check("+49 30 5000-487", "0049305000487", Likeness::Same);
        check("+49305000487", "0305000487", Likeness::Same);
        check("49305000487", "5000487", Likeness::Same);
        check("+4930500487;phone-context=x", "00493050 0487", Likeness::Same);
        check("9#", "9#", Likeness::SameShort);
    }

    #[test]
    fn other_numbers() {
        check("+49305000487", "+49895000487", Likeness::Other);
        check("+49305000487", "+49305000488", Likeness::Other);
        check("alice", "bob", Likeness::Other);
        check("+49305000487", "alice", Likeness::Other);
        check("4711", "4712", Likeness::Other);
    }

    #[test]
    fn extensions() {
        check("4711", "4711", Likeness::SameShort);
        check("alice", "alice", Likeness::SameShort);
        check("+49305000487", "487", Likeness::Extension);
        check("+49305000487", "87", Likeness::Other);
    }

    #[test]
    fn nobody_is_named() {
        for user in ["", " ", "anonymous", "Anonymous", "unavailable", ";x"] {
            assert_eq!(Number::new(user.as_bytes()), None, "{user}");
        }
        assert_eq!(likeness(&[], &[Number { text: "1".into(), is_digits: true }]), Likeness::Unknown);
    }
}
