//! Patterns of Lua 5.1 (reference manual 5.4.1), counted step by step: those of the C library take as long as they
//! like, and one deep enough ends the program.

use crate::budget::{Budget, Exceeded};

/// As in the C library.
const CAPTURES_MAX: usize = 32;

/// Levels of the matcher within itself: each takes some hundred bytes of stack.
const DEPTH_MAX: usize = 200;

/// A part of the subject, or a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capture {
    Open { from: usize },
    Part { from: usize, to: usize },
    Place(usize),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Exceeded(Exceeded),
    Malformed(&'static str),
}

impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

type Matched = Result<Option<usize>, Failure>;

/// Where a pattern matched, and what it captured.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) captures: Vec<Capture>,
}

/// The first match at or after `from`.
pub(crate) fn find(
    subject: &[u8],
    pattern: &[u8],
    from: usize,
    budget: &Budget,
) -> Result<Option<Found>, Failure> {
    let (pattern, is_anchored) = match pattern.strip_prefix(b"^") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    for start in from..=subject.len() {
        if let Some(found) = match_at(subject, pattern, start, budget)? {
            return Ok(Some(found));
        }
        if is_anchored {
            break;
        }
    }
    Ok(None)
}

/// A match that begins right there.
pub(crate) fn match_at(
    subject: &[u8],
    pattern: &[u8],
    start: usize,
    budget: &Budget,
) -> Result<Option<Found>, Failure> {
    let mut matcher = Matcher { subject, pattern, budget, captures: Vec::new(), depth: 0 };
    let Some(to) = matcher.run(start, 0)? else { return Ok(None) };
    if matcher.captures.iter().any(|capture| matches!(capture, Capture::Open { .. })) {
        return Err(Failure::Malformed("unfinished capture"));
    }
    Ok(Some(Found { from: start, to, captures: matcher.captures }))
}

struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    budget: &'a Budget,
    captures: Vec<Capture>,
    depth: usize,
}

