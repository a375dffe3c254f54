//! Checking a data folder: each kind of damage is found and named, and what can be mended is whole afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use store::check::{Breakage, Options, Problem, Progress, Report, Severity, State, check};
use store::{Store, StoreError};

use crate::rows::{Row, TABLES, accept, config, keep, number, open, wait};

const LOOK: Options = Options { deep: false, repair: false, give_up_broken: false };
const DEEP: Options = Options { deep: true, ..LOOK };
const REPAIR: Options = Options { repair: true, ..DEEP };
const GIVE_UP: Options = Options { give_up_broken: true, ..DEEP };

/// Four files of each of two tables, 50 calls in each; nothing left in the log but settled blocks.
fn lake() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    for file in 0..4 {
        let rows: Vec<Row> = (file * 50..file * 50 + 50)
            .flat_map(|n| [Row::sip(n, &format!("call-{n}"), "INVITE"), Row::rtcp(n, &format!("call-{n}"))])
            .collect();
        keep(&store, &rows);
        store.settle().expect("settled");
    }
    store.shutdown().expect("closed");
    folder
}

fn checked(folder: &Path, options: Options) -> Report {
    let progress = Progress::default();
    let report = check(&config(folder), options, &progress).expect("checked").expect("there is data");
    assert_eq!(progress.done(), progress.all());
    report
}

fn assert_clean(folder: &Path) {
    let report = checked(folder, DEEP);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

/// The one finding of a report.
fn only(report: &Report) -> &store::check::Finding {
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
    &report.findings[0]
}

fn files(folder: &Path, below: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join("data").join(below))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn edit(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).expect("a file");
    change(&mut bytes);
    fs::write(file, bytes).expect("a file");
}

fn rows(store: &Store) -> i64 {
    number(store, "SELECT count(*) FROM sip")
}

#[test]
fn a_whole_folder_has_no_findings() {
    let folder = lake();
    for options in [LOOK, REPAIR] {
        let report = checked(folder.path(), options);
        assert!(report.findings.is_empty(), "{:#?}", report.findings);
        let tables: Vec<(&str, u64, u64)> =
            report.tables.iter().map(|table| (table.name.as_str(), table.files, table.rows)).collect();
        assert_eq!(tables, [("rtcp", 4, 200), ("sip", 4, 200)]);
        assert_eq!((report.log.blocks, report.log.unsettled), (4, 0));
    }
}

#[test]
fn nothing_is_made_where_nothing_is() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["mistyped", "empty"] {
        let data = folder.path().join(name);
        if name == "empty" {
            fs::create_dir(&data).expect("made");
        }
        let found = check(&store::Config::new(&data), REPAIR, &Progress::default()).expect("checked");
        assert!(found.is_none());
        assert!(!data.exists() || fs::read_dir(&data).expect("it").next().is_none());
    }
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = lake();
    let store = open(config(folder.path()));
    let refused = check(&config(folder.path()), LOOK, &Progress::default());
    assert!(matches!(refused, Err(StoreError::InUse { .. })), "{refused:?}");
    drop(store);
    assert_clean(folder.path());
}

/// Whatever bit it is, also behind a checkpoint: `raw` has values that decode as well with a bit flipped.
#[test]
fn every_flipped_bit_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    for n in 0..53 {
        keep(&store, &[Row::sip(n, &format!("call-{n}"), "INVITE")]);
        store.settle().expect("settled");
    }
    store.shutdown().expect("closed");
    let file = &files(folder.path(), "lake/sip")[7];
    let length = fs::metadata(file).expect("it").len() as usize;
    for place in (0..length).step_by(length / 40) {
        edit(file, |bytes| bytes[place] ^= 4);
        let report = checked(folder.path(), DEEP);
        assert!(report.wrong() >= 1, "flipped at {place} of {length}");
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(report.findings.iter().all(|found| found.place.contains(name)), "{:#?}", report.findings);
        edit(file, |bytes| bytes[place] ^= 4);
    }
    assert_clean(folder.path());
}

