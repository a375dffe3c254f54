//! What numbers and programs have in common, as the name of a group of calls.

/// `+4930` of `+49 30 123456`; `None` for a name.
pub fn prefix(user: &str, digits: usize) -> Option<String> {
    let plus = user.starts_with('+');
    let number: String = user.chars().filter(char::is_ascii_digit).take(digits).collect();
    let is_number = user.chars().all(|letter| letter.is_ascii_digit() || "+-.() #*".contains(letter));
    (is_number && !number.is_empty()).then(|| if plus { format!("+{number}") } else { number })
}

/// `Asterisk PBX` of `Asterisk PBX 18.4.0`, `Yealink SIP-T46S` of `Yealink SIP-T46S 66.85.0.5`.
pub fn family(agent: &str) -> &str {
    let end = agent.find('/').unwrap_or(agent.len());
    let name = &agent[..end];
    let mut end = 0;
    for word in name.split_inclusive(' ') {
        if end > 0 && word.starts_with(|letter: char| letter.is_ascii_digit() || letter == '(') {
            break;
        }
        end += word.len();
    }
    name[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_of_one_kind_are_one_family() {
        for (agent, name) in [
            ("Asterisk PBX 18.4.0", "Asterisk PBX"),
            ("Asterisk PBX 20.1.0~dfsg", "Asterisk PBX"),
            ("Yealink SIP-T46S 66.85.0.5", "Yealink SIP-T46S"),
            ("FreeSWITCH-mod_sofia/1.10.9-release", "FreeSWITCH-mod_sofia"),
            ("kamailio (5.7.3 (x86_64/linux))", "kamailio"),
            ("3CXPhoneSystem", "3CXPhoneSystem"),
            ("", ""),
        ] {
            assert_eq!(family(agent), name);
        }
    }

    #[test]
    fn prefixes_are_of_numbers() {
        assert_eq!(prefix("+4930123456", 4).as_deref(), Some("+4930"));
        assert_eq!(prefix("0049 30 1", 4).as_deref(), Some("0049"));
        assert_eq!(prefix("12", 4).as_deref(), Some("12"));
        assert_eq!(prefix("bob", 4), None);
        assert_eq!(prefix("", 4), None);
    }
}
