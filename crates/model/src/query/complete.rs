//! What may be written next at the cursor.

use crate::Kind;

use super::Catalogue;
use super::Literal;
use super::catalogue::{Meaning, Named};
use super::error::floor;
use super::lex::{Token, TokenKind, lex};
use super::names::METHODS;

/// Longest list worth showing.
const CHOICES_MAX: usize = 100;

/// What may stand at the cursor: every choice replaces the text from `from` to the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// In bytes of the text.
    pub from: usize,
    pub options: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub text: String,
    pub doc: String,
}

/// Completes field names, operators, known values and the words between conditions. `cursor` counts bytes; what
/// stands after it is not looked at.
pub fn complete(text: &str, cursor: usize, catalogue: &Catalogue) -> Completion {
    let before = &text[..floor(text, cursor)];
    let tokens = lex(before);
    let typing = tokens.last().filter(|token| {
        token.at.end == before.len() && matches!(token.kind, TokenKind::Word | TokenKind::Unclosed)
    });
    let done = &tokens[..tokens.len() - usize::from(typing.is_some())];
    let from = typing.map_or(before.len(), |token| token.at.start);
    let typed = &before[from..];
    // A finished name with the cursor right behind it: nothing more to complete in it but longer names.
    let options = match expectation(before, done) {
        Expected::Term => terms(typed, catalogue, done.is_empty()),
        Expected::Name => names(typed, catalogue),
        Expected::Operator(name) => operators(&name, typed, catalogue),
        Expected::Value(name) => values(&name, typed, catalogue),
        Expected::Joint => joints(typed, catalogue),
        Expected::Nothing => Vec::new(),
    };
    Completion { from, options }
}

enum Expected {
    /// A new condition.
    Term,
    /// A field name after `exists`.
    Name,
    Operator(String),
    Value(String),
    /// `and`, `or`, or a further condition.
    Joint,
    Nothing,
}

fn expectation(text: &str, done: &[Token]) -> Expected {
    let word = |token: &Token| text[token.at.clone()].to_owned();
    let is = |token: &Token, keyword: &str| {
        token.kind == TokenKind::Word && word(token).eq_ignore_ascii_case(keyword)
    };
    let Some(last) = done.last() else { return Expected::Term };
    let before = done.len().checked_sub(2).map(|place| &done[place]);
    match last.kind {
        TokenKind::Both | TokenKind::Either | TokenKind::Bang => Expected::Term,
        kind if is_operator(kind) => match before {
            Some(name) if name.kind == TokenKind::Word => Expected::Value(word(name)),
            _ => Expected::Nothing,
        },
        TokenKind::Open | TokenKind::Comma => match list_name(text, done) {
            Some(name) => Expected::Value(name),
            None if last.kind == TokenKind::Open => Expected::Term,
            None => Expected::Nothing,
        },
        TokenKind::Close | TokenKind::Quoted => Expected::Joint,
        TokenKind::Word if ["and", "or", "not"].iter().any(|keyword| is(last, keyword)) => Expected::Term,
        TokenKind::Word if is(last, "exists") => Expected::Name,
        TokenKind::Word if is(last, "in") => {
            before.map_or(Expected::Nothing, |name| Expected::Value(word(name)))
        }
        TokenKind::Word => match before {
            Some(before) if is_operator(before.kind) || is(before, "in") || is(before, "exists") => {
                Expected::Joint
            }
            Some(before) if before.kind == TokenKind::Comma || list_name(text, done).is_some() => {
                Expected::Nothing
            }
            _ => Expected::Operator(word(last)),
        },
        _ => Expected::Nothing,
    }
}

/// The field of the list the cursor is in: `name in ( ... `.
fn list_name(text: &str, done: &[Token]) -> Option<String> {
    let open = done.iter().rposition(|token| matches!(token.kind, TokenKind::Open | TokenKind::Close))?;
    if done[open].kind == TokenKind::Close {
        return None;
    }
    let [.., name, operator] = &done[..open] else { return None };
    text[operator.at.clone()].eq_ignore_ascii_case("in").then(|| text[name.at.clone()].to_owned())
}

fn is_operator(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Equal
            | TokenKind::NotEqual
            | TokenKind::Less
            | TokenKind::LessEqual
            | TokenKind::Greater
            | TokenKind::GreaterEqual
            | TokenKind::Match
            | TokenKind::NotMatch
    )
}

fn terms(typed: &str, catalogue: &Catalogue, is_first: bool) -> Vec<Choice> {
    let mut choices = names(typed, catalogue);
    if !typed.is_empty() {
        let methods = METHODS.iter().map(|method| choice(method, "SIP method"));
        choices.extend(methods.filter(|choice| starts_with(&choice.text, typed)));
    }
    let words = [choice("not", "Turns the next condition around"), choice("exists", "The field is there")];
    choices.extend(
        words
            .into_iter()
            .filter(|choice| starts_with(&choice.text, typed) && !(is_first && typed.is_empty())),
    );
    choices
}