#[test]
fn files_that_are_cut_or_gone_are_named_and_can_be_given_up() {
    let folder = lake();
    let sip = files(folder.path(), "lake/sip");
    edit(&sip[0], |bytes| bytes.truncate(bytes.len() / 2));
    fs::remove_file(&sip[1]).expect("removed");
    edit(&sip[2], |bytes| {
        let end = bytes.len() - 20;
        bytes[end..].fill(0);
    });
    let report = checked(folder.path(), LOOK);
    assert_eq!((report.findings.len(), report.wrong()), (3, 3), "{:#?}", report.findings);
    let text: Vec<String> = report.findings.iter().map(|found| found.problem.to_string()).collect();
    for (place, how) in ["bytes instead of", "is missing", "is damaged"].into_iter().enumerate() {
        assert!(text[place].contains(how), "{}", text[place]);
        assert!(text[place].contains("50 rows that arrived from 2026-11-18T"), "{}", text[place]);
    }
    assert!(matches!(
        report.findings[1].problem,
        Problem::Broken { how: Breakage::Missing, rows: 50, received: Some(_) }
    ));
    assert_eq!(checked(folder.path(), REPAIR).wrong(), 3, "repairing loses nothing");

    let store = open(config(folder.path()));
    let answer =
        wait(async { store.sql("SELECT count(raw) FROM sip", None).await.expect("planned").collect().await });
    assert!(answer.is_err(), "questions fail: {answer:?}");
    drop(store);

    let report = checked(folder.path(), GIVE_UP);
    assert_eq!(report.wrong(), 0, "{:#?}", report.findings);
    assert!(report.findings.iter().all(|found| found.state == State::Mended), "{:#?}", report.findings);
    assert_eq!(files(folder.path(), "lake/sip/_broken").len(), 2, "what is left of them");
    assert_clean(folder.path());
    let store = open(config(folder.path()));
    assert_eq!(rows(&store), 50);
    assert_eq!(number(&store, "SELECT count(raw) FROM sip WHERE call_id = 'call-160'"), 1);
}

#[test]
fn filters_are_made_again() {
    let folder = lake();
    let filters = files(folder.path(), "lake/sip/_keys");
    fs::remove_file(&filters[0]).expect("removed");
    edit(&filters[1], |bytes| bytes[10] ^= 1);
    // Sound, and of other calls.
    fs::copy(&filters[3], &filters[2]).expect("copied");
    let report = checked(folder.path(), LOOK);
    assert_eq!((report.findings.len(), report.wrong()), (2, 0), "{:#?}", report.findings);
    let report = checked(folder.path(), DEEP);
    assert_eq!(report.wrong(), 1, "{:#?}", report.findings);
    assert!(matches!(report.findings[0].problem, Problem::FilterMissing));
    assert!(matches!(report.findings[1].problem, Problem::FilterDamaged));
    assert!(matches!(report.findings[2].problem, Problem::FilterHides { keys } if keys > 40));
    for (finding, filter) in report.findings.iter().zip(&filters) {
        assert!(filter.ends_with(&finding.place), "{} is {}", filter.display(), finding.place);
    }
    let report = checked(folder.path(), REPAIR);
    assert!(report.findings.iter().all(|found| found.state == State::Mended), "{:#?}", report.findings);
    assert_clean(folder.path());
    let store = open(config(folder.path()));
    for n in [3, 70, 130, 190] {
        assert_eq!(number(&store, &format!("SELECT count(*) FROM sip WHERE call_id = 'call-{n}'")), 1, "{n}");
    }
}

