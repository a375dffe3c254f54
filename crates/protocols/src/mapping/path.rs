//! The way to a value inside a JSON payload: `caller`, `media[0].codec`, `a."b.c"`.
//!
//! `data_header.` at the start is HOMER's name for the payload itself and is left out; a payload that really has a
//! member of that name is reached with `$.data_header.`.

use std::collections::BTreeMap;

use crate::json::Json;

/// Longest path, far beyond any in use.
const PATH_BYTES_MAX: usize = 512;
/// The JSON reader goes no deeper.
const STEPS_MAX: usize = 16;
/// HOMER's name for what the payload holds.
const PAYLOAD: &str = "data_header";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Member(String),
    Item(usize),
}

/// The steps of a path, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Vec<Step>, String> {
    if text.len() > PATH_BYTES_MAX {
        return Err(format!("a path of {} bytes is longer than {PATH_BYTES_MAX}", text.len()));
    }
    let mut rest = text.trim();
    let is_rooted = rest.starts_with("$.");
    rest = rest.strip_prefix("$.").unwrap_or(rest);
    let mut steps = Vec::new();
    loop {
        let (member, after) = member(rest).ok_or_else(|| wrong(text))?;
        steps.push(Step::Member(member));
        rest = after;
        while let Some(inner) = rest.strip_prefix('[') {
            let (number, after) = inner.split_once(']').ok_or_else(|| wrong(text))?;
            steps.push(Step::Item(number.trim().parse().map_err(|_| wrong(text))?));
            rest = after;
        }
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix('.').ok_or_else(|| wrong(text))?;
    }
    if !is_rooted && steps.len() > 1 && steps[0] == Step::Member(PAYLOAD.to_owned()) {
        steps.remove(0);
    }
    if steps.len() > STEPS_MAX {
        return Err(format!("{text:?} is deeper than {STEPS_MAX} steps"));
    }
    match steps[0] {
        Step::Member(_) => Ok(steps),
        Step::Item(_) => Err(wrong(text)),
    }
}

fn member(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (name, rest) = quoted.split_once('"')?;
        return Some((name.to_owned(), rest));
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (!name.is_empty() && !name.contains(['"', ']'])).then(|| (name.to_owned(), rest))
}

fn wrong(text: &str) -> String {
    format!("{text:?} is no path; write member, outer.inner, list[0].inner or outer.\"a.name\"")
}

/// Paths put together, so that a payload is walked once however many there are.
#[derive(Debug, Default)]
pub(super) struct Tree {
    members: BTreeMap<String, Tree>,
    items: BTreeMap<usize, Tree>,
    slots: Vec<usize>,
}

impl Tree {
    pub(super) fn insert(&mut self, path: &[Step], slot: usize) {
        match path {
            [] => self.slots.push(slot),
            [Step::Member(name), rest @ ..] => {
                self.members.entry(name.clone()).or_default().insert(rest, slot);
            }
            [Step::Item(place), rest @ ..] => self.items.entry(*place).or_default().insert(rest, slot),
        }
    }

    /// Calls `found` for every path that leads somewhere. Of equal members the last counts, so it comes last.
    pub(super) fn walk<'j>(&self, json: &'j Json<'j>, found: &mut impl FnMut(usize, &'j Json<'j>)) {
        for slot in &self.slots {
            found(*slot, json);
        }
        if !self.members.is_empty() {
            for (key, value) in json.members().unwrap_or_default() {
                if let Some(tree) = self.members.get(key.as_ref()) {
                    tree.walk(value, found);
                }
            }
        }
        for (place, tree) in &self.items {
            if let Some(item) = json.items().and_then(|items| items.get(*place)) {
                tree.walk(item, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn steps(text: &str) -> String {
        match parse(text) {
            Ok(steps) => format!("{steps:?}"),
            Err(error) => error,
        }
    }

    #[test]
    fn reads_paths() {
        assert_eq!(steps("caller"), r#"[Member("caller")]"#);
        assert_eq!(steps("data_header.callid"), r#"[Member("callid")]"#);
        assert_eq!(steps("$.data_header.callid"), r#"[Member("data_header"), Member("callid")]"#);
        assert_eq!(steps("data_header"), r#"[Member("data_header")]"#);
        assert_eq!(steps("a.b[0].c"), r#"[Member("a"), Member("b"), Item(0), Member("c")]"#);
        assert_eq!(steps("a.\"b.c\"[1][2]"), r#"[Member("a"), Member("b.c"), Item(1), Item(2)]"#);
        assert_eq!(steps("data_header.X-CID"), r#"[Member("X-CID")]"#);
        for wrong in ["", ".", "a.", "a..b", "[0]", "a[", "a[x]", "a[0]b", "\"a", "$."] {
            assert!(steps(wrong).contains("is no path"), "{wrong}: {}", steps(wrong));
        }
        assert!(steps(&"a.".repeat(400)).contains("longer"));
        assert!(steps(&format!("a{}", ".a".repeat(40))).contains("deeper"));
    }

    #[test]
    fn finds_what_paths_lead_to() {
        let mut tree = Tree::default();
        for (slot, path) in ["a", "a.b[1].c", "a.b[0]", "x"].iter().enumerate() {
            tree.insert(&parse(path).expect("a path"), slot);
        }
        let read = json::read(r#"{"a":{"b":[7,{"c":8}]},"a":{"b":[9]},"y":1}"#);
        let mut found = Vec::new();
        tree.walk(&read.values[0], &mut |slot, json| found.push((slot, json.as_integer())));
        assert_eq!(found, [(0, None), (2, Some(7)), (1, Some(8)), (0, None), (2, Some(9))]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(path in "[a-c.\\[\\]\"$0-9 é]{0,24}") {
            let _ = parse(&path);
        }
    }
}
