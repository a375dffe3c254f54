//! The manual: no link leads nowhere, every page is in the table of contents, and what is to be copied into a
//! configuration is what the tests run.
//!
//! It is plain Markdown that mdbook makes a book of; mdbook itself is not needed for this, and takes long to build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::repository;

const CONTENTS: &str = "SUMMARY.md";

/// Kinds of blocks that people copy into configurations of senders. Those of the server (`toml`) are read by a test of
/// the program.
const COPIED: [&str; 7] = ["cfg", "ini", "xml", "jcfg", "haproxy", "sh", "js"];

/// The address that pages write where tests have loopback.
const COLLECTOR: (&str, &str) = ("192.0.2.10", "127.0.0.1");

pub(crate) fn check() -> Result<()> {
    let root = repository().join("docs");
    let mut pages = BTreeMap::new();
    read(&root, &root, &mut pages)?;
    let mut faults = missing(&pages);
    let mut blocks = Blocks::default();
    for (page, text) in &pages {
        faults.extend(links(page, text, &pages, &root));
        faults.extend(blocks.check(page, text)?);
    }
    if !faults.is_empty() {
        bail!("{} faults\n{}", faults.len(), faults.join("\n"));
    }
    println!(
        "{} pages, all links lead somewhere; {} blocks are what tests run, {} are marked as not run",
        pages.len(),
        blocks.tested,
        blocks.not_run
    );
    Ok(())
}

/// By their paths below the folder, with forward slashes.
pub(crate) fn read(folder: &Path, root: &Path, pages: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, root, pages)?;
        } else if path.extension().is_some_and(|ending| ending == "md") {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            pages.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// Pages that the table of contents does not have.
fn missing(pages: &BTreeMap<String, String>) -> Vec<String> {
    let contents = pages.get(CONTENTS).map(String::as_str).unwrap_or_default();
    let named: BTreeSet<&str> = targets(contents).map(|(_, target)| target).collect();
    let missing = pages.keys().filter(|page| *page != CONTENTS && !named.contains(page.as_str()));
    missing.map(|page| format!("docs/{page}: not in docs/{CONTENTS}")).collect()
}

fn links(page: &str, text: &str, pages: &BTreeMap<String, String>, root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, target) in targets(text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let mut fault = |what: String| faults.push(format!("docs/{page}:{line}: {what}"));
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let linked = if file.is_empty() { Some(page.to_owned()) } else { beside(page, file) };
        let Some(linked) = linked else {
            fault(format!("{target} is outside of the manual"));
            continue;
        };
        match pages.get(&linked) {
            Some(text) if !anchor.is_empty() && !headings(text).contains(anchor) => {
                fault(format!("{linked} has no heading #{anchor}"));
            }
            Some(_) => {}
            None if root.join(&linked).is_file() => {}
            None => fault(format!("{target} does not exist")),
        }
    }
    faults
}

/// The path of a file named by a page, below the folder of the manual.
fn beside(page: &str, file: &str) -> Option<String> {
    let mut path = PathBuf::from(page);
    path.pop();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir if path.pop() => {}
            Component::ParentDir => return None,
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path.to_string_lossy().into_owned())
}

/// Line and target of each link outside of blocks.
fn targets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(line, text)| {
        let tails = text.split("](").skip(1);
        tails.filter_map(move |tail| Some((line, tail.split_once(')')?.0)))
    })
}

/// Lines outside of fenced blocks, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_inside = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_inside ^= is_fence;
        !is_inside && !is_fence
    })
}

