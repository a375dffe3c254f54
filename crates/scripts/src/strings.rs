//! The functions of Lua's `string` that could take for ever or end the program, within the budget.

use std::sync::Arc;

use mlua::{Error, FromLua as _, Function, IntoLua as _, Lua, MultiValue, Result, Table, Value};

use crate::patterns::{self, Capture, Failure, Found};
use crate::program::Inside;

/// Longest text that `string.rep` makes: a packet has 64 KiB.
const REPEATED_BYTES_MAX: usize = 1 << 20;

/// Bytes that are copied or compared in the time of an instruction.
const COPIED: usize = 64;

/// Longest pattern: a bound for what goes on inside one.
const PATTERN_BYTES_MAX: usize = 1 << 10;

/// Every match of a pattern, one after the other; `after` finds the next from a place on.
const MATCHING: &str = "\
local after = ...
return function(text, pattern)
  local at = 0
  local function next(place, ...)
    at = place
    return ...
  end
  return function()
    if at then return next(after(text, pattern, at)) end
  end
end";

pub(crate) fn replace(lua: &Lua, inside: &Arc<Inside>) -> Result<()> {
    let string: Table<'_> = lua.globals().get("string")?;
    string.set("dump", Value::Nil)?;
    let own = Arc::clone(inside);
    string.set(
        "rep",
        lua.create_function(move |lua, (text, count): (mlua::String<'_>, i64)| {
            let count = usize::try_from(count).unwrap_or(0);
            let bytes = text.as_bytes().len().saturating_mul(count);
            if bytes > REPEATED_BYTES_MAX {
                return Err(wrong(format!("a text of {bytes} bytes is longer than {REPEATED_BYTES_MAX}")));
            }
            spend(&own, bytes / COPIED)?;
            // Nothing, however often, is nothing.
            let count = if bytes == 0 { 0 } else { count };
            lua.create_string(text.as_bytes().repeat(count))
        })?,
    )?;
    let own = Arc::clone(inside);
    string.set(
        "find",
        lua.create_function(
            move |lua,
                  (text, pattern, start, is_plain): (
                mlua::String<'_>,
                mlua::String<'_>,
                Option<i64>,
                Option<bool>,
            )| { find(lua, &own, &text, &pattern, start, is_plain.unwrap_or(false)) },
        )?,
    )?;
    let own = Arc::clone(inside);
    string.set(
        "match",
        lua.create_function(
            move |lua, (text, pattern, start): (mlua::String<'_>, mlua::String<'_>, Option<i64>)| {
                let Some(start) = begin(&text, start) else { return Ok(nothing()) };
                match search(&own, &text, &pattern, start)? {
                    Some(found) => captured(lua, &text, &found),
                    None => Ok(nothing()),
                }
            },
        )?,
    )?;
    let own = Arc::clone(inside);
    let after = lua.create_function(
        move |lua, (text, pattern, start): (mlua::String<'_>, mlua::String<'_>, usize)| {
            if start > text.as_bytes().len() {
                return Ok(nothing());
            }
            let Some(found) = search(&own, &text, &pattern, start)? else { return Ok(nothing()) };
            // An empty match would be found again and again.
            let next = found.to + usize::from(found.to == found.from);
            let mut values = captured(lua, &text, &found)?;
            values.push_front(number(next));
            Ok(values)
        },
    )?;
    let matching = lua.load(MATCHING).set_name("=limits").into_function()?;
    let each: Function<'_> = matching.call(after)?;
    string.set("gmatch", each.clone())?;
    string.set("gfind", each)?;
    let own = Arc::clone(inside);
    string.set(
        "gsub",
        lua.create_function(
            move |lua, (text, pattern, by, most): (mlua::String<'_>, mlua::String<'_>, Value<'_>, Option<i64>)| {
                substitute(lua, &own, &text, &pattern, &by, most)
            },
        )?,
    )
}