/// Names that start with what was typed, then those that have it inside; with a table and a dot, those of the table.
fn names(typed: &str, catalogue: &Catalogue) -> Vec<Choice> {
    let typed = typed.to_ascii_lowercase();
    let (mut starting, mut inside) = (Vec::new(), Vec::new());
    let mut look_at = |name: &str, doc: &str| {
        let fitting = if name.starts_with(&typed) {
            &mut starting
        } else if name.contains(&typed) {
            &mut inside
        } else {
            return;
        };
        if fitting.len() < CHOICES_MAX {
            fitting.push(choice(name, doc));
        }
    };
    if let Some((table, _)) = typed.split_once('.') {
        let table = catalogue.tables().iter().find(|candidate| candidate.name == table);
        for (table, field) in table.iter().flat_map(|table| table.columns().map(move |field| (table, field)))
        {
            look_at(&format!("{}.{}", table.name, field.name), field.doc);
        }
    } else {
        let aliases: Vec<_> = catalogue.aliases().collect();
        aliases.iter().for_each(|(name, doc)| look_at(name, doc));
        for (field, _) in catalogue.fields() {
            if !aliases.iter().any(|(alias, _)| *alias == field.name) {
                look_at(field.name, field.doc);
            }
        }
        catalogue.tables().iter().for_each(|table| look_at(&format!("{}.", table.name), table.doc));
    }
    starting.into_iter().chain(inside).take(CHOICES_MAX).collect()
}

fn operators(name: &str, typed: &str, catalogue: &Catalogue) -> Vec<Choice> {
    let Ok(meaning) = catalogue.resolve(name) else { return joints(typed, catalogue) };
    let kind = match meaning {
        Meaning::Field(named) => named.kind(),
        Meaning::Any(any) => any.into_iter().flatten().next().map_or(Kind::Text, |named| named.kind()),
        Meaning::Endpoint { .. } => Kind::Ip,
        Meaning::Table => Kind::Bool,
    };
    let is_ordered = matches!(kind, Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Float | Kind::Time);
    let is_text = matches!(kind, Kind::Text | Kind::TextList | Kind::Json | Kind::Ip | Kind::Bytes);
    let offered: [(&str, &str, bool); 8] = [
        ("=", "Equal; * and ? are wildcards", kind != Kind::Bytes),
        ("!=", "There, and different", kind != Kind::Bytes),
        ("~", "Fits a regular expression", is_text),
        ("<", "Less", is_ordered),
        ("<=", "At most", is_ordered),
        (">", "More", is_ordered),
        (">=", "At least", is_ordered),
        (
            "in",
            if is_ordered { "One of a list (a, b), or a range a..b" } else { "One of a list (a, b)" },
            kind != Kind::Bytes,
        ),
    ];
    offered
        .into_iter()
        .filter(|(text, _, fits)| *fits && starts_with(text, typed))
        .map(|(text, doc, _)| choice(text, doc))
        .collect()
}

/// Known values that start with what was typed, in quotes where they need them.
fn values(name: &str, typed: &str, catalogue: &Catalogue) -> Vec<Choice> {
    let typed = typed.trim_start_matches(['"', '\'']);
    let of = |named: Named| catalogue.values(named.field.name).iter().map(|value| choice(value, ""));
    let known: Vec<Choice> = match catalogue.resolve(name) {
        Ok(Meaning::Table) => catalogue.tables().iter().map(|table| choice(table.name, table.doc)).collect(),
        Ok(Meaning::Field(named)) if named.kind() == Kind::Time => {
            [("-15m", "15 minutes ago"), ("-1h", "An hour ago"), ("-1d", "A day ago"), ("now", "Now")]
                .map(|(text, doc)| choice(text, doc))
                .to_vec()
        }
        Ok(Meaning::Field(named) | Meaning::Endpoint { ip: named, .. }) => of(named).collect(),
        Ok(Meaning::Any(any)) => any.into_iter().flatten().flat_map(of).collect(),
        Err(_) => Vec::new(),
    };
    let mut fitting: Vec<Choice> = Vec::new();
    for choice in known.into_iter().filter(|choice| starts_with(&choice.text, typed)) {
        let text =
            if is_plain_word(&choice.text) { choice.text } else { Literal::Text(choice.text).to_string() };
        if fitting.len() < CHOICES_MAX && !fitting.iter().any(|known| known.text == text) {
            fitting.push(Choice { text, doc: choice.doc });
        }
    }
    fitting
}

/// Whether the text means itself without quotes.
fn is_plain_word(text: &str) -> bool {
    let is_one_word =
        matches!(lex(text).as_slice(), [word] if word.kind == TokenKind::Word && word.at == (0..text.len()));
    let is_keyword =
        ["and", "or", "not", "in", "exists"].iter().any(|keyword| keyword.eq_ignore_ascii_case(text));
    is_one_word && !is_keyword && !text.contains(['*', '?', '\\'])
}

fn joints(typed: &str, catalogue: &Catalogue) -> Vec<Choice> {
    let words = [choice("and", "Both conditions"), choice("or", "Either condition")];
    let mut choices: Vec<Choice> =
        words.into_iter().filter(|choice| starts_with(&choice.text, typed)).collect();
    if !typed.is_empty() {
        choices.extend(terms(typed, catalogue, false));
    }
    choices
}

fn starts_with(text: &str, typed: &str) -> bool {
    text.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed))
}

fn choice(text: &str, doc: &str) -> Choice {
    Choice { text: text.to_owned(), doc: doc.to_owned() }
}
