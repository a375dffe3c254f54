//! The members of a JSON object, taken by the many names that senders give one thing.

use std::borrow::Cow;

use crate::extra::{Extra, write_string};
use crate::json::Json;

/// More than any known record has (a FreeSWITCH call record comes near 200); what follows is in `raw`.
const MEMBERS_MAX: usize = 256;
/// What is copied to `extra` of members without a column: enough to read, not enough to store a packet twice.
const REST_BYTES_MAX: usize = 4 * 1024;

/// Members that are never copied: TLS master keys of OpenSIPS, passwords of logins.
const SECRETS: &[&str] = &["master-key", "password", "passwd", "pwd", "secret", "token", "apisecret", "ha1"];

/// Hands out members and remembers which, so that the others can be kept in `extra`.
#[derive(Debug)]
pub(crate) struct Members<'j> {
    members: &'j [(Cow<'j, str>, Json<'j>)],
    is_taken: Vec<bool>,
}

impl<'j> Members<'j> {
    /// Of an object; of anything else there are none.
    pub(crate) fn of(json: &'j Json<'j>) -> Self {
        let members = json.members().unwrap_or_default();
        let members = &members[..members.len().min(MEMBERS_MAX)];
        Self { members, is_taken: vec![false; members.len()] }
    }

    /// The first of these names that has a value, whatever its case and separators: `call_id` also finds `Call-ID` and
    /// `callId`. A dot leads into a nested object. Of equal members the last counts.
    pub(crate) fn take(&mut self, names: &[&str]) -> Option<&'j Json<'j>> {
        names.iter().find_map(|name| {
            let (outer, inner) = match name.split_once('.') {
                Some((outer, inner)) => (outer, Some(inner)),
                None => (*name, None),
            };
            let place =
                self.members.iter().rposition(|(key, value)| is_same(key, outer) && has_value(value))?;
            let value = &self.members[place].1;
            let Some(inner) = inner else {
                for (member, is_taken) in self.members.iter().zip(&mut self.is_taken) {
                    *is_taken |= is_same(&member.0, outer);
                }
                return Some(value);
            };
            Members::of(value).take(&[inner])
        })
    }

    pub(crate) fn text(&mut self, names: &[&str]) -> Option<String> {
        match self.take(names)? {
            Json::Bool(truth) => Some(truth.to_string()),
            value => value.as_text().map(|text| text.trim().to_owned()),
        }
    }

    pub(crate) fn integer(&mut self, names: &[&str]) -> Option<i64> {
        self.take(names)?.as_integer()
    }

    /// A number by its name in the table; a name as it stands.
    pub(crate) fn named(&mut self, names: &[&str], table: &[(i64, &str)]) -> Option<String> {
        let value = self.take(names)?;
        let known = value.as_integer().and_then(|number| table.iter().find(|(known, _)| *known == number));
        known.map_or_else(|| value.as_text().map(str::to_owned), |(_, name)| Some((*name).to_owned()))
    }

    /// A finite number, also one written as text.
    pub(crate) fn number(&mut self, names: &[&str]) -> Option<f64> {
        self.take(names)?.as_number()
    }

    /// Keeps what was not taken as `fields` in `extra`.
    pub(crate) fn leave(self, extra: &mut Extra) {
        if let Some(rest) = self.rest() {
            extra.json("fields", &rest);
        }
    }

    /// An object of what was not taken, if there is any.
    pub(crate) fn rest(self) -> Option<String> {
        let mut rest = String::new();
        let left = self.members.iter().zip(&self.is_taken).filter(|(_, is_taken)| !**is_taken);
        for ((key, value), _) in left.filter(|((key, value), _)| has_value(value) && !is_secret(key)) {
            let before = rest.len();
            rest.push(if before == 0 { '{' } else { ',' });
            write_string(&mut rest, key);
            rest.push(':');
            without_secrets(value).write(&mut rest);
            if rest.len() > REST_BYTES_MAX {
                rest.truncate(before);
                break;
            }
        }
        (!rest.is_empty()).then(|| rest + "}")
    }
}

fn has_value(value: &Json<'_>) -> bool {
    match value {
        Json::Null => false,
        Json::Text(text) => !text.trim().is_empty(),
        _ => true,
    }
}

/// Letters and digits alone count, in either case.
fn is_same(key: &str, name: &str) -> bool {
    key == name || plain(key).eq(plain(name)) && plain(key).next().is_some()
}

fn plain(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

pub(crate) fn is_secret(key: &str) -> bool {
    SECRETS.iter().any(|secret| is_same(key, secret))
}

/// The same value without members that hold passwords or keys.
pub(crate) fn without_secrets<'j>(value: &'j Json<'j>) -> Cow<'j, Json<'j>> {
    match value {
        Json::Object(members) => Cow::Owned(Json::Object(
            members
                .iter()
                .filter(|(key, _)| !is_secret(key))
                .map(|(key, value)| (Cow::Borrowed(key.as_ref()), without_secrets(value).into_owned()))
                .collect(),
        )),
        Json::List(items) => {
            Cow::Owned(Json::List(items.iter().map(|item| without_secrets(item).into_owned()).collect()))
        }
        _ => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn names_differ_in_case_and_separators() {
        let read = json::read(
            r#"{"Call-ID":"a@b","billSec":7,"empty":" ","n":{"in_ner":null,"inner":2},"-":1,"ok":true}"#,
        );
        let mut members = Members::of(&read.values[0]);
        assert_eq!(members.text(&["sip_call_id", "call_id"]).as_deref(), Some("a@b"));
        assert_eq!(members.integer(&["billsec"]), Some(7));
        assert_eq!(members.text(&["empty", "n.in_ner", "nothing"]).as_deref(), Some("2"));
        assert_eq!(members.text(&["", "_"]), None);
        assert_eq!(members.text(&["ok"]).as_deref(), Some("true"));
        assert!(Members::of(&json::read("[1]").values[0]).take(&["a"]).is_none());
    }

    #[test]
    fn the_rest_is_kept_without_secrets_and_within_a_limit() {
        let text = r#"{"a":1,"master-key":"s3","b":{"passwd":"s3","c":[{"Secret":"s3"},2]},"a":3}"#;
        let read = json::read(text);
        let mut members = Members::of(&read.values[0]);
        assert_eq!(members.integer(&["a"]), Some(3));
        let mut extra = Extra::default();
        members.leave(&mut extra);
        assert_eq!(extra.finish().as_deref(), Some(r#"{"fields":{"b":{"c":[{},2]}}}"#));

        let long = format!(r#"{{"a":1,"b":"{}","c":2}}"#, "x".repeat(5_000));
        let read = json::read(&long);
        let mut extra = Extra::default();
        Members::of(&read.values[0]).leave(&mut extra);
        assert_eq!(extra.finish().as_deref(), Some(r#"{"fields":{"a":1}}"#));
    }
}
