//! What one message costs from record to settled file, and what questions about them cost, in CPU time:
//! `cargo bench -p store --bench cost`.
//!
//! Rows are made beforehand and not counted: calls of twelve messages with random identifiers between 20,000
//! users, payload of about 600 bytes. Arguments: messages, and in how many files they are settled.

use std::fs;
use std::net::IpAddr;
use std::time::Instant;

use arrow::array::RecordBatch;
use model::{Common, Field, Kind, Micros, Record, Rows, Table, Value, query};
use store::{Config, SearchRequest, Store, TableBatch};

static SIP: Table = Table {
    name: "sip",
    doc: "SIP as the product keeps it",
    retention_days: 14,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("method", Kind::Text, ""),
        Field::new("status", Kind::Int16, ""),
        Field::new("reason_phrase", Kind::Text, ""),
        Field::new("cseq", Kind::Int64, ""),
        Field::new("cseq_method", Kind::Text, ""),
        Field::new("ruri_user", Kind::Text, "").indexed(),
        Field::new("ruri_host", Kind::Text, ""),
        Field::new("from_user", Kind::Text, "").indexed(),
        Field::new("from_host", Kind::Text, ""),
        Field::new("from_tag", Kind::Text, ""),
        Field::new("to_user", Kind::Text, "").indexed(),
        Field::new("to_host", Kind::Text, ""),
        Field::new("to_tag", Kind::Text, ""),
        Field::new("via_branch", Kind::Text, ""),
        Field::new("contact", Kind::Text, ""),
        Field::new("user_agent", Kind::Text, ""),
        Field::new("pai_user", Kind::Text, "").indexed(),
        Field::new("auth_user", Kind::Text, "").indexed(),
        Field::new("reason", Kind::Text, ""),
        Field::new("session_id", Kind::Text, ""),
        Field::new("content_type", Kind::Text, ""),
        Field::new("media", Kind::Text, ""),
        Field::new("codecs", Kind::Text, ""),
    ],
};

static TABLES: &[&Table] = &[&SIP];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let messages = arguments.next().unwrap_or(400_000);
    let files = arguments.next().unwrap_or(1);
    let rows = rows(messages);
    let payload: usize = rows.iter().map(|row| row.raw.len()).sum();
    println!("{messages} messages, {} bytes of payload each", payload / messages);

    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::new(folder.path());
    config.hot_bytes_max = 4 << 30;
    config.retention.days = vec![("sip".to_owned(), 100_000)];
    let store = Store::open(config, TABLES).expect("opened");

    let (mut pushed, mut published, mut settled) = (Cost::default(), Cost::default(), Cost::default());
    let mut batch = TableBatch::new(&SIP);
    let mut seq = 0;
    for rows in rows.chunks(messages.div_ceil(files)) {
        for rows in rows.chunks(BATCH_ROWS) {
            seq += 1;
            let id = |place: usize| (seq << 16) as i64 | place as i64;
            let records: Vec<Record<'_>> =
                rows.iter().enumerate().map(|(place, row)| row.record(id(place))).collect();
            pushed.during(|| records.iter().for_each(|record| batch.push(record)));
            published.during(|| store.publish(seq, vec![(&SIP, batch.finish())]).expect("published"));
        }
        settled.during(|| store.settle().expect("settled"));
    }
    pushed.show("push", messages);
    published.show("finish and publish", messages);
    settled.show("settle", messages);
    let status = store.status();
    println!(
        "lake: {:.1} bytes a row in {} files",
        status.lake_bytes as f64 / messages as f64,
        status.lake_files
    );
    println!(
        "all: {:.2} us a message",
        (pushed.cpu + published.cpu + settled.cpu) as f64 / 1e3 / messages as f64
    );
    let call_id = rows[messages / 3].call_id.clone();
    drop(rows);
    ask(&store, &call_id);
}

const BATCH_ROWS: usize = 8_192;

