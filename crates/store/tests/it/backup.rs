//! Backups of a folder whose files come and go, and of one that has lost some.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use store::backup::{BackupError, Made, Scope, Wanted, back_up, restore, verify};
use store::check::{Options, Progress, check};
use store::{Config, LakeLocation};

use crate::rows::{Row, config, keep, number, open};

fn no_databases(_: &Path, _: &Path) -> io::Result<Vec<String>> {
    Ok(Vec::new())
}

fn backed_up(config: &Config, to: &Path) -> Result<Made, BackupError> {
    let wanted = Wanted { scope: Scope::All, program: "test", databases: no_databases };
    back_up(config, to, &wanted, &Progress::default())
}

/// Problems that a deep check finds in a data folder.
fn problems(config: &Config) -> Vec<String> {
    let options = Options { deep: true, repair: false, give_up_broken: false };
    let report = check(config, options, &Progress::default()).expect("checked").expect("there is data");
    report.findings.iter().map(|finding| format!("{}: {}", finding.place, finding.problem)).collect()
}

/// Segments are closed after a few blocks and removed when they have settled; small files become large ones all the time,
/// and leave the disk almost at once.
fn restless(folder: &Path) -> Config {
    let mut config = config(folder);
    config.log_segment_bytes_max = 8 << 10;
    config.compact_every = Duration::from_millis(50);
    config.retention.check_every = Duration::from_millis(50);
    config.retention.grace = Duration::from_millis(100);
    config
}

#[test]
fn each_backup_of_a_restless_folder_is_one_moment_of_it() {
    const BACKUPS: usize = 8;
    let folder = tempfile::tempdir().expect("a folder");
    let config = restless(folder.path());
    let to = folder.path().join("backup");
    let store = open(config.clone());
    let (kept, stop) = (AtomicI64::new(0), AtomicBool::new(false));
    let mut made = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..4 {
                    let begin = kept.load(Ordering::Relaxed);
                    let rows = (begin..begin + 20).map(|n| match n % 5 {
                        0 => Row::rtcp(n % 600, &format!("call-{n}")),
                        _ => Row::sip(n % 600, &format!("call-{n}"), "INVITE"),
                    });
                    keep(&store, &rows.collect::<Vec<_>>());
                    kept.fetch_add(20, Ordering::Relaxed);
                }
                store.settle().expect("settled");
            }
        });
        let outcomes = (0..BACKUPS).map(|round| {
            std::thread::sleep(Duration::from_millis(100));
            let before = kept.load(Ordering::Relaxed);
            match backed_up(&config, &to) {
                // Files may go faster here than a slow disk takes them.
                Err(BackupError::Restless { .. }) => return 0,
                outcome => assert_eq!(outcome.expect("made").faults, Vec::<String>::new()),
            }
            let copy = self::config(&folder.path().join(format!("copy-{round}")));
            restore(&to, &copy.dir, &LakeLocation::DataFolder, &Progress::default()).expect("restored");
            assert_eq!(problems(&copy), Vec::<String>::new());
            let copy = open(copy);
            let rows = number(&copy, "SELECT count(*) FROM messages");
            assert!(rows >= before, "{before} rows were kept before the backup, {rows} are in it");
            assert_eq!(number(&copy, "SELECT count(DISTINCT call_id) FROM messages"), rows, "each once");
            1
        });
        made = outcomes.sum();
        stop.store(true, Ordering::Relaxed);
    });
    assert!(made > 0, "none of {BACKUPS} backups could be made");
    store.shutdown().expect("closed");
}

