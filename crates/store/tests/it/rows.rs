//! Tables and rows for the tests, and a small ingest: rows go into the log as text and are understood from there.

use std::net::{IpAddr, SocketAddr};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use model::{Common, Field, Kind, Micros, Record, Rows, Table, Unit, Value};
use store::log::{Block, BlockBuilder, Entry};
use store::{Config, Store, StoreError, TableBatch};

pub(crate) static SIP: Table = Table {
    name: "sip",
    doc: "SIP messages",
    retention_days: 14,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("method", Kind::Text, "method").facet(),
        Field::new("status", Kind::Int16, "status"),
        Field::new("from_user", Kind::Text, "caller").indexed(),
        Field::new("cseq", Kind::Int64, "sequence"),
        Field::new("duration", Kind::Int64, "duration").unit(Unit::Milliseconds),
    ],
};

pub(crate) static RTCP: Table = Table {
    name: "rtcp",
    doc: "RTCP reports",
    retention_days: 7,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("lost", Kind::Float, "lost").unit(Unit::Percent),
        Field::new("final", Kind::Bool, "last one"),
    ],
};

pub(crate) static TABLES: &[&Table] = &[&SIP, &RTCP];

pub(crate) const NOW: Micros = Micros(1_795_000_000_000_000);

/// One packet of the tests.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) table: &'static Table,
    pub(crate) ts: Micros,
    pub(crate) received: Micros,
    pub(crate) call_id: Option<String>,
    pub(crate) src: Option<IpAddr>,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) values: Vec<Value<'static>>,
    pub(crate) raw: Vec<u8>,
}

impl Row {
    /// A SIP request `seconds` after [`NOW`].
    pub(crate) fn sip(seconds: i64, call_id: &str, method: &str) -> Self {
        let ts = Micros(NOW.0 + seconds * Micros::SECOND);
        Self {
            table: &SIP,
            ts,
            received: ts,
            call_id: Some(call_id.to_owned()),
            src: Some(IpAddr::from([10, 0, 0, 1])),
            flags: Vec::new(),
            values: vec![
                Value::from(method.to_owned()),
                Value::Null,
                Value::from(format!("user{}", seconds % 7)),
                Value::Int(seconds),
                Value::Null,
            ],
            raw: format!("{method} sip:x SIP/2.0\r\nCall-ID: {call_id}\r\n\r\n").into_bytes(),
        }
    }

    pub(crate) fn rtcp(seconds: i64, call_id: &str) -> Self {
        let values = vec![Value::Float(seconds as f64 / 10.0), Value::Bool(seconds % 2 == 0)];
        Self { table: &RTCP, values, raw: b"{}".to_vec(), ..Self::sip(seconds, call_id, "RTCP") }
    }

    pub(crate) fn record(&self, id: i64) -> Record<'_> {
        Record {
            table: self.table,
            common: Common {
                id,
                ts: self.ts,
                received: self.received,
                sender: IpAddr::from([192, 0, 2, 1]),
                listener: "udp",
                hep_version: 3,
                hep_type: if self.table.name == "sip" { 1 } else { 5 },
                transport: "udp",
                src_ip: self.src,
                src_port: Some(5060),
                dst_ip: Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])),
                dst_port: None,
                capture_id: Some(2001),
                node: None,
                correlation_id: None,
                call_id: self.call_id.as_deref().map(Into::into),
                size: self.raw.len() as i32,
                flags: self.flags.clone(),
            },
            values: self.values.iter().map(Value::borrowed).collect(),
            extra: None,
            raw: &self.raw,
        }
    }
}

/// Publishes rows without a log, as blocks of one row each, the first of them `first`.
pub(crate) fn publish(store: &Store, first: u64, rows: &[Row]) {
    try_publish(store, first, rows).expect("published");
}

pub(crate) fn try_publish(store: &Store, first: u64, rows: &[Row]) -> Result<(), StoreError> {
    let mut batches: Vec<TableBatch> = store.tables().iter().map(|table| TableBatch::new(table)).collect();
    for (seq, row) in (first..).zip(rows) {
        push(&mut batches, row, (seq << 16) as i64);
    }
    let position = first + rows.len() as u64 - 1;
    store.publish(position, finish(batches))
}

/// Keeps rows as ingest does: one accepted block in the log, then published.
pub(crate) fn keep(store: &Store, rows: &[Row]) {
    let block = accept(store, rows);
    understand(store, &block);
}