#[test]
fn what_belongs_to_nothing_is_removed_once_it_is_old() {
    let folder = lake();
    let sip = files(folder.path(), "lake/sip");
    let data = folder.path().join("data");
    let id = fs::read_to_string(data.join("node-id")).expect("it");
    // Of blocks that the table has settled: as one that was merged with others.
    let left = data.join(format!("lake/sip/{}-0000000000000002-7.parquet", id.trim()));
    fs::copy(&sip[0], &left).expect("copied");
    let foreign = data.join("lake/sip/part-00000-of-another-program.parquet");
    fs::copy(&sip[0], &foreign).expect("copied");
    fs::write(data.join("lake/rtcp/_keys/0123456789abcdef-0000000000000009-7.parquet.bloom"), "x")
        .expect("written");
    let mark = u64::from_str_radix(id.trim(), 16).expect("a node id");
    let staged = format!("lake/sip/_delta_log/00000000000000000009.json#{mark:020}3");
    fs::write(data.join(staged), "x").expect("written");
    fs::write(data.join("tmp/spilled"), "rows").expect("written");
    let report = checked(folder.path(), LOOK);
    assert_eq!((report.findings.len(), report.wrong()), (5, 0), "{:#?}", report.findings);

    let report = checked(folder.path(), REPAIR);
    let young = report.findings.iter().filter(|found| matches!(found.state, State::Failed(_))).count();
    assert_eq!(young, 2, "a reader may still have it: {:#?}", report.findings);
    let mut config = config(folder.path());
    config.retention.grace = std::time::Duration::ZERO;
    check(&config, REPAIR, &Progress::default()).expect("checked");
    assert!(!left.exists() && foreign.exists());
    assert!(matches!(only(&checked(folder.path(), DEEP)).problem, Problem::Foreign { .. }));
    fs::remove_file(foreign).expect("removed");
    assert_clean(folder.path());
    assert_eq!(rows(&open(config)), 200);
}

/// Its rows are in no other place once the log is gone as well.
#[test]
fn a_file_whose_commit_is_gone_is_kept_unless_the_log_has_its_rows() {
    let folder = lake();
    let newest = folder.path().join("data/lake/sip/_delta_log/00000000000000000004.json");
    let commit = fs::read(&newest).expect("a commit");
    fs::remove_file(&newest).expect("removed");
    let log = files(folder.path(), "log");
    assert!(matches!(only(&checked(folder.path(), REPAIR)).problem, Problem::Orphan { .. }));
    for segment in &log {
        fs::remove_file(segment).expect("removed");
    }
    let mut config = config(folder.path());
    config.retention.grace = std::time::Duration::ZERO;
    let report = check(&config, REPAIR, &Progress::default()).expect("checked").expect("data");
    assert!(matches!(only(&report).problem, Problem::CommitMissing { last: 4 }), "{:#?}", report.findings);
    assert_eq!((report.wrong(), files(folder.path(), "lake/sip").len()), (1, 4));
    fs::write(&newest, commit).expect("put back");
    assert_clean(folder.path());
}

/// Twenty blocks that have not settled, in segments of a few.
fn unsettled() -> (tempfile::TempDir, store::Config) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    config.log_segment_bytes_max = 700;
    let store = open(config.clone());
    for n in 0..20 {
        accept(&store, &[Row::sip(n, &format!("call-{n}"), "INVITE")]);
    }
    drop(store);
    (folder, config)
}