fn find<'lua>(
    lua: &'lua Lua,
    inside: &Inside,
    text: &mlua::String<'_>,
    pattern: &mlua::String<'_>,
    start: Option<i64>,
    is_plain: bool,
) -> Result<MultiValue<'lua>> {
    let Some(start) = begin(text, start) else { return Ok(nothing()) };
    let is_special = |byte: &u8| b"^$*+?.([%-".contains(byte);
    if is_plain || !pattern.as_bytes().iter().any(is_special) {
        let (subject, wanted) = (text.as_bytes(), pattern.as_bytes());
        spend(inside, subject.len() / COPIED)?;
        let rest = &subject[start..];
        let place = if wanted.is_empty() {
            Some(0)
        } else {
            // Each place costs what is compared there.
            let mut found = None;
            for at in 0..(rest.len() + 1).saturating_sub(wanted.len()) {
                if rest[at] == wanted[0] {
                    spend(inside, wanted.len() / COPIED)?;
                    if rest[at..].starts_with(wanted) {
                        found = Some(at);
                        break;
                    }
                }
            }
            found
        };
        return Ok(place.map_or_else(nothing, |at| {
            let from = start + at;
            MultiValue::from_vec(vec![number(from + 1), number(from + wanted.len())])
        }));
    }
    let Some(found) = search(inside, text, pattern, start)? else { return Ok(nothing()) };
    let mut values = vec![number(found.from + 1), number(found.to)];
    for capture in &found.captures {
        values.push(value(lua, text.as_bytes(), *capture)?);
    }
    Ok(MultiValue::from_vec(values))
}

fn substitute<'lua>(
    lua: &'lua Lua,
    inside: &Inside,
    text: &mlua::String<'_>,
    pattern: &mlua::String<'_>,
    by: &Value<'lua>,
    most: Option<i64>,
) -> Result<(mlua::String<'lua>, usize)> {
    let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(0));
    let subject = text.as_bytes();
    let whole = pattern.as_bytes();
    check(whole)?;
    let (wanted, is_anchored) = whole.strip_prefix(b"^").map_or((whole, false), |rest| (rest, true));
    let template = match by {
        Value::String(_) | Value::Integer(_) | Value::Number(_) => {
            Some(mlua::String::from_lua(by.clone(), lua)?.as_bytes().to_vec())
        }
        Value::Table(_) | Value::Function(_) => None,
        other => return Err(wrong(format!("string, function or table expected, got {}", other.type_name()))),
    };
    let (mut made, mut at, mut count) = (Vec::with_capacity(subject.len()), 0, 0);
    while count < most {
        let found = patterns::match_at(subject, wanted, at, &inside.budget).map_err(failed)?;
        if let Some(found) = found {
            count += 1;
            let whole = &subject[found.from..found.to];
            match (&template, by) {
                (Some(template), _) => fill(lua, template, subject, &found, &mut made)?,
                (None, other) => {
                    let first = match found.captures.first() {
                        Some(capture) => value(lua, subject, *capture)?,
                        None => Value::String(lua.create_string(whole)?),
                    };
                    let new = match other {
                        Value::Table(table) => table.get::<_, Value<'_>>(first)?,
                        Value::Function(function) => function.call(captured_of(lua, subject, &found)?)?,
                        _ => Value::Nil,
                    };
                    match new {
                        Value::Nil | Value::Boolean(false) => made.extend_from_slice(whole),
                        new => made.extend_from_slice(mlua::String::from_lua(new, lua)?.as_bytes()),
                    }
                }
            }
            if made.len() > REPEATED_BYTES_MAX {
                return Err(wrong(format!("the text would be longer than {REPEATED_BYTES_MAX} bytes")));
            }
            spend(inside, 1 + found.to - found.from)?;
            if found.to > at {
                at = found.to;
                if is_anchored {
                    break;
                }
                continue;
            }
        }
        let Some(byte) = subject.get(at) else { break };
        made.push(*byte);
        at += 1;
        if is_anchored {
            break;
        }
    }
    made.extend_from_slice(subject.get(at..).unwrap_or_default());
    Ok((lua.create_string(&made)?, count))
}