/// Appends a block to the log.
pub(crate) fn accept(store: &Store, rows: &[Row]) -> Block {
    let mut builder = BlockBuilder::new();
    for row in rows {
        let call_id = row.call_id.as_deref().unwrap_or_default();
        let frame = format!("{}|{}|{call_id}", row.table.name, row.ts.0);
        let sender = SocketAddr::from(([192, 0, 2, 1], 9060));
        let entry = Entry { received: row.received, sender, listener: 0, frame: frame.as_bytes() };
        builder.push(&entry).expect("the block has room");
    }
    store.log().append(&mut builder).expect("appended")
}

/// Understands a block of [`accept`] and publishes it, as a start does with what it replays.
pub(crate) fn understand(store: &Store, block: &Block) {
    understand_together(store, std::slice::from_ref(block));
}

/// The same for several blocks in one batch.
pub(crate) fn understand_together(store: &Store, blocks: &[Block]) {
    let mut batches: Vec<TableBatch> = store.tables().iter().map(|table| TableBatch::new(table)).collect();
    for block in blocks {
        for (place, entry) in block.iter().enumerate() {
            let text = std::str::from_utf8(entry.frame).expect("frames of the tests are text");
            let mut parts = text.split('|');
            let table = parts.next().expect("a table");
            let ts = parts.next().and_then(|ts| ts.parse().ok()).expect("a time");
            let seconds = (ts - NOW.0) / Micros::SECOND;
            let call_id = parts.next().expect("a call id");
            let mut row = if table == "sip" {
                Row::sip(seconds, call_id, "INVITE")
            } else {
                Row::rtcp(seconds, call_id)
            };
            row.ts = Micros(ts);
            row.received = entry.received;
            push(&mut batches, &row, block.row_id(place));
        }
    }
    let position = blocks.last().expect("a block").seq();
    store.publish(position, finish(batches)).expect("published");
}

/// Opens the store of a folder and replays its log.
pub(crate) fn open(config: Config) -> Store {
    let store = Store::open(config, TABLES).expect("opened");
    for block in store.replay() {
        understand(&store, &block.expect("a sound block"));
    }
    store
}

/// A store that settles only when asked, and leaves its files as they are.
pub(crate) fn config(folder: &std::path::Path) -> Config {
    let mut config = Config::new(folder.join("data"));
    config.settle_every = std::time::Duration::from_secs(3600);
    config.compact_every = std::time::Duration::from_secs(3600);
    config.retention.free_disk_min = 0;
    // The rows of the tests are dated, the clock is not: nothing is too old.
    config.retention.days = vec![("sip".to_owned(), 100_000), ("rtcp".to_owned(), 100_000)];
    config
}

fn push(batches: &mut [TableBatch], row: &Row, id: i64) {
    let batch =
        batches.iter_mut().find(|batch| batch.table().name == row.table.name).expect("a table of the store");
    batch.push(&row.record(id));
}

fn finish(batches: Vec<TableBatch>) -> Vec<(&'static Table, RecordBatch)> {
    batches
        .into_iter()
        .filter(|batch| !batch.is_empty())
        .map(|mut batch| (batch.table(), batch.finish()))
        .collect()
}

pub(crate) fn texts(batches: &[RecordBatch], column: &str) -> Vec<String> {
    let mut found = Vec::new();
    for batch in batches {
        let column = batch.column_by_name(column).expect("the column").as_string::<i32>();
        found.extend(column.iter().map(|text| text.unwrap_or("null").to_owned()));
    }
    found
}

pub(crate) fn numbers(batches: &[RecordBatch], column: &str) -> Vec<i64> {
    let mut found = Vec::new();
    for batch in batches {
        let column = batch.column_by_name(column).expect("the column");
        match column.as_primitive_opt::<Int64Type>() {
            Some(numbers) => found.extend(numbers.values()),
            None => found.extend(column.as_primitive::<TimestampMicrosecondType>().values()),
        }
        assert_eq!(column.null_count(), 0);
    }
    found
}

/// Runs a question to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// The rows of a statement; it must be answered whole.
pub(crate) fn sql(store: &Store, statement: &str) -> Vec<RecordBatch> {
    let (batches, cut) =
        wait(async { store.sql(statement, None).await.expect(statement).collect().await.expect(statement) });
    assert_eq!(cut, None, "{statement}");
    batches
}

/// The one number of a statement's answer.
pub(crate) fn number(store: &Store, statement: &str) -> i64 {
    let batches = sql(store, statement);
    let numbers: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(numbers.len(), 1, "{statement}");
    numbers[0]
}
