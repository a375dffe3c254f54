//! What a bare word is looked for in, judged by its shape.

use std::net::SocketAddr;

use super::names::{ADDRESSES, ENDPOINTS, IDENTIFIERS, METHODS, USERS};
use super::{Catalogue, Expr, FieldRef, Literal, Op, Pattern, value};

/// Longest number of the international plan (ITU-T E.164): a longer run of digits is an identifier.
const E164_DIGITS_MAX: usize = 15;
/// From here on, letters mixed with digits are taken for an identifier, not a name.
const IDENTIFIER_LETTERS_MIN: usize = 16;
/// Branches of RFC 3261 start with this (8.1.1.7).
const BRANCH_COOKIE: &str = "z9hG4bK";

/// The comparisons a bare word stands for.
pub(super) fn search(word: &str, pattern: &Pattern, catalogue: &Catalogue) -> Expr {
    let ask = Ask { catalogue };
    let found = if pattern.as_plain().is_none() { ask.wildcards(pattern) } else { ask.shape(word) };
    // A catalogue without any of these fields still has payloads.
    if found == Expr::Never { Expr::RawContains(word.to_owned()) } else { found }
}

struct Ask<'a> {
    catalogue: &'a Catalogue,
}

impl Ask<'_> {
    fn shape(&self, word: &str) -> Expr {
        if let Some(uri) = strip_scheme(word) {
            return self.uri(uri);
        }
        if let Some(method) = METHODS.iter().find(|method| method.eq_ignore_ascii_case(word)) {
            return self.equals(&["method"], method);
        }
        if let Some((low, high)) = value::status_class(word) {
            return self.field("status", |field| Expr::Range {
                field,
                low: Literal::Int(low),
                high: Literal::Int(high),
            });
        }
        if let Some(found) = self.address(word) {
            return found;
        }
        if let Some(digits) = phone_digits(word) {
            return self.digits(word, &digits);
        }
        if let Some((user, host)) = word.split_once('@') {
            return Expr::or([self.equals(IDENTIFIERS, word), self.address_of_record(user, host)]);
        }
        if word.starts_with(BRANCH_COOKIE) {
            return self.equals(&["via_branch"], word);
        }
        if is_identifier(word) {
            return self.identifier(word);
        }
        Expr::or([self.equals(USERS, word), self.equals(&["call_id", "correlation_id", "node"], word)])
    }

    fn wildcards(&self, pattern: &Pattern) -> Expr {
        let is_address = pattern.prefix().contains('.')
            && pattern.prefix().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let names = if is_address {
            vec!["src_ip", "dst_ip"]
        } else {
            USERS.iter().chain(IDENTIFIERS).chain(&["node"]).copied().collect()
        };
        self.any(&names, |field| Expr::Like { field, pattern: pattern.clone() })
    }

    /// An address, an address with port, a network.
    fn address(&self, word: &str) -> Option<Expr> {
        if let Some(net) = value::network(word) {
            return Some(self.any(&["src_ip", "dst_ip"], |field| Expr::InNet { field, net }));
        }
        if let Some(endpoint) = value::endpoint(word) {
            return Some(self.endpoint(endpoint));
        }
        let addr = value::address(word)?;
        Some(self.any(&["src_ip", "dst_ip"], |field| compare(field, Literal::Ip(addr))))
    }

    fn endpoint(&self, endpoint: SocketAddr) -> Expr {
        let port = i64::from(endpoint.port());
        Expr::or(ENDPOINTS.iter().map(|(ip_name, port_name)| {
            Expr::and([
                self.field(ip_name, |field| compare(field, Literal::Ip(endpoint.ip()))),
                self.field(port_name, |field| compare(field, Literal::Int(port))),
            ])
        }))
    }

    fn digits(&self, word: &str, digits: &str) -> Expr {
        if digits.len() > E164_DIGITS_MAX {
            return Expr::or([self.equals(IDENTIFIERS, word), self.equals(USERS, word)]);
        }
        if word.len() == 3 {
            let status = word.parse().unwrap_or(0);
            let reply = (100..700)
                .contains(&status)
                .then(|| self.field("status", |field| compare(field, Literal::Int(status))));
            return Expr::or(reply.into_iter().chain([self.equals(USERS, word)]));
        }
        if digits.len() < 3 {
            return self.equals(USERS, word);
        }
        // However the number is prefixed (+44, 0044, 044 or plainly 44), its end is the same.
        let pattern = Pattern::suffix(digits);
        self.any(USERS, |field| Expr::Like { field, pattern: pattern.clone() })
    }

    fn identifier(&self, word: &str) -> Expr {
        let is_session = word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let session = is_session.then(|| {
            // RFC 7989: two halves of 32 hexadecimal digits in one header.
            let pattern = Pattern::containing(&word.to_ascii_lowercase());
            self.field("session_id", |field| Expr::Like { field, pattern })
        });
        Expr::or([self.equals(IDENTIFIERS, word)].into_iter().chain(session))
    }

    fn uri(&self, uri: &str) -> Expr {
        let uri = uri.split([';', '?']).next().unwrap_or(uri);
        match uri.split_once('@') {
            Some((user, host)) => self.address_of_record(user, host),
            None => match phone_digits(uri) {
                Some(digits) => self.digits(uri, &digits),
                None => self.any(&["ruri_host", "from_host", "to_host"], |field| {
                    compare(field, Literal::Text(host_of(uri).to_owned()))
                }),
            },
        }
    }

    fn address_of_record(&self, user: &str, host: &str) -> Expr {
        Expr::or(ADDRESSES.iter().map(|(user_name, host_name)| {
            Expr::and([self.equals(&[user_name], user), self.equals(&[host_name], host_of(host))])
        }))
    }

    fn equals(&self, names: &[&str], text: &str) -> Expr {
        self.any(names, |field| compare(field, Literal::Text(text.to_owned())))
    }

    fn any(&self, names: &[&str], make: impl Fn(FieldRef) -> Expr) -> Expr {
        Expr::or(names.iter().map(|name| self.field(name, &make)))
    }

    fn field(&self, name: &str, make: impl FnOnce(FieldRef) -> Expr) -> Expr {
        self.catalogue.plain(name).map_or(Expr::Never, |named| make(named.field))
    }
}