fn ask(store: &Store, call_id: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let find = |text: &str, limit: Option<usize>| {
        let query = query::parse(text, &query::Catalogue::new(TABLES), Micros(0)).expect("a query");
        let request = SearchRequest { limit, ..SearchRequest::new(query.expr) };
        runtime
            .block_on(async {
                store.search(request).await.expect("asked").collect().await.expect("answered")
            })
            .0
    };
    let sql = |text: &str| {
        runtime
            .block_on(async {
                store.sql(text, None).await.expect("asked").collect().await.expect("answered")
            })
            .0
    };
    let call = format!("call_id = {call_id}");
    let per_minute = "SELECT date_trunc('minute', ts) m, method, count(*) FROM sip GROUP BY 1, 2";
    let questions: [(&str, &dyn Fn() -> Vec<RecordBatch>); 6] = [
        ("one call", &|| find(&call, None)),
        ("newest 200", &|| find("*", Some(200))),
        ("newest 200 of a user", &|| find("from_user = +44200012345", Some(200))),
        ("a text in the payload", &|| find("\"nowhere to be found\"", None)),
        ("methods a minute", &|| sql(per_minute)),
        ("how many", &|| sql("SELECT count(*) FROM messages")),
    ];
    for (name, question) in questions {
        question();
        let mut costs: Vec<(u128, u64, usize)> = (0..7)
            .map(|_| {
                let mut cost = Cost::default();
                let mut rows = 0;
                cost.during(|| rows = question().iter().map(RecordBatch::num_rows).sum());
                (cost.wall, cost.cpu, rows)
            })
            .collect();
        costs.sort_unstable();
        let (wall, cpu, rows) = costs[costs.len() / 2];
        println!("{name}: {:.1} ms, {:.1} ms CPU, {rows} rows", wall as f64 / 1e6, cpu as f64 / 1e6);
    }
}

/// CPU and wall time, added up, in nanoseconds.
#[derive(Default)]
struct Cost {
    cpu: u64,
    wall: u128,
}

impl Cost {
    fn during(&mut self, work: impl FnOnce()) {
        let (cpu, wall) = (process_cpu_nanos(), Instant::now());
        work();
        self.cpu += process_cpu_nanos() - cpu;
        self.wall += wall.elapsed().as_nanos();
    }

    fn show(&self, what: &str, messages: usize) {
        let each = |nanos: f64| nanos / 1e3 / messages as f64;
        println!(
            "{what}: {:.2} us CPU, {:.2} us wall a message",
            each(self.cpu as f64),
            each(self.wall as f64)
        );
    }
}

/// Of all threads that live; the kernel counts it exactly.
fn process_cpu_nanos() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

struct Row {
    ts: Micros,
    call_id: String,
    src: IpAddr,
    dst: IpAddr,
    method: &'static str,
    status: Option<i64>,
    from: String,
    to: String,
    from_tag: String,
    to_tag: String,
    branch: String,
    agent: String,
    raw: Vec<u8>,
}

impl Row {
    fn record(&self, id: i64) -> Record<'_> {
        let request = self.status.is_none();
        let invite = request && self.method == "INVITE";
        let text = |text: &'static str| Value::from(text);
        Record {
            table: &SIP,
            common: Common {
                id,
                ts: self.ts,
                received: Micros(self.ts.0 + 900),
                sender: IpAddr::from([10, 0, 0, 1]),
                listener: "udp",
                hep_version: 3,
                hep_type: 1,
                transport: "udp",
                src_ip: Some(self.src),
                src_port: Some(5060),
                dst_ip: Some(self.dst),
                dst_port: Some(5060),
                capture_id: Some(2001),
                node: None,
                correlation_id: None,
                call_id: Some(self.call_id.as_str().into()),
                size: self.raw.len() as i32,
                flags: Vec::new(),
            },
            values: vec![
                if request { text(self.method) } else { Value::Null },
                self.status.into(),
                if request { Value::Null } else { text("OK") },
                Value::Int(1),
                text(self.method),
                if request { self.to.as_str().into() } else { Value::Null },
                if request { text("example.com") } else { Value::Null },
                self.from.as_str().into(),
                text("example.com"),
                self.from_tag.as_str().into(),
                self.to.as_str().into(),
                text("example.com"),
                self.to_tag.as_str().into(),
                self.branch.as_str().into(),
                format!("sip:{}@{}:5060", self.from, self.src).into(),
                self.agent.as_str().into(),
                Value::Null,
                Value::Null,
                Value::Null,
                Value::Null,
                if invite { text("application/sdp") } else { Value::Null },
                if invite { format!("{}:20000", self.src).into() } else { Value::Null },
                if invite { text("PCMU,PCMA,telephone-event") } else { Value::Null },
            ],
            extra: None,
            raw: &self.raw,
        }
    }
}

