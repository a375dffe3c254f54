//! The lake is plain Parquet under plain Delta, for whoever else reads it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use model::{Field, Kind, Rows, Table};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding};
use store::{SearchRequest, Store};

use crate::rows::{RTCP, Row, SIP, config, keep, number, open, publish, wait};

fn parquet_files(folder: &Path, table: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join("data/lake").join(table))
        .expect("the table")
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect();
    files.sort();
    files
}

#[test]
fn files_are_laid_out_for_finding_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    let mut rows: Vec<Row> =
        (0..5_000).map(|n| Row::sip(n, &format!("{}", (n * 7919) % 1000), "INVITE")).collect();
    rows[17].call_id = None;
    publish(&store, 1, &rows);
    store.settle().expect("settled");
    let files = parquet_files(folder.path(), "sip");
    assert_eq!(files.len(), 1);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(&files[0]).expect("the file")).expect("Parquet");
    let metadata = reader.metadata().clone();
    assert_eq!(metadata.file_metadata().num_rows(), 5_000);
    for column in metadata.row_group(0).columns() {
        let name = column.column_path().string();
        assert!(matches!(column.compression(), Compression::ZSTD(_)), "{name}");
        assert_eq!(
            column.bloom_filter_offset().is_some(),
            ["call_id", "correlation_id", "from_user"].contains(&name.as_str()),
            "{name}"
        );
        if name == "raw" {
            assert!(column.statistics().is_none());
            assert!(!column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY));
        }
    }
    let mut before: Option<(Option<String>, i64)> = None;
    for batch in reader.build().expect("a reader") {
        let batch = batch.expect("rows");
        let ids = batch.column_by_name("call_id").expect("it").as_string::<i32>().clone();
        let times =
            batch.column_by_name("ts").expect("it").as_primitive::<TimestampMicrosecondType>().clone();
        for row in 0..batch.num_rows() {
            let key = (ids.is_valid(row).then(|| ids.value(row).to_owned()), times.value(row));
            assert!(before.as_ref().is_none_or(|before| *before <= key), "{before:?} before {key:?}");
            before = Some(key);
        }
    }
}

#[test]
fn a_commit_says_who_and_how_far() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    keep(&store, &[Row::sip(0, "c", "INVITE")]);
    keep(&store, &[Row::sip(1, "c", "BYE")]);
    store.settle().expect("settled");
    let node = fs::read_to_string(folder.path().join("data/node-id")).expect("the node id");
    let log = folder.path().join("data/lake/sip/_delta_log");
    let commit = fs::read_to_string(log.join("00000000000000000001.json")).expect("the first commit");
    assert!(commit.contains(&format!("\"txn\":{{\"appId\":\"{}\",\"version\":2", node.trim())), "{commit}");
    assert!(commit.contains("\\\"numRecords\\\":2"), "{commit}");
    assert_eq!(store.settled(&SIP), 2);
    assert_eq!(store.settled(&RTCP), 0, "a table without rows has no commit");
    assert_eq!(
        fs::read_dir(folder.path().join("data/lake/rtcp/_delta_log"))
            .expect("it")
            .flatten()
            .filter(|file| file.path().extension().is_some_and(|e| e == "json"))
            .count(),
        1
    );
}

/// Past a checkpoint, with more commits after it.
#[test]
fn many_commits_survive_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    for n in 0..57 {
        keep(&store, &[Row::sip(n, &format!("call-{n}"), "INVITE")]);
        store.settle().expect("settled");
    }
    drop(store);
    let log = folder.path().join("data/lake/sip/_delta_log");
    assert!(log.join("_last_checkpoint").exists());
    let store = open(config(folder.path()));
    assert_eq!(store.settled(&SIP), 57);
    let status = store.status();
    assert_eq!((status.lake_files, status.lake_rows, status.hot_rows), (57, 57, 0));
    assert_eq!(status.oldest, Some(Row::sip(0, "", "").ts), "ranges are kept by the checkpoint");
    assert_eq!(number(&store, "SELECT count(*) FROM messages WHERE call_id = 'call-33'"), 1);
}

/// A call is looked for in no file that cannot hold it, so it is found although those files are unreadable.
#[test]
fn finding_a_call_opens_only_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    for n in 0..8 {
        keep(&store, &[Row::sip(n, &format!("call-{n}"), "INVITE"), Row::rtcp(n, &format!("call-{n}"))]);
        store.settle().expect("settled");
    }
    let files = parquet_files(folder.path(), "sip");
    for file in files.iter().enumerate().filter(|(n, _)| *n != 5).map(|(_, file)| file) {
        fs::write(file, "not Parquet").expect("overwritten");
    }
    let find = "SELECT count(*) FROM messages WHERE call_id = 'call-5' OR correlation_id = 'call-5'";
    assert_eq!(number(&store, find), 2);
    drop(store);
    let store = open(config(folder.path()));
    assert_eq!(number(&store, find), 2, "filters are read from disk");
    let unreadable = wait(async {
        store
            .sql("SELECT count(*) FROM messages WHERE call_id = 'call-4'", None)
            .await
            .expect("planned")
            .collect()
            .await
    });
    assert!(unreadable.is_err(), "this one is opened: {unreadable:?}");
}

/// As in a lake that was written before there were filters, or on a disk that flips bits.
#[test]
fn files_without_a_sound_filter_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    for n in 0..4 {
        keep(&store, &[Row::sip(n, &format!("call-{n}"), "INVITE"), Row::rtcp(n, &format!("call-{n}"))]);
        store.settle().expect("settled");
    }
    drop(store);
    let filters = |table: &str| folder.path().join("data/lake").join(table).join("_keys");
    fs::remove_dir_all(filters("rtcp")).expect("removed");
    for (place, filter) in fs::read_dir(filters("sip")).expect("filters").flatten().enumerate() {
        let mut bytes = fs::read(filter.path()).expect("a filter");
        match place {
            0 => bytes.clear(),
            1 => bytes.truncate(bytes.len() - 5),
            _ => bytes.iter_mut().skip(20).for_each(|byte| *byte = 0),
        }
        fs::write(filter.path(), bytes).expect("overwritten");
    }
    let store = open(config(folder.path()));
    for n in 0..4 {
        let found = number(&store, &format!("SELECT count(*) FROM messages WHERE call_id = 'call-{n}'"));
        assert_eq!(found, 2, "call-{n}");
    }
}

static MORE: Table = Table {
    name: "sip",
    doc: "SIP messages",
    retention_days: 14,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("method", Kind::Text, "method"),
        Field::new("status", Kind::Int16, "status"),
        Field::new("from_user", Kind::Text, "caller").indexed(),
        Field::new("to_user", Kind::Text, "new in this version").indexed(),
        Field::new("cseq", Kind::Int64, "sequence"),
        Field::new("duration", Kind::Int64, "duration"),
    ],
};

#[test]
fn a_newer_program_may_add_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    keep(&store, &[Row::sip(0, "c", "INVITE")]);
    store.shutdown().expect("closed");
    static TABLES: &[&Table] = &[&MORE, &RTCP];
    for _ in 0..2 {
        let store = Store::open(config(folder.path()), TABLES).expect("opened");
        assert_eq!(number(&store, "SELECT count(*) FROM sip WHERE to_user IS NULL"), 1);
        assert_eq!(number(&store, "SELECT count(*) FROM sip WHERE method = 'INVITE' AND cseq = 0"), 1);
        let request = SearchRequest::new(model::query::Expr::Always);
        let (batches, _) =
            wait(async { store.search(request).await.expect("asked").collect().await.expect("rows") });
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    }
}
