//! Telephone numbers, compared as far as they can be (RFC 8224 8.3).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Same,
    Different,
    /// One of them is no number, or so short that it means something in its own network only.
    Unclear,
}

/// Fewer digits are an extension or a short code.
const DIGITS_MIN: usize = 7;

/// Signs that people write between digits (RFC 3966 5.1.1).
const SEPARATORS: &[char] = &['-', '.', '(', ')', ' '];

pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && digits.chars().all(|sign| sign.is_ascii_digit() || SEPARATORS.contains(&sign))
}

/// Numbers of which one has no country or area code may be the same: the end of one is the other.
pub(crate) fn compare(one: &str, other: &str) -> Match {
    match (is_number(one), is_number(other)) {
        (true, true) => {}
        (false, false) if one.eq_ignore_ascii_case(other) => return Match::Same,
        (false, false) if !one.contains("anonymous") && !other.contains("anonymous") => {
            return Match::Different;
        }
        _ => return Match::Unclear,
    }
    let (one, other) = (digits(one), digits(other));
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if short == long || short.len() >= DIGITS_MIN && long.ends_with(&short) {
        Match::Same
    } else if short.len() < DIGITS_MIN {
        Match::Unclear
    } else {
        Match::Different
    }
}

/// Without separators, and without the zeros that stand for a country or area code.
fn digits(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_several_forms() {
        assert_eq!(compare("+49 30 123-4567", "49301234567"), Match::Same);
        assert_eq!(compare("49301234567", "0301234567"), Match::Same);
        assert_eq!(compare("49301234567", "004930 1234567"), Match::Same);
        assert_eq!(compare("49301234567", "49301234568"), Match::Different);
        assert_eq!(compare("49301234567", "110"), Match::Unclear);
        assert_eq!(compare("49301234567", "sip:anonymous@anonymous.invalid"), Match::Unclear);
        assert_eq!(compare("sip:Alice@example.com", "sip:alice@example.com"), Match::Same);
        assert_eq!(compare("sip:alice@example.com", "sip:bob@example.com"), Match::Different);
    }
}
