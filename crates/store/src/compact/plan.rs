//! Which files are to become one?

use std::collections::HashSet;
use std::sync::Arc;

use model::Micros;

use crate::lake::{LakeFile, written_by};
use crate::retain::newest;

/// Rows of the largest file made: an hour of a thousand messages a second. So a thousand files hold four billion rows,
/// and a commit, which reads all their names, stays a matter of milliseconds.
const FILE_ROWS_MAX: u64 = 4 << 20;

/// And its bytes, for tables whose rows are large.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// More than settle in an hour at the usual pace, one every 45 seconds. Reached sooner where something settles more often.
const FILES_MAX: usize = 128;

/// A stretch of time that has passed is complete after this: what arrived at its end has settled.
const SLACK: i64 = 5 * 60 * 1_000_000;

const HOUR: i64 = 3_600 * 1_000_000;

/// Files that should become one now.
pub(super) struct Run {
    /// Neighbours in order of arrival.
    pub(super) files: Vec<Arc<LakeFile>>,
    /// Whether their rows lose their payload by that, or have lost it.
    pub(super) drops_payload: bool,
}

/// When this is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Micros,
    /// What arrived before this loses its payload, if anything does.
    pub(super) payload_since: Option<Micros>,
}

/// The first run of files that should become one now: so many that they fill a file, or all small ones of an hour
/// that is over, or of a day that is over; else one whose payloads are too old. Only files that this node wrote, and none
/// of `avoided`.
pub(super) fn next(
    files: &[Arc<LakeFile>],
    node: &str,
    avoided: &HashSet<String>,
    Moment { now, payload_since }: Moment,
) -> Option<Run> {
    // As a whole: a file keeps its payloads until its newest row is old enough.
    let is_due = |file: &LakeFile| {
        file.is_without_payload() || payload_since.is_some_and(|since| newest(file) < since.0)
    };
    let mut own: Vec<(&Arc<LakeFile>, i64, i64)> = files
        .iter()
        .filter(|file| written_by(&file.name).is_some_and(|(writer, _)| writer == node))
        .filter_map(|file| file.ranges.map(|ranges| (file, ranges.id.min, ranges.received.max)))
        .collect();
    own.sort_unstable_by_key(|(_, first, _)| *first);
    // Files that stay as they are divide the others: a run has no gaps, so its rows are neighbours too.
    let stretches: Vec<&[(&Arc<LakeFile>, i64, i64)]> =
        own.split(|(file, ..)| !is_small(file) || avoided.contains(&file.name)).collect();
    let merging = [HOUR, Micros::DAY].into_iter().find_map(|period| {
        stretches.iter().find_map(|files| {
            let together = |(a, _, a_newest): &(&Arc<LakeFile>, i64, i64),
                            (b, _, b_newest): &(&Arc<LakeFile>, i64, i64)| {
                a_newest.div_euclid(period) == b_newest.div_euclid(period) && is_due(a) == is_due(b)
            };
            files.chunk_by(together).find_map(|files| {
                let (first, _, newest) = files.last()?;
                let end = newest.div_euclid(period).saturating_add(1).saturating_mul(period);
                let over = now.0 >= end.saturating_add(SLACK);
                let files = run(files.iter().map(|(file, ..)| *file), over)?;
                Some(Run { files, drops_payload: is_due(first) })
            })
        })
    });
    let dropping = || {
        let mut due = own.iter().map(|(file, ..)| *file).filter(|file| is_due(file));
        let file = due.find(|file| !file.is_without_payload() && !avoided.contains(&file.name))?;
        Some(Run { files: vec![Arc::clone(file)], drops_payload: true })
    };
    merging.or_else(dropping)
}

/// A small file has room for as much again.
fn is_small(file: &LakeFile) -> bool {
    file.rows <= FILE_ROWS_MAX / 2 && file.bytes <= FILE_BYTES_MAX / 2
}

