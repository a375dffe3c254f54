//! Recursive descent over the tokens, with names and values checked on the way.

use std::ops::Range;

use crate::Micros;

use super::catalogue::{Meaning, Unknown};
use super::check::{Checker, Test};
use super::lex::{Token, TokenKind, Written, lex};
use super::{Catalogue, DEPTH_MAX, Expr, Op, QueryError, REGEXES_MAX, TERMS_MAX, TEXT_BYTES_MAX, smart};

pub(super) fn parse(text: &str, catalogue: &Catalogue, now: Micros) -> Result<Expr, QueryError> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the query has {} bytes; at most {TEXT_BYTES_MAX} are read", text.len());
        return Err(QueryError::new(text, TEXT_BYTES_MAX..text.len(), message));
    }
    let result = Parser::new(text, catalogue, now).query();
    match result {
        Err(_) if is_lone_identifier(text) => {
            Ok(smart::search(text.trim(), &super::Pattern::literal(text.trim()), catalogue))
        }
        other => other,
    }
}

/// A Call-ID may hold nearly any ASCII sign (RFC 3261 25.1, `word`), a URI has parameters: pasted alone they need
/// no quotes.
fn is_lone_identifier(text: &str) -> bool {
    let text = text.trim();
    text.contains('@')
        && !text.contains(|letter: char| letter.is_whitespace() || letter == '"')
        && (!text.contains('=') || smart::is_uri(text))
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    place: usize,
    depth: usize,
    terms: usize,
    regexes: usize,
    check: Checker<'a>,
}