/// Messages of a hundred calls at a time, interleaved.
fn rows(messages: usize) -> Vec<Row> {
    let mut dice = fastrand::Rng::with_seed(1);
    let mut rows = Vec::with_capacity(messages);
    let mut ts = 1_795_000_000_000_000;
    while rows.len() < messages {
        let calls: Vec<_> = (0..100).map(|_| call(&mut dice)).collect();
        for step in STEPS {
            for (call_id, from, to, from_tag, to_tag, agent, proxy) in &calls {
                let (method, status, body) = *step;
                ts += dice.i64(0..400);
                let branch = format!("z9hG4bK{:016x}", dice.u64(..));
                let start = match status {
                    None => format!("{method} sip:{to}@example.com SIP/2.0"),
                    Some(code) => format!("SIP/2.0 {code} OK"),
                };
                let mut raw = format!(
                    "{start}\r\nVia: SIP/2.0/UDP 10.0.{proxy}.9:5060;branch={branch};rport\r\n\
                     From: <sip:{from}@example.com>;tag={from_tag}\r\nTo: <sip:{to}@example.com>;tag={to_tag}\r\n\
                     Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nMax-Forwards: 69\r\n\
                     Contact: <sip:{from}@10.0.{proxy}.9:5060>\r\nUser-Agent: {agent}\r\n\
                     Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY, UPDATE, INFO\r\n\
                     Supported: replaces, timer, path\r\nSession-Expires: 1800;refresher=uac\r\n"
                );
                if body {
                    raw += &format!(
                        "Content-Type: application/sdp\r\nContent-Length: 230\r\n\r\nv=0\r\no=- {0} {0} IN IP4 10.0.{proxy}.9\r\n\
                         s=-\r\nc=IN IP4 10.0.{proxy}.9\r\nt=0 0\r\nm=audio {1} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n\
                         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
                        dice.u32(..),
                        dice.u16(10_000..)
                    );
                } else {
                    raw += "Content-Length: 0\r\n\r\n";
                }
                rows.push(Row {
                    ts: Micros(ts),
                    call_id: call_id.clone(),
                    src: IpAddr::from([10, 0, *proxy, 9]),
                    dst: IpAddr::from([10, 0, proxy / 2, 7]),
                    method,
                    status,
                    from: from.clone(),
                    to: to.clone(),
                    from_tag: from_tag.clone(),
                    to_tag: to_tag.clone(),
                    branch,
                    agent: agent.clone(),
                    raw: raw.into_bytes(),
                });
            }
        }
    }
    rows.truncate(messages);
    rows
}

type Call = (String, String, String, String, String, String, u8);

fn call(dice: &mut fastrand::Rng) -> Call {
    let user = |dice: &mut fastrand::Rng| format!("+4420{:07}", dice.u32(0..20_000));
    let tag = |dice: &mut fastrand::Rng| format!("{:08x}", dice.u32(..));
    (
        format!("{:016x}{:08x}@10.0.0.1", dice.u64(..), dice.u32(..)),
        user(dice),
        user(dice),
        tag(dice),
        tag(dice),
        format!("Phone {}.{}", dice.u8(0..4), dice.u8(0..6)),
        dice.u8(0..8),
    )
}

/// Method, status of a reply, whether there is a session description.
const STEPS: &[(&str, Option<i64>, bool)] = &[
    ("INVITE", None, true),
    ("INVITE", Some(100), false),
    ("INVITE", None, true),
    ("INVITE", Some(180), false),
    ("INVITE", Some(180), false),
    ("INVITE", Some(200), true),
    ("INVITE", Some(200), true),
    ("ACK", None, false),
    ("ACK", None, false),
    ("BYE", None, false),
    ("BYE", Some(200), false),
    ("BYE", Some(200), false),
];