#[test]
fn segments_that_are_gone_are_missed() {
    let (folder, config) = unsettled();
    let segments = files(folder.path(), "log");
    assert!(segments.len() >= 4, "{segments:?}");
    assert!(checked(folder.path(), LOOK).findings.is_empty());
    assert_eq!(checked(folder.path(), LOOK).log.unsettled, 20);
    for gone in [0, 2] {
        let bytes = fs::read(&segments[gone]).expect("a segment");
        fs::remove_file(&segments[gone]).expect("removed");
        let report = checked(folder.path(), REPAIR);
        let Problem::BlocksMissing { first, last } = only(&report).problem else {
            panic!("{:#?}", report.findings);
        };
        let name = |place: usize| segments[place].file_name().and_then(|name| name.to_str()).expect("a name");
        let number = |place: usize| name(place)[..20].parse::<u64>().expect("a number");
        assert_eq!((first, last), (number(gone), number(gone + 1) - 1));
        assert_eq!(report.wrong(), 1);
        fs::write(&segments[gone], bytes).expect("put back");
    }
    // Settled further than the log now goes.
    let store = open(config.clone());
    keep(&store, &[Row::sip(20, "call-20", "INVITE")]);
    store.settle().expect("settled");
    accept(&store, &[Row::sip(21, "call-21", "INVITE")]);
    drop(store);
    let before = fs::read(&segments[1]);
    assert!(before.is_err(), "it has settled");
    assert!(checked(folder.path(), LOOK).findings.is_empty());
}

#[test]
fn damaged_blocks_are_named_and_left() {
    let (folder, config) = unsettled();
    let segments = files(folder.path(), "log");
    edit(&segments[1], |bytes| bytes[60] ^= 1);
    edit(segments.last().expect("one"), |bytes| bytes.extend_from_slice(&[7; 30]));
    let report = checked(folder.path(), REPAIR);
    assert_eq!((report.findings.len(), report.wrong()), (2, 1), "{:#?}", report.findings);
    let Problem::Damaged(damage) = &report.findings[0].problem else { panic!("{:#?}", report.findings) };
    assert_eq!(damage.entries, Some(1));
    assert!(segments[1].ends_with(&report.findings[0].place));
    assert!(report.findings[0].problem.to_string().contains("its packets are lost"));
    assert!(matches!(report.findings[1].problem, Problem::NeverAccepted(_)));
    assert_eq!(report.findings[1].severity(), Severity::Note);
    assert_eq!(report.log.blocks, 19);

    // The next start takes up the rest, and the damage goes with its segment.
    let store = Store::open(config, crate::rows::TABLES).expect("opened");
    let blocks: Vec<_> = store.replay().flatten().collect();
    blocks.iter().for_each(|block| crate::rows::understand(&store, block));
    store.settle().expect("settled");
    assert_eq!(rows(&store), 19);
    store.shutdown().expect("closed");
    assert_eq!(checked(folder.path(), DEEP).wrong(), 0);
}

#[test]
fn a_node_id_or_a_delta_log_that_is_gone_is_wrong() {
    let folder = lake();
    let data = folder.path().join("data");
    let id = fs::read(data.join("node-id")).expect("it");
    fs::remove_file(data.join("node-id")).expect("removed");
    assert!(matches!(only(&checked(folder.path(), REPAIR)).problem, Problem::NodeId { .. }));
    fs::write(data.join("node-id"), "nonsense").expect("written");
    assert!(matches!(only(&checked(folder.path(), REPAIR)).problem, Problem::NodeId { .. }));
    fs::write(data.join("node-id"), "00000000000000aa").expect("written");
    assert!(matches!(only(&checked(folder.path(), LOOK)).problem, Problem::StrangeNode { .. }));
    fs::write(data.join("node-id"), id).expect("written");
    assert_clean(folder.path());

    let log = data.join("lake/sip/_delta_log");
    fs::rename(&log, data.join("kept")).expect("moved");
    assert!(matches!(only(&checked(folder.path(), REPAIR)).problem, Problem::NoTable));
    let refused = Store::open(config(folder.path()), TABLES).err().expect("a start would remove the files");
    assert!(refused.to_string().contains("_delta_log"), "{refused}");
    fs::rename(data.join("kept"), &log).expect("moved back");
    edit(&log.join("00000000000000000002.json"), |bytes| bytes.truncate(20));
    let report = checked(folder.path(), REPAIR);
    assert!(matches!(only(&report).problem, Problem::TableUnreadable(_)), "{:#?}", report.findings);
}