/// A bare word becomes about this many comparisons.
const WORD_TERMS: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keyword {
    And,
    Or,
    Not,
    In,
    Exists,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, catalogue: &'a Catalogue, now: Micros) -> Self {
        Self {
            text,
            tokens: lex(text),
            place: 0,
            depth: 0,
            terms: 0,
            regexes: 0,
            check: Checker { text, catalogue, now },
        }
    }

    fn query(mut self) -> Result<Expr, QueryError> {
        if let Some(token) = self.tokens.iter().find(|token| token.kind == TokenKind::Unclosed) {
            return Err(self.error(token.at.start..token.at.start + 1, "this quote is never closed"));
        }
        if self.tokens.is_empty() {
            return Ok(Expr::Always);
        }
        let expr = self.any_of()?;
        match self.peek() {
            None => Ok(expr),
            Some(token) if token.kind == TokenKind::Close => {
                Err(self.error(token.at.clone(), "this parenthesis closes nothing"))
            }
            Some(token) => Err(self.unexpected(token)),
        }
    }

    fn any_of(&mut self) -> Result<Expr, QueryError> {
        let mut terms = vec![self.all_of()?];
        while self.take_keyword(Keyword::Or) {
            terms.push(self.all_of()?);
        }
        Ok(Expr::or(terms))
    }

    fn all_of(&mut self) -> Result<Expr, QueryError> {
        let mut terms = vec![self.negation()?];
        loop {
            if self.take_keyword(Keyword::And) || self.starts_a_term() {
                terms.push(self.negation()?);
            } else {
                return Ok(Expr::and(terms));
            }
        }
    }

    fn negation(&mut self) -> Result<Expr, QueryError> {
        let mut negated = false;
        while self.take_keyword(Keyword::Not) {
            negated = !negated;
        }
        let term = self.term()?;
        Ok(if negated { Expr::not(term) } else { term })
    }

    fn term(&mut self) -> Result<Expr, QueryError> {
        let Some(token) = self.next() else {
            return Err(self.error_at_end("a condition is missing here"));
        };
        self.count(&token.at)?;
        match token.kind {
            TokenKind::Open => self.group(token.at),
            TokenKind::Quoted => self.phrase(token.at),
            TokenKind::Word => match self.keyword(&token) {
                Some(Keyword::Exists) => self.exists(token.at),
                Some(_) => Err(self.error(token.at, "a condition is missing before this word")),
                None => self.condition(token.at),
            },
            _ => Err(self.unexpected(&token)),
        }
    }

    fn group(&mut self, open: Range<usize>) -> Result<Expr, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(open, format!("parentheses more than {DEPTH_MAX} deep")));
        }
        let inner = self.any_of()?;
        self.depth -= 1;
        match self.next() {
            Some(token) if token.kind == TokenKind::Close => Ok(inner),
            Some(token) => Err(self.unexpected(&token)),
            None => Err(self.error(open, "this parenthesis is never closed")),
        }
    }

    fn phrase(&mut self, at: Range<usize>) -> Result<Expr, QueryError> {
        let phrase = Written::quoted(self.text, at.clone()).plain();
        if phrase.is_empty() {
            return Err(self.error(at, "there is nothing between the quotes to search for"));
        }
        if self.comparison_follows() {
            let name = self.check.catalogue.resolve(&phrase).is_ok().then_some(phrase);
            return Err(self.error(at, "a field name stands without quotes").suggest(name));
        }
        Ok(Expr::RawContains(phrase))
    }

    fn exists(&mut self, at: Range<usize>) -> Result<Expr, QueryError> {
        match self.next() {
            Some(name) if name.kind == TokenKind::Word && self.keyword(&name).is_none() => {
                let meaning = self.resolve(&name.at)?;
                self.check.apply(meaning, &Test::Exists, false, &name.at)
            }
            _ => Err(self.error(at, "exists needs a field name, as in exists node")),
        }
    }

    /// A comparison, or a bare word.
    fn condition(&mut self, at: Range<usize>) -> Result<Expr, QueryError> {
        if self.comparison_follows() {
            let meaning = self.resolve(&at)?;
            return self.comparison(meaning, at);
        }
        if let Some((meaning, value)) = self.colon_form(&at) {
            return self.check.apply(meaning, &Test::Equal(value), false, &at);
        }
        let word = &self.text[at.clone()];
        if word == "*" {
            return Ok(Expr::Always);
        }
        if self.check.catalogue.resolve(word).is_ok() {
            let message =
                format!("{word} needs a comparison, as in {word} = ...; in quotes it is searched as text");
            return Err(self.error(at, message));
        }
        self.terms += WORD_TERMS - 1;
        let written = Written::word(self.text, at);
        Ok(smart::search(&written.plain(), &written.pattern(), self.check.catalogue))
    }

    /// `field:value`, as other search boxes have it. A name this catalogue lacks makes it an ordinary word (`sip:bob`).
    fn colon_form(&mut self, at: &Range<usize>) -> Option<(Meaning, Written<'a>)> {
        let (name, value) = self.text[at.clone()].split_once(':')?;
        let meaning = self.check.catalogue.resolve(name).ok()?;
        if !value.is_empty() {
            return Some((meaning, Written::word(self.text, at.end - value.len()..at.end)));
        }
        let quoted =
            self.peek().filter(|next| next.kind == TokenKind::Quoted && next.at.start == at.end)?.at.clone();
        self.place += 1;
        Some((meaning, Written::quoted(self.text, quoted)))
    }

    fn comparison(&mut self, meaning: Meaning, name: Range<usize>) -> Result<Expr, QueryError> {
        let mut negated = self.take_keyword(Keyword::Not);
        let operator = self.next().expect("comparison_follows has seen the operator");
        let test = match operator.kind {
            TokenKind::Word => self.list_or_range(&operator.at)?,
            TokenKind::Match | TokenKind::NotMatch => {
                negated |= operator.kind == TokenKind::NotMatch;
                self.regexes += 1;
                if self.regexes > REGEXES_MAX {
                    let message = format!("more than {REGEXES_MAX} regular expressions");
                    return Err(self.error(operator.at, message));
                }
                Test::Match(self.value(&operator.at)?)
            }
            TokenKind::Equal | TokenKind::NotEqual => {
                negated |= operator.kind == TokenKind::NotEqual;
                Test::Equal(self.value(&operator.at)?)
            }
            TokenKind::Less => Test::Order(Op::Lt, self.value(&operator.at)?),
            TokenKind::LessEqual => Test::Order(Op::Le, self.value(&operator.at)?),
            TokenKind::Greater => Test::Order(Op::Gt, self.value(&operator.at)?),
            _ => Test::Order(Op::Ge, self.value(&operator.at)?),
        };
        self.check.apply(meaning, &test, negated, &name)
    }

    fn list_or_range(&mut self, operator: &Range<usize>) -> Result<Test<'a>, QueryError> {
        match self.peek() {
            Some(token) if token.kind == TokenKind::Open => {
                let open = token.at.clone();
                self.place += 1;
                self.list(&open)
            }
            _ => self.range(operator),
        }
    }

    /// `(a, b, c)`, or a range in parentheses.
    fn list(&mut self, open: &Range<usize>) -> Result<Test<'a>, QueryError> {
        let mut values = Vec::new();
        loop {
            if let Some(token) = self.peek()
                && token.kind == TokenKind::Word
                && values.is_empty()
                && self.text[token.at.clone()].contains("..")
            {
                let range = self.range(open)?;
                return self.closed(open).map(|()| range);
            }
            let value = self.value(open)?;
            self.count(&value.at)?;
            values.push(value);
            match self.next() {
                Some(token) if token.kind == TokenKind::Comma => {}
                Some(token) if token.kind == TokenKind::Close => return Ok(Test::List(values)),
                Some(token) => {
                    return Err(self.error(token.at, "the values of a list are separated by commas"));
                }
                None => return Err(self.error(open.clone(), "this list is never closed")),
            }
        }
    }

    fn closed(&mut self, open: &Range<usize>) -> Result<(), QueryError> {
        match self.next() {
            Some(token) if token.kind == TokenKind::Close => Ok(()),
            Some(token) => Err(self.unexpected(&token)),
            None => Err(self.error(open.clone(), "this parenthesis is never closed")),
        }
    }

    /// `low..high`, with or without spaces, either end left out, either end in quotes.
    fn range(&mut self, operator: &Range<usize>) -> Result<Test<'a>, QueryError> {
        const SHAPE: &str = "in needs a list (a, b) or a range low..high";
        let Some(token) = self.next() else { return Err(self.error(operator.clone(), SHAPE)) };
        if token.kind == TokenKind::Quoted {
            let low = Written::quoted(self.text, token.at);
            let dots = self.next().filter(|dots| self.text[dots.at.clone()].starts_with(".."));
            let Some(dots) = dots else { return Err(self.error(operator.clone(), SHAPE)) };
            let high = self.range_end(dots.at.start + 2..dots.at.end);
            return Ok(Test::Span(Some(low), high));
        }
        let word = &self.text[token.at.clone()];
        let (low_end, high) = match word.find("..") {
            Some(dots) => {
                let dots = token.at.start + dots;
                (dots, self.range_end(dots + 2..token.at.end))
            }
            // `low .. high` or `low ..high`
            None => match self.peek() {
                Some(dots) if self.text[dots.at.clone()].starts_with("..") => {
                    let dots = dots.at.clone();
                    self.place += 1;
                    (token.at.end, self.range_end(dots.start + 2..dots.end))
                }
                _ => return Err(self.error(token.at, SHAPE)),
            },
        };
        let low = (low_end > token.at.start).then(|| Written::word(self.text, token.at.start..low_end));
        if low.is_none() && high.is_none() {
            return Err(self.error(token.at, "a range needs at least one end"));
        }
        Ok(Test::Span(low, high))
    }

    fn range_end(&mut self, rest_of_word: Range<usize>) -> Option<Written<'a>> {
        if !rest_of_word.is_empty() {
            return Some(Written::word(self.text, rest_of_word));
        }
        let token = self.peek()?.clone();
        let written = match token.kind {
            TokenKind::Quoted => Written::quoted(self.text, token.at),
            TokenKind::Word if self.keyword(&token).is_none() && !self.is_comparison_at(self.place + 1) => {
                Written::word(self.text, token.at)
            }
            _ => return None,
        };
        self.place += 1;
        Some(written)
    }

    fn value(&mut self, before: &Range<usize>) -> Result<Written<'a>, QueryError> {
        let Some(token) = self.next() else {
            let operator = &self.text[before.clone()];
            return Err(self.error(before.clone(), format!("a value is missing after {operator}")));
        };
        match token.kind {
            TokenKind::Quoted => Ok(Written::quoted(self.text, token.at)),
            TokenKind::Word if self.keyword(&token).is_some() => {
                let quoted = format!("\"{}\"", &self.text[token.at.clone()]);
                let message = "a value is missing before this word; quote it if it is the value";
                Err(self.error(token.at, message).suggest(Some(quoted)))
            }
            TokenKind::Word => Ok(Written::word(self.text, token.at)),
            _ => Err(self.unexpected(&token)),
        }
    }

    /// One more condition or list value.
    fn count(&mut self, at: &Range<usize>) -> Result<(), QueryError> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(self.error(at.clone(), format!("more than {TERMS_MAX} conditions and values")));
        }
        Ok(())
    }

    fn resolve(&self, at: &Range<usize>) -> Result<Meaning, QueryError> {
        let resolved = self.check.catalogue.resolve(&self.text[at.clone()]);
        resolved
            .map_err(|Unknown { message, suggestion }| self.error(at.clone(), message).suggest(suggestion))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.place)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.place).cloned();
        self.place += usize::from(token.is_some());
        token
    }

    fn starts_a_term(&self) -> bool {
        self.peek().is_some_and(|token| match token.kind {
            TokenKind::Word => !matches!(self.keyword(token), Some(Keyword::And | Keyword::Or)),
            TokenKind::Quoted | TokenKind::Open | TokenKind::Bang => true,
            _ => false,
        })
    }

    fn comparison_follows(&self) -> bool {
        self.is_comparison_at(self.place)
    }

    /// An operator, `in`, or `not` before `in` or `~`.
    fn is_comparison_at(&self, place: usize) -> bool {
        let Some(token) = self.tokens.get(place) else { return false };
        match token.kind {
            TokenKind::Equal
            | TokenKind::NotEqual
            | TokenKind::Less
            | TokenKind::LessEqual
            | TokenKind::Greater
            | TokenKind::GreaterEqual
            | TokenKind::Match
            | TokenKind::NotMatch => true,
            TokenKind::Word => match self.keyword(token) {
                Some(Keyword::In) => true,
                Some(Keyword::Not) => self.tokens.get(place + 1).is_some_and(|next| {
                    next.kind == TokenKind::Match || self.keyword(next) == Some(Keyword::In)
                }),
                _ => false,
            },
            _ => false,
        }
    }

    fn take_keyword(&mut self, keyword: Keyword) -> bool {
        let taken = self.peek().is_some_and(|token| self.keyword(token) == Some(keyword));
        self.place += usize::from(taken);
        taken
    }

    fn keyword(&self, token: &Token) -> Option<Keyword> {
        match token.kind {
            TokenKind::Both => return Some(Keyword::And),
            TokenKind::Either => return Some(Keyword::Or),
            TokenKind::Bang => return Some(Keyword::Not),
            TokenKind::Word => {}
            _ => return None,
        }
        const KEYWORDS: [(&str, Keyword); 5] = [
            ("and", Keyword::And),
            ("or", Keyword::Or),
            ("not", Keyword::Not),
            ("in", Keyword::In),
            ("exists", Keyword::Exists),
        ];
        let word = &self.text[token.at.clone()];
        KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword)
    }

    fn unexpected(&self, token: &Token) -> QueryError {
        let written = &self.text[token.at.clone()];
        self.error(
            token.at.clone(),
            format!("{written} is out of place here; quote it if it belongs to a value"),
        )
    }

    fn error_at_end(&self, message: &str) -> QueryError {
        self.error(self.text.len()..self.text.len(), message)
    }

    fn error(&self, at: Range<usize>, message: impl Into<String>) -> QueryError {
        QueryError::new(self.text, at, message)
    }
}