impl Matcher<'_> {
    /// Where the match of the rest of the pattern ends.
    fn run(&mut self, at: usize, rest: usize) -> Matched {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Failure::Malformed("pattern too complex"));
        }
        let matched = self.run_within(at, rest);
        self.depth -= 1;
        matched
    }

    fn run_within(&mut self, mut at: usize, mut rest: usize) -> Matched {
        loop {
            self.budget.spend(1)?;
            let Some(&first) = self.pattern.get(rest) else { return Ok(Some(at)) };
            let second = self.pattern.get(rest + 1).copied();
            match (first, second) {
                (b'(', Some(b')')) => return self.open(Capture::Place(at), at, rest + 2),
                (b'(', _) => return self.open(Capture::Open { from: at }, at, rest + 1),
                (b')', _) => return self.close(at, rest + 1),
                (b'$', None) => return Ok((at == self.subject.len()).then_some(at)),
                (b'%', Some(b'b')) => {
                    let Some(next) = self.balanced(at, rest + 2)? else { return Ok(None) };
                    at = next;
                    rest += 4;
                    continue;
                }
                (b'%', Some(b'f')) => {
                    rest += 2;
                    if self.pattern.get(rest) != Some(&b'[') {
                        return Err(Failure::Malformed("missing '[' after '%f' in pattern"));
                    }
                    let end = self.class_end(rest)?;
                    let before = at.checked_sub(1).and_then(|at| self.subject.get(at)).copied();
                    let here = self.subject.get(at).copied().unwrap_or(0);
                    if self.in_set(before.unwrap_or(0), rest, end - 1) || !self.in_set(here, rest, end - 1) {
                        return Ok(None);
                    }
                    rest = end;
                    continue;
                }
                (b'%', Some(digit @ b'0'..=b'9')) => {
                    let Some(next) = self.again(at, digit)? else { return Ok(None) };
                    at = next;
                    rest += 2;
                    continue;
                }
                _ => {}
            }
            let end = self.class_end(rest)?;
            let fits = self.fits(at, rest, end);
            match self.pattern.get(end) {
                Some(b'?') => {
                    if fits && let Some(to) = self.run(at + 1, end + 1)? {
                        return Ok(Some(to));
                    }
                    rest = end + 1;
                }
                Some(b'*') => return self.longest(at, rest, end),
                Some(b'+') => return if fits { self.longest(at + 1, rest, end) } else { Ok(None) },
                Some(b'-') => return self.shortest(at, rest, end),
                _ if !fits => return Ok(None),
                _ => {
                    at += 1;
                    rest = end;
                }
            }
        }
    }

    fn open(&mut self, capture: Capture, at: usize, rest: usize) -> Matched {
        if self.captures.len() >= CAPTURES_MAX {
            return Err(Failure::Malformed("too many captures"));
        }
        let count = self.captures.len();
        self.captures.push(capture);
        let matched = self.run(at, rest)?;
        if matched.is_none() {
            self.captures.truncate(count);
        }
        Ok(matched)
    }

    fn close(&mut self, at: usize, rest: usize) -> Matched {
        let place = self.captures.iter().rposition(|capture| matches!(capture, Capture::Open { .. }));
        let Some(place) = place else { return Err(Failure::Malformed("invalid pattern capture")) };
        let before = self.captures[place];
        if let Capture::Open { from } = before {
            self.captures[place] = Capture::Part { from, to: at };
        }
        let matched = self.run(at, rest)?;
        if matched.is_none() {
            self.captures[place] = before;
        }
        Ok(matched)
    }

    fn longest(&mut self, at: usize, rest: usize, end: usize) -> Matched {
        let mut count = 0;
        while self.fits(at + count, rest, end) {
            self.budget.spend(1)?;
            count += 1;
        }
        loop {
            if let Some(to) = self.run(at + count, end + 1)? {
                return Ok(Some(to));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    fn shortest(&mut self, mut at: usize, rest: usize, end: usize) -> Matched {
        loop {
            if let Some(to) = self.run(at, end + 1)? {
                return Ok(Some(to));
            }
            if !self.fits(at, rest, end) {
                return Ok(None);
            }
            at += 1;
        }
    }

    fn balanced(&mut self, at: usize, rest: usize) -> Matched {
        let (Some(&open), Some(&close)) = (self.pattern.get(rest), self.pattern.get(rest + 1)) else {
            return Err(Failure::Malformed("unbalanced pattern"));
        };
        if self.subject.get(at) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1_usize;
        for (offset, byte) in self.subject.iter().enumerate().skip(at + 1) {
            self.budget.spend(1)?;
            if *byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(offset + 1));
                }
            } else if *byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// A capture once more.
    fn again(&mut self, at: usize, digit: u8) -> Matched {
        let place = usize::from(digit).checked_sub(usize::from(b'1'));
        let capture = place.and_then(|place| self.captures.get(place)).copied();
        let Some(Capture::Part { from, to }) = capture else {
            return Err(Failure::Malformed("invalid capture index"));
        };
        let part = &self.subject[from..to];
        self.budget.spend(part.len() as u64)?;
        let is_there = self.subject.get(at..).is_some_and(|rest| rest.starts_with(part));
        Ok(is_there.then(|| at + part.len()))
    }

    /// Where the class that begins here ends.
    fn class_end(&self, at: usize) -> Result<usize, Failure> {
        match self.pattern.get(at) {
            Some(b'%') if at + 1 >= self.pattern.len() => {
                Err(Failure::Malformed("malformed pattern (ends with '%')"))
            }
            Some(b'%') => Ok(at + 2),
            Some(b'[') => {
                let mut end = at + 1;
                if self.pattern.get(end) == Some(&b'^') {
                    end += 1;
                }
                // A bracket in the first place is one of the set.
                loop {
                    match self.pattern.get(end) {
                        None => return Err(Failure::Malformed("malformed pattern (missing ']')")),
                        Some(b'%') => end += 2,
                        Some(_) => end += 1,
                    }
                    if self.pattern.get(end) == Some(&b']') {
                        return Ok(end + 1);
                    }
                }
            }
            _ => Ok(at + 1),
        }
    }

    fn fits(&self, at: usize, rest: usize, end: usize) -> bool {
        let Some(&byte) = self.subject.get(at) else { return false };
        match self.pattern[rest] {
            b'.' => true,
            b'%' => is_of_class(byte, self.pattern[rest + 1]),
            b'[' => self.in_set(byte, rest, end - 1),
            literal => literal == byte,
        }
    }

    /// `from` is the place of the opening bracket, `to` of the closing one.
    fn in_set(&self, byte: u8, from: usize, to: usize) -> bool {
        let mut at = from + 1;
        let is_negated = self.pattern.get(at) == Some(&b'^');
        if is_negated {
            at += 1;
        }
        while at < to {
            let first = self.pattern[at];
            if first == b'%' && at + 1 < to {
                if is_of_class(byte, self.pattern[at + 1]) {
                    return !is_negated;
                }
                at += 2;
            } else if self.pattern.get(at + 1) == Some(&b'-') && at + 2 < to {
                if (first..=self.pattern[at + 2]).contains(&byte) {
                    return !is_negated;
                }
                at += 3;
            } else {
                if first == byte {
                    return !is_negated;
                }
                at += 1;
            }
        }
        is_negated
    }
}

fn is_of_class(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is_in != class.is_ascii_uppercase()
}