fn compare(field: FieldRef, value: Literal) -> Expr {
    Expr::Compare { field, op: Op::Eq, value }
}

pub(super) fn is_uri(word: &str) -> bool {
    strip_scheme(word).is_some()
}

/// What follows the scheme, angle brackets (RFC 3261 20.10) taken off.
fn strip_scheme(word: &str) -> Option<&str> {
    let word = word.strip_prefix('<').map_or(word, |rest| rest.split('>').next().unwrap_or(rest));
    let (scheme, rest) = word.split_once(':')?;
    ["sip", "sips", "tel"].iter().any(|known| known.eq_ignore_ascii_case(scheme)).then_some(rest)
}

/// The host without its port.
fn host_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The digits of a telephone number without its visual separators (RFC 3966) and without the prefix that depends on
/// where one dials from; `None` for anything else.
fn phone_digits(word: &str) -> Option<String> {
    let body = word.strip_prefix('+').unwrap_or(word);
    let starts_with_digit = body.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if !starts_with_digit || !body.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')) {
        return None;
    }
    let digits: String = body.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0');
    // Short numbers keep their zeros: 0100 is an extension.
    const SIGNIFICANT_DIGITS_MIN: usize = 7;
    Some(if significant.len() >= SIGNIFICANT_DIGITS_MIN { significant.to_owned() } else { digits })
}

fn is_identifier(word: &str) -> bool {
    word.len() >= IDENTIFIER_LETTERS_MIN
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}