/// `%0` to `%9` of a replacement.
fn fill(lua: &Lua, template: &[u8], subject: &[u8], found: &Found, made: &mut Vec<u8>) -> Result<()> {
    let mut bytes = template.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            made.push(*byte);
            continue;
        }
        match bytes.next() {
            Some(digit @ b'0'..=b'9') => {
                let place = usize::from(digit - b'0');
                match place.checked_sub(1).and_then(|place| found.captures.get(place)) {
                    Some(capture) => {
                        let text = mlua::String::from_lua(value(lua, subject, *capture)?, lua)?;
                        made.extend_from_slice(text.as_bytes());
                    }
                    None if place == 0 || place == 1 && found.captures.is_empty() => {
                        made.extend_from_slice(&subject[found.from..found.to]);
                    }
                    None => return Err(wrong("invalid capture index".to_owned())),
                }
            }
            Some(other) => made.push(*other),
            None => {}
        }
    }
    Ok(())
}

fn search(
    inside: &Inside,
    text: &mlua::String<'_>,
    pattern: &mlua::String<'_>,
    start: usize,
) -> Result<Option<Found>> {
    check(pattern.as_bytes())?;
    patterns::find(text.as_bytes(), pattern.as_bytes(), start, &inside.budget).map_err(failed)
}

fn check(pattern: &[u8]) -> Result<()> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(wrong(format!(
            "a pattern of {} bytes is longer than {PATTERN_BYTES_MAX}",
            pattern.len()
        )));
    }
    Ok(())
}

/// Where to begin, counted from 0; `None` beyond the end.
fn begin(text: &mlua::String<'_>, start: Option<i64>) -> Option<usize> {
    let length = text.as_bytes().len();
    let start = match start.unwrap_or(1) {
        back @ ..0 => length.saturating_sub(usize::try_from(back.unsigned_abs()).unwrap_or(usize::MAX)),
        from => usize::try_from(from).unwrap_or(usize::MAX).saturating_sub(1),
    };
    (start <= length).then_some(start)
}

fn captured<'lua>(lua: &'lua Lua, text: &mlua::String<'_>, found: &Found) -> Result<MultiValue<'lua>> {
    captured_of(lua, text.as_bytes(), found)
}

fn captured_of<'lua>(lua: &'lua Lua, subject: &[u8], found: &Found) -> Result<MultiValue<'lua>> {
    if found.captures.is_empty() {
        let whole = lua.create_string(&subject[found.from..found.to])?;
        return Ok(MultiValue::from_vec(vec![Value::String(whole)]));
    }
    let values = found.captures.iter().map(|capture| value(lua, subject, *capture));
    Ok(MultiValue::from_vec(values.collect::<Result<Vec<_>>>()?))
}

fn value<'lua>(lua: &'lua Lua, subject: &[u8], capture: Capture) -> Result<Value<'lua>> {
    match capture {
        Capture::Part { from, to } => lua.create_string(&subject[from..to])?.into_lua(lua),
        Capture::Place(at) => Ok(number(at + 1)),
        Capture::Open { .. } => Err(wrong("unfinished capture".to_owned())),
    }
}

fn number(number: usize) -> Value<'static> {
    Value::Integer(mlua::Integer::try_from(number).unwrap_or(mlua::Integer::MAX))
}

fn nothing() -> MultiValue<'static> {
    MultiValue::from_vec(vec![Value::Nil])
}

fn spend(inside: &Inside, steps: usize) -> Result<()> {
    inside.budget.spend(steps as u64).map_err(|exceeded| wrong(exceeded.words().to_owned()))
}

fn failed(failure: Failure) -> Error {
    match failure {
        Failure::Exceeded(exceeded) => wrong(exceeded.words().to_owned()),
        Failure::Malformed(words) => wrong(words.to_owned()),
    }
}

fn wrong(words: String) -> Error {
    Error::RuntimeError(words)
}