#[test]
fn what_the_folder_has_lost_is_named_and_all_else_is_in_the_backup() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let store = open(config.clone());
    for file in 0..3 {
        let rows = (file * 50..file * 50 + 50).map(|n| Row::sip(n, &format!("call-{n}"), "INVITE"));
        keep(&store, &rows.collect::<Vec<_>>());
        store.settle().expect("settled");
    }
    store.shutdown().expect("closed");
    let sip = config.dir.join("lake/sip");
    let mut files: Vec<_> = std::fs::read_dir(&sip)
        .expect("a table")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
        .collect();
    files.sort();
    std::fs::remove_file(&files[0]).expect("removed");
    let mut bytes = std::fs::read(&files[1]).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&files[1], bytes).expect("written");

    let to = folder.path().join("backup");
    for round in 0..2 {
        let faults = backed_up(&config, &to).expect("made").faults;
        let [damaged, missing] = &faults[..] else { panic!("round {round}: {faults:?}") };
        let name = |at: usize| files[at].file_name().expect("a name").to_string_lossy().into_owned();
        let (missing, damaged) =
            if missing.contains("missing") { (missing, damaged) } else { (damaged, missing) };
        assert!(missing.contains(&name(0)) && missing.contains("is missing in the data folder"), "{missing}");
        assert!(damaged.contains(&name(1)) && damaged.contains("is damaged in the data folder"), "{damaged}");
    }
    verify(&to, &Progress::default()).expect("what is in it is as it was copied");
    let copy = self::config(&folder.path().join("copy"));
    restore(&to, &copy.dir, &LakeLocation::DataFolder, &Progress::default()).expect("restored");
    assert_eq!(problems(&copy), problems(&config));
}

#[test]
fn a_lake_in_another_folder_goes_where_it_is_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake-elsewhere");
    let config = Config { lake: LakeLocation::Folder(lake), ..config(folder.path()) };
    let store = open(config.clone());
    let rows: Vec<Row> = (0..50).map(|n| Row::sip(n, &format!("call-{n}"), "INVITE")).collect();
    keep(&store, &rows);
    store.settle().expect("settled");
    let to = folder.path().join("backup");
    backed_up(&config, &to).expect("made");
    store.shutdown().expect("closed");

    let inside = self::config(&folder.path().join("inside"));
    let other = LakeLocation::Folder(folder.path().join("other-lake"));
    let outside = Config { lake: other, ..self::config(&folder.path().join("outside")) };
    for copy in [inside, outside] {
        restore(&to, &copy.dir, &copy.lake, &Progress::default()).expect("restored");
        assert_eq!(problems(&copy), Vec::<String>::new());
        assert_eq!(number(&open(copy), "SELECT count(*) FROM messages"), 50);
    }
    // What is there already stays as it is.
    let again = restore(&to, &folder.path().join("third"), &config.lake, &Progress::default());
    assert!(matches!(again, Err(BackupError::NotEmpty { .. })), "{again:?}");
    assert!(!folder.path().join("third").exists());
}

/// Of a few rows, settled.
fn settled(folder: &Path) -> (Config, store::Store) {
    let config = config(folder);
    let store = open(config.clone());
    keep(&store, &(0..20).map(|n| Row::sip(n, &format!("call-{n}"), "INVITE")).collect::<Vec<_>>());
    store.settle().expect("settled");
    (config, store)
}

#[test]
fn an_update_does_not_touch_what_the_backup_before_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, store) = settled(folder.path());
    let to = folder.path().join("backup");
    let before = backed_up(&config, &to).expect("made").manifest;
    let lake = before.files.iter().filter(|file| file.path.starts_with("lake/"));
    let inode = |path: &str| fs::metadata(to.join(path)).expect("it is there").ino();
    let inodes: Vec<(&str, u64)> = lake.map(|file| (file.path.as_str(), inode(&file.path))).collect();
    assert!(inodes.iter().any(|(path, _)| path.contains("/_keys/")), "{inodes:?}");
    keep(&store, &(20..40).map(|n| Row::sip(n, &format!("call-{n}"), "INVITE")).collect::<Vec<_>>());
    store.settle().expect("settled");
    let after = backed_up(&config, &to).expect("made").manifest;
    assert!(after.files.len() > before.files.len());
    for (path, was) in inodes {
        assert_eq!(inode(path), was, "{path} was written again");
    }
    verify(&to, &Progress::default()).expect("whole");
}

/// As after a restored server has gone on by itself.
#[test]
fn a_commit_of_the_same_name_and_length_may_be_another_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, store) = settled(folder.path());
    let to = folder.path().join("backup");
    backed_up(&config, &to).expect("made");
    store.shutdown().expect("closed");
    let commit = "lake/sip/_delta_log/00000000000000000001.json";
    let text = fs::read_to_string(config.dir.join(commit)).expect("a commit");
    let other = text.replacen("WRITE", "Write", 1);
    assert_ne!(text, other);
    fs::write(config.dir.join(commit), &other).expect("written");
    backed_up(&config, &to).expect("made");
    assert_eq!(fs::read_to_string(to.join(commit)).expect("copied"), other);
    verify(&to, &Progress::default()).expect("whole");
}
