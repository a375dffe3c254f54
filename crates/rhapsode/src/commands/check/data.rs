//! What is kept, verified: the log, the tables, the files, the filters.

use std::collections::HashMap;
use std::mem::discriminant;

use anyhow::{Result, bail};
use clap::Args;
use store::check::{self, Options, Progress, Remedy, Report, Severity, State};
use store::{Config, StoreError};

use super::Finding;
use crate::commands::progress::{size, watched};

#[derive(Args, Clone, Copy)]
pub(super) struct Arguments {
    /// Read every byte and row of the lake, and not only what describes them
    #[arg(long)]
    deep: bool,
    /// Mend what can be mended without losing a row
    #[arg(long)]
    repair: bool,
    /// Take files that cannot be read out of their tables, so that questions work again
    #[arg(long)]
    give_up_broken: bool,
}

/// Of findings that are alike, so many are printed: the first tell what happened, thousands hide the others.
const ALIKE_MAX: usize = 20;

pub(super) fn verify(config: &Config, arguments: Arguments) -> Result<Vec<Finding>> {
    let Arguments { deep, repair, give_up_broken } = arguments;
    let folder = config.dir.display();
    let progress = Progress::default();
    let options = Options { deep, repair, give_up_broken };
    let is_asked = deep || repair || give_up_broken;
    match watched(&progress, "checked", || check::check(config, options, &progress)) {
        Ok(Some(report)) => Ok(findings(&report, options)),
        Ok(None) if is_asked => bail!("{folder} holds no data of a server"),
        Ok(None) => Ok(Vec::new()),
        Err(StoreError::InUse { .. }) if is_asked => {
            bail!("a server has {folder} open: stop it first, or check a copy of the folder")
        }
        Err(StoreError::InUse { .. }) => Ok(vec![Finding::Note(format!(
            "a server has {folder} open, so what is kept there was not checked"
        ))]),
        Err(error) => Err(error.into()),
    }
}

fn findings(report: &Report, options: Options) -> Vec<Finding> {
    let mut lines = summary(report);
    let mut alike = HashMap::new();
    for finding in &report.findings {
        let count: &mut usize = alike.entry(discriminant(&finding.problem)).or_default();
        *count += 1;
        if *count > ALIKE_MAX {
            continue;
        }
        let text = format!("{}: {}", finding.place, finding.problem);
        lines.push(match (&finding.state, finding.severity()) {
            (State::Mended, _) if finding.problem.remedy() == Some(Remedy::GiveUp) => {
                Finding::Note(format!("given up: {text}"))
            }
            (State::Mended, _) => Finding::Note(format!("mended: {text}")),
            (State::Failed(error), Severity::Note) => Finding::Note(format!("{text}; not mended: {error}")),
            (State::Failed(error), Severity::Wrong) => Finding::Wrong(format!("{text}; not mended: {error}")),
            (State::Left, Severity::Note) => Finding::Note(text),
            (State::Left, Severity::Wrong) => Finding::Wrong(text),
        });
    }
    for more in alike.values().filter_map(|count| count.checked_sub(ALIKE_MAX)).filter(|more| *more > 0) {
        lines.push(Finding::Note(format!("{more} more of one of these kinds are not shown")));
    }
    lines.extend(advice(report, options));
    lines
}

/// How much was looked at.
fn summary(report: &Report) -> Vec<Finding> {
    let is_wrong = |place: &str| {
        let mut here = report.findings.iter().filter(|finding| finding.place.starts_with(place));
        here.any(|finding| finding.severity() == Severity::Wrong)
    };
    let line = |place: &str, text: String| {
        if is_wrong(place) { Finding::Note(text) } else { Finding::Good(text) }
    };
    let log = &report.log;
    let mut lines = vec![line(
        "log",
        format!(
            "write-ahead log: {} blocks in {} segments, {}; {} of the blocks are not in the lake yet",
            log.blocks,
            log.segments,
            size(log.bytes),
            log.unsettled
        ),
    )];
    lines.extend(report.tables.iter().filter(|table| table.files > 0).map(|table| {
        let text = format!(
            "table {}: {} rows in {} files, {}",
            table.name,
            table.rows,
            table.files,
            size(table.bytes)
        );
        line(&format!("lake/{}/", table.name), text)
    }));
    lines
}

/// What to do about what is left.
fn advice(report: &Report, options: Options) -> Vec<Finding> {
    let left = |remedy| {
        let open = report.findings.iter().filter(|finding| finding.state == State::Left);
        open.filter(|finding| finding.problem.remedy() == Some(remedy)).count()
    };
    let mut lines = Vec::new();
    let repairable = left(Remedy::Repair);
    if repairable > 0 {
        lines.push(Finding::Note(format!("--repair mends {repairable} of these, and loses nothing")));
    }
    let broken = left(Remedy::GiveUp);
    if broken > 0 {
        lines.push(Finding::Note(format!(
            "files that cannot be read: {broken}. Put them back from a backup under the same name, or take them out of their \
             tables with --give-up-broken, so that questions work again; what is left of them is then kept in _broken/ of \
             the table"
        )));
    }
    if !options.deep && !report.tables.iter().all(|table| table.files == 0) {
        lines.push(Finding::Note(
            "of the lake, sizes, footers and filters were read; --deep reads all".to_owned(),
        ));
    }
    lines
}
