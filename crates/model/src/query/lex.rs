use std::ops::Range;

use super::pattern::{Part, Pattern};

/// A piece of a query text and where it stands in it, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    /// Between double or single quotes; `at` includes them.
    Quoted,
    /// A quoted text that never ends.
    Unclosed,
    Open,
    Close,
    Comma,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Match,
    NotMatch,
    /// `&&`
    Both,
    /// `||`
    Either,
    /// `!`
    Bang,
}

/// Cuts the text into tokens. Never fails: whatever is not an operator is part of a word.
pub(super) fn lex(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = token_at(&text[at..], first);
        tokens.push(Token { kind, at: at..at + length });
        at += length;
    }
    tokens
}

fn token_at(rest: &str, first: char) -> (TokenKind, usize) {
    use TokenKind::{
        Bang, Both, Close, Comma, Either, Equal, Greater, GreaterEqual, Less, LessEqual, Match, NotEqual,
        NotMatch, Open,
    };
    const TWO: [(&str, TokenKind); 9] = [
        ("==", Equal),
        ("=~", Match),
        ("!=", NotEqual),
        ("<>", NotEqual),
        ("!~", NotMatch),
        ("<=", LessEqual),
        (">=", GreaterEqual),
        ("&&", Both),
        ("||", Either),
    ];
    if let Some((_, kind)) = TWO.iter().find(|(operator, _)| rest.starts_with(operator)) {
        return (*kind, 2);
    }
    match first {
        '(' => (Open, 1),
        ')' => (Close, 1),
        ',' => (Comma, 1),
        '=' => (Equal, 1),
        '<' => (Less, 1),
        '>' => (Greater, 1),
        '~' => (Match, 1),
        '!' => (Bang, 1),
        '"' | '\'' => quoted(rest, first),
        _ => (TokenKind::Word, word_length(rest)),
    }
}

fn quoted(rest: &str, quote: char) -> (TokenKind, usize) {
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return (TokenKind::Quoted, at + 1);
        }
    }
    (TokenKind::Unclosed, rest.len())
}

fn word_length(rest: &str) -> usize {
    let mut end = 0;
    for (at, letter) in rest.char_indices() {
        let after = &rest[at..];
        let joins_a_time = letter == ' ' && ends_in_date(&rest[..at]) && starts_with_clock(&after[1..]);
        let stops = (letter.is_whitespace() && !joins_a_time)
            || matches!(letter, '(' | ')' | ',' | '=' | '<' | '>' | '~' | '"')
            || after.starts_with("!=")
            || after.starts_with("!~")
            || after.starts_with("&&")
            || after.starts_with("||");
        if stops {
            break;
        }
        end = at + letter.len_utf8();
    }
    end
}

/// `2026-11-21 03:00` is one word although a space is in it.
fn ends_in_date(word: &str) -> bool {
    let last = word.rsplit("..").next().unwrap_or(word).as_bytes();
    last.len() == 10
        && last
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() })
}

fn starts_with_clock(rest: &str) -> bool {
    let rest = rest.as_bytes();
    rest.len() >= 5 && rest[2] == b':' && [rest[0], rest[1], rest[3], rest[4]].iter().all(u8::is_ascii_digit)
}

/// A value as written, with its escapes not yet read: what they mean depends on what the value is for.
#[derive(Clone, Debug)]
pub(super) struct Written<'a> {
    body: &'a str,
    pub(super) quoted: bool,
    /// Where it stands, quotes included.
    pub(super) at: Range<usize>,
}

impl<'a> Written<'a> {
    pub(super) fn word(text: &'a str, at: Range<usize>) -> Self {
        Self { body: &text[at.clone()], quoted: false, at }
    }

    pub(super) fn quoted(text: &'a str, at: Range<usize>) -> Self {
        Self { body: &text[at.start + 1..at.end - 1], quoted: true, at }
    }

    /// The text meant, with wildcards as the letters they are.
    pub(super) fn plain(&self) -> String {
        let mut plain = String::with_capacity(self.body.len());
        self.glyphs(|glyph| {
            plain.push(match glyph {
                Glyph::Letter(letter) => letter,
                Glyph::Run => '*',
                Glyph::One => '?',
            });
        });
        plain
    }

