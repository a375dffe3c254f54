//! The log: can every block be read, and is none missing between what the lake has and the last of them?

use std::fs;
use std::io;
use std::path::Path;

use super::Progress;
use super::report::{LogSummary, Problem, Report};
use crate::StoreError;
use crate::log::{Cause, Damage, Log, LogError, Options};

/// `settled` is the highest block that any table has settled, if that is known: no segment above it is ever deleted.
/// What single tables have settled says less, since a table without rows makes no commits.
pub(super) fn check(
    folder: &Path,
    settled: Option<u64>,
    progress: &Progress,
    report: &mut Report,
) -> Result<LogSummary, StoreError> {
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LogSummary::default()),
        Err(error) => return Err(LogError::Open(error).into()),
        Ok(_) => {}
    }
    let log = Log::open(folder, Options { floor: settled.unwrap_or(0), ..Options::default() })?;
    progress.expect(log.bytes());
    let mut summary =
        LogSummary { segments: log.segment_count() as u64, bytes: log.bytes(), ..LogSummary::default() };
    let mut numbers = Numbers::after(settled);
    for read in log.replay(0) {
        match read {
            Ok(block) => {
                summary.blocks += 1;
                summary.first.get_or_insert(block.seq());
                summary.unsettled += u64::from(block.seq() > settled.unwrap_or(0));
                if let Some(missing) = numbers.block(block.seq()) {
                    report.found("log", missing);
                }
            }
            Err(damage) => {
                let place = format!("log/{}", damage.segment);
                let length = fs::metadata(folder.join(&damage.segment)).map_or(0, |file| file.len());
                let ends_segment = damage.offset + damage.bytes >= length;
                if let Some(missing) = numbers.damage(&damage) {
                    report.found("log", missing);
                }
                report.found(&place, meaning(damage, ends_segment, numbers.has_settled()));
            }
        }
    }
    if let Some(missing) = numbers.end() {
        report.found("log", missing);
    }
    progress.advance(log.bytes());
    Ok(summary)
}

fn meaning(damage: Damage, ends_segment: bool, has_settled: bool) -> Problem {
    match damage.cause {
        Cause::Torn | Cause::Zeros if ends_segment => Problem::NeverAccepted(damage),
        Cause::UnknownVersion(_) => Problem::NewerVersion(damage),
        _ if has_settled => Problem::DamagedAndSettled(damage),
        _ => Problem::Damaged(damage),
    }
}

/// Follows the numbers of a log's blocks, which grow by one.
struct Numbers {
    settled: Option<u64>,
    /// The highest number up to here; where blocks were damaged, the highest there may have been.
    at: Option<u64>,
}

impl Numbers {
    fn after(settled: Option<u64>) -> Self {
        Self { settled, at: None }
    }

    /// The next block; gives those that are missing before it.
    fn block(&mut self, seq: u64) -> Option<Problem> {
        let missing = self.missing_before(seq);
        self.at = self.at.max(Some(seq));
        missing
    }

    /// The next piece that cannot be read; gives the blocks that are missing before it.
    fn damage(&mut self, damage: &Damage) -> Option<Problem> {
        if let Some(seq) = damage.seq {
            return self.block(seq);
        }
        let first = damage.segment_first();
        let missing = self.missing_before(first);
        let before = self.at.unwrap_or(0).max(first.saturating_sub(1));
        self.at = Some(before.saturating_add(damage.blocks_max()));
        missing
    }

    fn missing_before(&self, next: u64) -> Option<Problem> {
        // Segments go once they have settled, so that the first number may be above 1.
        let first = self.at.max(self.settled)?.saturating_add(1);
        (first < next).then(|| Problem::BlocksMissing { first, last: next - 1 })
    }

    /// Whether all up to here is in the lake.
    fn has_settled(&self) -> bool {
        self.at <= self.settled
    }

    fn end(&self) -> Option<Problem> {
        let (last, settled) = (self.at?, self.settled?);
        (last < settled).then_some(Problem::LogEndsEarly { last, settled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(first: u64, bytes: u64, seq: Option<u64>) -> Damage {
        let segment = format!("{first:020}-0000000000-00000000000000ff.log");
        Damage { segment, offset: 0, bytes, cause: Cause::Garbage, seq, entries: seq.map(|_| 1) }
    }

    /// What is missing before each of the blocks, and at the end.
    fn missing(settled: Option<u64>, blocks: &[u64]) -> Vec<String> {
        let mut numbers = Numbers::after(settled);
        let mut found: Vec<Problem> = blocks.iter().filter_map(|seq| numbers.block(*seq)).collect();
        found.extend(numbers.end());
        found
            .into_iter()
            .map(|problem| match problem {
                Problem::BlocksMissing { first, last } => format!("{first}-{last}"),
                Problem::LogEndsEarly { last, settled } => format!("{last} < {settled}"),
                other => other.to_string(),
            })
            .collect()
    }

    #[test]
    fn numbers_go_on_from_what_has_settled() {
        assert!(missing(Some(0), &[1, 2, 3]).is_empty());
        assert!(missing(Some(2), &[1, 2, 3]).is_empty(), "a segment goes as a whole");
        assert!(missing(Some(2), &[3, 4]).is_empty());
        assert!(missing(Some(9), &[]).is_empty(), "all has settled and gone");
        assert_eq!(missing(Some(2), &[4, 5, 8]), ["3-3", "6-7"]);
        assert!(missing(Some(7), &[4, 5, 8]).is_empty(), "what is not there is in the lake");
        assert_eq!(missing(Some(9), &[4, 5]), ["5 < 9"]);
        assert_eq!(missing(None, &[4, 5, 7]), ["6-6"], "what has settled is not known");
    }

    #[test]
    fn what_was_damaged_is_not_missing_as_well() {
        let mut numbers = Numbers::after(Some(2));
        assert!(numbers.damage(&damage(3, 500, Some(3))).is_none());
        assert!(!numbers.has_settled());
        assert!(numbers.block(4).is_none());
        // No more than two blocks can have been in 96 bytes.
        assert!(numbers.damage(&damage(3, 96, None)).is_none());
        assert!(matches!(numbers.block(8), Some(Problem::BlocksMissing { first: 7, last: 7 })));
        assert!(matches!(
            numbers.damage(&damage(12, 10, None)),
            Some(Problem::BlocksMissing { first: 9, last: 11 })
        ));
        assert!(numbers.block(13).is_none());
    }
}