/// The anchors of a page's headings, as mdbook and GitHub make them.
fn headings(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[derive(Default)]
struct Blocks {
    tested: usize,
    not_run: usize,
}

impl Blocks {
    /// Blocks to be copied, each with a comment above it: `from FILE` (its lines stand there in this order), `words from
    /// FILE` (its words do), or `not run`.
    fn check(&mut self, page: &str, text: &str) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while at < lines.len() {
            let Some(kind) = lines[at].strip_prefix("```") else {
                at += 1;
                continue;
            };
            let end = lines.iter().skip(at + 1).position(|line| line.starts_with("```"));
            let end = at + 1 + end.unwrap_or(lines.len() - at - 1);
            if page.starts_with("book/") && COPIED.contains(&kind) {
                let above = at.checked_sub(1).map_or("", |above| lines[above]);
                match self.compare(above, &lines[at + 1..end])? {
                    None => {}
                    Some(fault) => faults.push(format!("docs/{page}:{}: {fault}", at + 1)),
                }
            }
            at = end + 1;
        }
        Ok(faults)
    }

    fn compare(&mut self, above: &str, block: &[&str]) -> Result<Option<String>> {
        let said = above.trim().strip_prefix("<!-- ").and_then(|said| said.strip_suffix(" -->"));
        let Some(said) = said else {
            return Ok(Some("a block to be copied does not say which tested file it is from".to_owned()));
        };
        if said == "not run" {
            self.not_run += 1;
            return Ok(None);
        }
        let of_words = said.strip_prefix("words from ");
        let Some(file) = of_words.or_else(|| said.strip_prefix("from ")) else {
            return Ok(Some(format!("{said:?} says neither `from FILE` nor `not run`")));
        };
        self.tested += 1;
        let tested =
            fs::read_to_string(repository().join(file)).with_context(|| format!("cannot read {file}"))?;
        let written = block.iter().map(|line| line.replace(COLLECTOR.0, COLLECTOR.1));
        let written: Vec<String> = written.filter(|line| !line.trim().is_empty()).collect();
        let stranger = if of_words.is_some() {
            written.iter().flat_map(|line| line.split_whitespace()).find(|word| !has_word(&tested, word))
        } else {
            let mut rest = tested.lines();
            written.iter().map(|line| line.trim()).find(|line| !rest.any(|tested| tested.trim() == *line))
        };
        Ok(stranger.map(|stranger| format!("{stranger:?} is not in {file}, or elsewhere there")))
    }
}

/// Whether a test has the word. Ports and folders differ from test to test.
fn has_word(tested: &str, word: &str) -> bool {
    let word = word.trim_matches([';', ',']);
    let is_place = word.starts_with('/')
        || word.contains("127.0.0.1:")
        || word.trim_start_matches(':').parse::<u16>().is_ok();
    is_place || tested.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_prose_alone_and_lead_where_they_say() {
        let text = "[a](b.md#c) and [`d`](../e.md)\n```\n[no](link)\n```\n";
        assert_eq!(targets(text).collect::<Vec<_>>(), [(1, "b.md#c"), (1, "../e.md")]);
        assert_eq!(beside("book/a.md", "../b.md").as_deref(), Some("b.md"));
        assert_eq!(beside("a.md", "../b.md"), None);
        assert!(headings("## What `it` is, and\n").contains("what-it-is-and"));
        let pages = BTreeMap::from([("a.md".to_owned(), "# One\n".to_owned())]);
        let fault = |text| links("b.md", text, &pages, Path::new("/nowhere"));
        assert_eq!(fault("[x](a.md#one)"), [""; 0]);
        assert_eq!(fault("[x](a.md#two)").len(), 1);
        assert_eq!(fault("[x](c.md)").len(), 1);
        assert_eq!(fault("[x](../README.md)").len(), 1);
        assert_eq!(missing(&pages).len(), 1);
    }

    #[test]
    fn a_block_that_no_test_runs_is_a_fault_unless_it_says_so() {
        let check = |text: &str| Blocks::default().check("book/a.md", text).expect("read");
        let kamailio = "crates/rhapsode/tests/agents/kamailio.cfg";
        assert_eq!(check("```cfg\nx\n```\n").len(), 1);
        assert_eq!(check("<!-- not run -->\n```cfg\nx\n```\n"), [""; 0]);
        let traced = "loadmodule \"siptrace.so\"\nmodparam(\"siptrace\", \"trace_on\", 1)";
        assert_eq!(check(&format!("<!-- from {kamailio} -->\n```cfg\n{traced}\n```\n")), [""; 0]);
        let twisted = "modparam(\"siptrace\", \"trace_on\", 1)\nloadmodule \"siptrace.so\"";
        assert_eq!(check(&format!("<!-- from {kamailio} -->\n```cfg\n{twisted}\n```\n")).len(), 1);
    }
}