    pub(super) fn pattern(&self) -> Pattern {
        let mut parts = Vec::new();
        let mut text = String::new();
        self.glyphs(|glyph| {
            let part = match glyph {
                Glyph::Letter(letter) => return text.push(letter),
                Glyph::Run => Part::Run,
                Glyph::One => Part::One,
            };
            parts.push(Part::Text(std::mem::take(&mut text)));
            parts.push(part);
        });
        parts.push(Part::Text(text));
        Pattern::new(parts)
    }

    /// A regular expression has escapes of its own: only `\"` is the language's.
    pub(super) fn regex(&self) -> String {
        let mut regex = String::with_capacity(self.body.len());
        let mut letters = self.body.chars();
        while let Some(letter) = letters.next() {
            if letter != '\\' {
                regex.push(letter);
                continue;
            }
            match letters.next() {
                Some('"') => regex.push('"'),
                Some(other) => regex.extend(['\\', other]),
                None => regex.push('\\'),
            }
        }
        regex
    }

    /// In quotes `\n \t \r \" \' \\ \* \?` are escapes, in a bare word `\\ \* \?`; any other backslash is itself.
    fn glyphs(&self, mut each: impl FnMut(Glyph)) {
        let mut letters = self.body.chars().peekable();
        while let Some(letter) = letters.next() {
            let glyph = match letter {
                '*' => Glyph::Run,
                '?' => Glyph::One,
                '\\' => {
                    let meant = match letters.peek() {
                        Some(same @ ('\\' | '*' | '?')) => Some(*same),
                        Some(quote @ ('"' | '\'')) if self.quoted => Some(*quote),
                        Some('n') if self.quoted => Some('\n'),
                        Some('t') if self.quoted => Some('\t'),
                        Some('r') if self.quoted => Some('\r'),
                        _ => None,
                    };
                    if meant.is_some() {
                        letters.next();
                    }
                    Glyph::Letter(meant.unwrap_or('\\'))
                }
                other => Glyph::Letter(other),
            };
            each(glyph);
        }
    }
}

enum Glyph {
    Letter(char),
    Run,
    One,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        lex(text).into_iter().map(|token| &text[token.at]).collect()
    }

    #[test]
    fn cuts_words_and_operators() {
        assert_eq!(words("a=b!=c"), ["a", "=", "b", "!=", "c"]);
        assert_eq!(words("status in 500..599"), ["status", "in", "500..599"]);
        assert_eq!(words("x in (a,b)&&y"), ["x", "in", "(", "a", ",", "b", ")", "&&", "y"]);
        assert_eq!(words("bob!x !y"), ["bob!x", "!", "y"]);
        assert_eq!(words(r#"a = "b \" c" d"#), ["a", "=", r#""b \" c""#, "d"]);
        assert_eq!(words("\"open"), ["\"open"]);
        assert_eq!(lex("\"open")[0].kind, TokenKind::Unclosed);
        assert_eq!(words("o'brien 'x y'"), ["o'brien", "'x y'"]);
    }

    #[test]
    fn joins_a_date_with_its_clock() {
        assert_eq!(words("ts > 2026-11-21 03:00 x"), ["ts", ">", "2026-11-21 03:00", "x"]);
        assert_eq!(
            words("ts in 2026-11-21 03:00..2026-11-21 04:00:01"),
            ["ts", "in", "2026-11-21 03:00..2026-11-21 04:00:01"]
        );
        assert_eq!(words("2026-11-21 300"), ["2026-11-21", "300"]);
    }

    #[test]
    fn reads_escapes_by_purpose() {
        let text = r#""a\*b*\n\q\"""#;
        let written = Written::quoted(text, 0..text.len());
        assert_eq!(written.plain(), "a*b*\n\\q\"");
        assert_eq!(written.pattern().to_sql_like(), "a*b%\n\\\\q\"");
        assert_eq!(written.regex(), r#"a\*b*\n\q""#);
        let word = r"DOMAIN\name\*";
        assert_eq!(Written::word(word, 0..word.len()).plain(), r"DOMAIN\name*");
    }
}