/// As many of these as fit one file; `None` if more of them may come.
fn run<'f>(files: impl Iterator<Item = &'f Arc<LakeFile>>, over: bool) -> Option<Vec<Arc<LakeFile>>> {
    let (mut rows, mut bytes) = (0, 0);
    let mut run = Vec::new();
    let mut full = false;
    for file in files {
        full = rows + file.rows > FILE_ROWS_MAX || bytes + file.bytes > FILE_BYTES_MAX;
        if full {
            break;
        }
        rows += file.rows;
        bytes += file.bytes;
        run.push(Arc::clone(file));
        full = run.len() == FILES_MAX;
        if full {
            break;
        }
    }
    (run.len() > 1 && (full || over)).then_some(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::keys::Keys;
    use crate::lake::{Payload, file_name};
    use crate::view::{Range, Ranges};

    /// A moment at the start of an hour and of a day.
    const START: i64 = 20_000 * Micros::DAY;
    const MINUTE: i64 = 60 * 1_000_000;

    fn file(number: i64, received: i64, rows: u64) -> Arc<LakeFile> {
        Arc::new(LakeFile {
            name: name("me", number),
            bytes: rows * 100,
            rows,
            modified_millis: 0,
            ranges: Some(Ranges {
                id: Range { min: number << 16, max: number << 16 },
                ts: Range { min: 0, max: 0 },
                received: Range { min: received, max: received },
            }),
            checksum: None,
            payload: Payload::Unmeasured,
            keys: Keys::default(),
        })
    }

    fn name(node: &str, number: i64) -> String {
        file_name(node, number.unsigned_abs(), Micros(1))
    }

    fn mine(numbers: &[i64]) -> Option<Vec<String>> {
        Some(numbers.iter().map(|number| name("me", *number)).collect())
    }

    fn names(files: &[Arc<LakeFile>], now: i64) -> Option<Vec<String>> {
        avoiding(files, &[], now)
    }

    fn avoiding(files: &[Arc<LakeFile>], avoided: &[String], now: i64) -> Option<Vec<String>> {
        let avoided = avoided.iter().cloned().collect();
        let run = next(files, "me", &avoided, Moment { now: Micros(now), payload_since: None })?;
        assert!(!run.drops_payload);
        Some(run.files.iter().map(|file| file.name.clone()).collect())
    }

    #[test]
    fn small_files_of_an_hour_become_one_when_it_is_over() {
        let files = [file(2, START + MINUTE, 10), file(1, START, 10), file(3, START + HOUR, 10)];
        assert_eq!(names(&files, START + HOUR), None, "some may still settle");
        assert_eq!(names(&files, START + HOUR + SLACK), mine(&[1, 2]));
    }

    #[test]
    fn small_hours_become_one_when_the_day_is_over() {
        let files = [file(1, START, 10), file(2, START + 5 * HOUR, 10)];
        assert_eq!(names(&files, START + 23 * HOUR), None);
        assert_eq!(names(&files, START + Micros::DAY + SLACK).map(|names| names.len()), Some(2));
    }

    #[test]
    fn files_that_fill_one_do_not_wait() {
        let files: Vec<_> = (0..6).map(|n| file(n, START + n * MINUTE, 1 << 20)).collect();
        assert_eq!(names(&files[..4], START + 6 * MINUTE), None, "another may fit");
        assert_eq!(names(&files, START + 6 * MINUTE).map(|names| names.len()), Some(4));
        let many: Vec<_> = (0..200).map(|n| file(n, START, 1)).collect();
        assert_eq!(names(&many, START).map(|names| names.len()), Some(FILES_MAX));
    }

    #[test]
    fn large_and_avoided_files_divide_runs_and_foreign_ones_are_left_alone() {
        let after = START + HOUR + SLACK;
        let large = [file(1, START, 10), file(2, START, FILE_ROWS_MAX), file(3, START, 10)];
        assert_eq!(names(&large, after), None);
        let broken = [file(1, START, 10), file(2, START, 10), file(3, START, 10), file(4, START, 10)];
        assert_eq!(avoiding(&broken, &[name("me", 2)], after), mine(&[3, 4]));
        let mut foreign = LakeFile::clone(&file(2, START, 10));
        foreign.name = name("other", 2);
        assert_eq!(names(&[file(1, START, 10), Arc::new(foreign)], after), None);
    }

    #[test]
    fn one_file_is_never_rewritten() {
        assert_eq!(names(&[file(1, START, 10)], START + 3 * Micros::DAY), None);
    }

    /// Which files, and whether they lose their payloads.
    fn dropping(files: &[Arc<LakeFile>], since: i64, now: i64) -> Option<(Vec<String>, bool)> {
        let moment = Moment { now: Micros(now), payload_since: Some(Micros(since)) };
        let run = next(files, "me", &HashSet::new(), moment)?;
        Some((run.files.iter().map(|file| file.name.clone()).collect(), run.drops_payload))
    }

    fn without_payload(file: &LakeFile) -> Arc<LakeFile> {
        Arc::new(LakeFile { payload: Payload::Gone, ..file.clone() })
    }

    #[test]
    fn payloads_go_when_the_newest_row_is_too_old_and_once() {
        let old = file(1, START, FILE_ROWS_MAX);
        assert_eq!(dropping(&[Arc::clone(&old)], START, START), None, "not older than that");
        let gone = |numbers: &[i64]| mine(numbers).map(|names| (names, true));
        assert_eq!(dropping(&[Arc::clone(&old)], START + 1, START), gone(&[1]));
        assert_eq!(dropping(&[without_payload(&old)], START + 1, START), None);
    }

    #[test]
    fn files_with_and_without_payload_do_not_become_one() {
        let after = START + Micros::DAY + SLACK;
        let (a, b) = (file(1, START, 10), file(2, START + MINUTE, 10));
        assert_eq!(dropping(&[without_payload(&a), Arc::clone(&b)], 0, after), None);
        assert_eq!(
            dropping(&[Arc::clone(&a), Arc::clone(&b)], 0, after),
            Some((mine(&[1, 2]).unwrap(), false))
        );
        let both = Some((mine(&[1, 2]).unwrap(), true));
        assert_eq!(dropping(&[without_payload(&a), without_payload(&b)], 0, after), both);
        assert_eq!(dropping(&[without_payload(&a), b], after, after), both, "in one step");
    }

    #[test]
    fn times_at_the_edges_of_the_calendar_do_no_harm() {
        let files = [file(1, i64::MIN, 1), file(2, i64::MIN, 1), file(3, i64::MAX, 1), file(4, i64::MAX, 1)];
        assert_eq!(names(&files, i64::MAX).map(|names| names.len()), Some(2));
    }
}
