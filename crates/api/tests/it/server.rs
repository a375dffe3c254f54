//! A running server with known traffic in it, and a client.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alerts::Rule;
use api::{Alarm, AlertSettings, ApiConfig, ApiState, Counters, Listener, Live, Sender};
use calls::kpi::{KPI_1M, Minute, Over, Told};
use model::{Micros, Table, Value as Cell};
use protocols::{Arrival, Corrections, Protocols};
use serde_json::{Value, json};
use store::{Config, Limits, Store, TableBatch};

use crate::metrics::Counted;
use crate::traffic::{self, Captured};

pub(crate) const PASSWORD: &str = "open sesame";

/// Call-IDs of what [`Server::start`] holds, oldest first.
pub(crate) const ANSWERED: &str = "answered@example.org";
pub(crate) const BUSY: &str = "busy/1?x@example.org";
pub(crate) const REGISTERED: &str = "registered@example.org";

/// Packets that [`Server::start`] holds.
pub(crate) const MESSAGES: usize = 11 + 3 + 2 + 1;

pub(crate) struct Server {
    url: String,
    token: Option<String>,
    agent: ureq::Agent,
    /// When the traffic began, in microseconds.
    pub(crate) start: i64,
    pub(crate) metrics: Arc<Counted>,
    pub(crate) dir: tempfile::TempDir,
    store: Arc<Store>,
    state: ApiState,
    runtime: tokio::runtime::Runtime,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The code of a refusal.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {}", self.text()))
            .to_owned()
    }
}

impl Server {
    /// A server that knows the answered call (begun 600 s ago), the busy one (300 s), a registration (200 s) and a
    /// packet of an unknown type (100 s). The client is logged in.
    pub(crate) fn start() -> Self {
        let stories = [
            (600, traffic::answered_call(ANSWERED)),
            (300, traffic::busy_call(BUSY)),
            (200, traffic::registration(REGISTERED)),
            (100, vec![traffic::opaque()]),
        ];
        Self::with(&stories)
    }

    /// A server with these stories, each begun so many seconds ago.
    pub(crate) fn with(stories: &[(i64, Vec<Captured>)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self::open(dir, stories, Some(PASSWORD)).logged_in()
    }

    /// As [`Server::with`], with the rows of their calls and registrations, all told to their end.
    pub(crate) fn with_calls(stories: &[(i64, Vec<Captured>)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = Config { derived: calls::TABLES, ..Config::new(dir.path()) };
        let server = Self::configured(dir, config, stories, Some(PASSWORD)).logged_in();
        follow(&server.store, stories, server.start);
        server
    }

    /// As [`Server::with_calls`], with figures of the minutes that their calls began in; but of those that began so many seconds
    /// ago (`stale`) there is only an earlier version, without any call. Each call has been told before, as if it had failed.
    pub(crate) fn with_minutes(stories: &[(i64, Vec<Captured>)], stale: &[i64]) -> Self {
        let server = Self::with_calls(stories);
        let minute = |ago: &i64| Minute::around(server.start - ago * Micros::SECOND);
        let stale: Vec<i64> = BTreeSet::from_iter(stale.iter().map(minute)).into_iter().collect();
        let rows = told(stories, server.start);
        let mut minutes: BTreeMap<i64, Minute> = BTreeMap::new();
        for row in rows.iter().filter(|row| std::ptr::eq(row.table, &raw const calls::CALLS)) {
            let begin = Minute::around(row.begun());
            let minute = minutes.entry(begin).or_insert_with(|| Minute::new(begin));
            if !stale.contains(&begin) {
                count(minute, row);
            }
        }
        let mut earlier = TableBatch::new(&calls::CALLS);
        for row in rows.iter().filter(|row| std::ptr::eq(row.table, &raw const calls::CALLS)) {
            earlier.push(&as_told_before(row));
        }
        let mut batch = TableBatch::new(&KPI_1M);
        for (begin, minute) in minutes {
            // An earlier version of each, which does not count any more.
            let versions = [(Minute::new(begin), 1), (minute, 2)];
            let records = versions.into_iter().flat_map(|(minute, made)| minute.into_records(1 << 16, made));
            records.for_each(|record| batch.push(&record));
        }
        let told = [(&calls::CALLS, earlier), (&KPI_1M, batch)];
        let told = told.map(|(table, mut batch)| {
            let ended = Some(batch.finish());
            store::Derived { table, ended, open: Vec::new() }
        });
        let known = store::Minutes { since: i64::MIN, stale };
        let unfinished = store::Unfinished { going: Vec::new(), minutes: Some(known) };
        server.store.publish_derived(1, told.to_vec(), unfinished).expect("published");
        server
    }

    /// As [`Server::with_calls`], of a server that has been there for eight days and looks at these rules.
    pub(crate) fn with_rules(stories: &[(i64, Vec<Captured>)], rules: &[Rule]) -> Self {
        const SECONDS: i64 = 8 * 86_400;
        let dir = tempfile::tempdir().expect("a folder");
        let config = Config { derived: calls::TABLES, ..Config::new(dir.path()) };
        let now = now();
        let since = now - SECONDS * Micros::SECOND;
        let shifted: Vec<(i64, Vec<Captured>)> =
            stories.iter().map(|(seconds_ago, story)| (seconds_ago - SECONDS, story.clone())).collect();
        let server = Self::at(dir, config, &shifted, Some(PASSWORD), since, rules).logged_in();
        follow(&server.store, stories, now);
        server.runtime.spawn(api::watch_alerts(server.state.clone()));
        server
    }

    /// An empty server whose store has these limits.
    pub(crate) fn with_limits(limits: Limits) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = Config { limits, ..Config::new(dir.path()) };
        Self::configured(dir, config, &[], Some(PASSWORD)).logged_in()
    }

    /// As [`Server::with`], in a folder, not logged in.
    pub(crate) fn open(
        dir: tempfile::TempDir,
        stories: &[(i64, Vec<Captured>)],
        password: Option<&str>,
    ) -> Self {
        let config = Config::new(dir.path());
        Self::configured(dir, config, stories, password)
    }

    /// A server whose stories arrived three days ago and have settled, and where SIP has lost its payloads since.
    pub(crate) fn without_payloads(stories: &[(i64, Vec<Captured>)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = Config::new(dir.path());
        config.compact_every = Duration::from_millis(20);
        config.retention.payload_days = vec![("sip".to_owned(), 1)];
        let server = Self::at(dir, config, stories, Some(PASSWORD), now() - 3 * Micros::DAY, &[]).logged_in();
        server.store.settle().expect("settled");
        let started = Instant::now();
        let is_done = || server.store.status().tables.iter().any(|table| table.rows_without_payload > 0);
        while !is_done() {
            assert!(started.elapsed() < Duration::from_secs(120), "payloads go");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn configured(
        dir: tempfile::TempDir,
        config: Config,
        stories: &[(i64, Vec<Captured>)],
        password: Option<&str>,
    ) -> Self {
        Self::at(dir, config, stories, password, now(), &[])
    }

    fn at(
        dir: tempfile::TempDir,
        config: Config,
        stories: &[(i64, Vec<Captured>)],
        password: Option<&str>,
        now: i64,
        rules: &[Rule],
    ) -> Self {
        let store = Store::open(config, Protocols::built_in().tables()).expect("the store opens");
        // Whole milliseconds, so that times read back are what the stories say.
        let now = now - now % 1_000;
        publish(&store, 1, stories, now);
        let store = Arc::new(store);

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let metrics = Arc::new(Counted::default());
        let config = ApiConfig {
            metrics: Some(metrics.clone()),
            dir: dir.path().to_owned(),
            url: url.clone(),
            admin_password: password.map(str::to_owned),
            version: "0.0.0-test",
            protocols: Protocols::built_in(),
            beside: Default::default,
            legs: Default::default(),
            audit_days: 30,
            alerts: AlertSettings { rules: rules.to_vec(), ..AlertSettings::default() },
        };
        let state = ApiState::new(&config, Arc::clone(&store), Arc::new(Quiet)).expect("the settings open");
        if password.is_none()
            && let Some(first) = state.first_password()
        {
            std::fs::write(dir.path().join("first-password"), first).expect("written");
        }
        let app = api::router(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, app).await });
        // A connection for each request: whether an idle one is still open is for clients to guess, not for tests.
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0);
        let agent = agent.build().into();
        Self { url, token: None, agent, start: now, metrics, dir, store, state, runtime }
    }

    pub(crate) fn logged_in(mut self) -> Self {
        let answer = self.post("/api/v1/login", &json!({"user": "admin", "password": PASSWORD}));
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.token = answer.json()["token"].as_str().map(str::to_owned);
        self
    }

    pub(crate) fn with_token(mut self, token: Option<&str>) -> Self {
        self.token = token.map(str::to_owned);
        self
    }

    pub(crate) fn set_token(&mut self, token: Option<&str>) {
        self.token = token.map(str::to_owned);
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Brings more packets, as log block `block`.
    pub(crate) fn publish(&self, block: u64, story: Vec<Captured>) {
        publish(&self.store, block, &[(0, story)], self.start);
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends the server and gives its folder back.
    pub(crate) fn stop(self) -> tempfile::TempDir {
        let Self { dir, store, state, runtime, .. } = self;
        drop((store, state));
        runtime.shutdown_timeout(Duration::from_secs(5));
        dir
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], Some(body))
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut all: Vec<(&str, &str)> =
            bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        all.extend(headers);
        self.stranger(method, path, &all, body)
    }

    /// As [`Server::send`], without the token.
    pub(crate) fn stranger(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(body).expect("a request");
        let mut response = self.agent.run(request).expect("the server answers");
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_vec()
                .expect("the answer is whole"),
        }
    }

    /// The JSON of an answer that must succeed.
    #[track_caller]
    pub(crate) fn ask(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// RFC 3339 of a moment of a story begun so many seconds ago.
    pub(crate) fn time(&self, seconds_ago: i64, at_ms: i64) -> String {
        Micros(self.start - seconds_ago * Micros::SECOND + at_ms * 1_000).to_string()
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros() as i64
}

/// Escapes a value of a query string or a path segment.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

/// Brings packets to the store as the receiver does: decoded, understood, in batches.
fn publish(store: &Store, block: u64, stories: &[(i64, Vec<Captured>)], now: i64) {
    let mut batches: Vec<(&'static Table, TableBatch)> = Vec::new();
    let packets = stories.iter().flat_map(|(seconds_ago, story)| {
        story.iter().map(move |captured| captured.encode(now - seconds_ago * Micros::SECOND))
    });
    for (index, bytes) in packets.enumerate() {
        let (packet, _) = hep::decode(&bytes, (now / Micros::SECOND) as u32).expect("a packet");
        let arrival = Arrival {
            id: (block as i64) << 16 | index as i64,
            received: Micros(now),
            sender: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
            listener: "udp",
            corrections: Corrections::default(),
        };
        let record = Protocols::built_in().understand(&packet, &arrival);
        let place =
            batches.iter().position(|(table, _)| table.name == record.table.name).unwrap_or_else(|| {
                batches.push((record.table, TableBatch::new(record.table)));
                batches.len() - 1
            });
        batches[place].1.push(&record);
    }
    let batches = batches.into_iter().map(|(table, mut batch)| (table, batch.finish())).collect();
    store.publish(block, batches).expect("published");
}

/// Makes the rows of calls as the receiver does, long after their last message.
fn follow(store: &Store, stories: &[(i64, Vec<Captured>)], now: i64) {
    let rows = told(stories, now);
    let told = calls::TABLES.iter().map(|table| {
        let mut batch = TableBatch::new(table);
        let own = rows.iter().filter(|row| std::ptr::eq(row.table, *table)).cloned();
        own.for_each(|row| batch.push(&row.into_record()));
        store::Derived { table, ended: Some(batch.finish()), open: Vec::new() }
    });
    store.publish_derived(1, told.collect(), store::Unfinished::default()).expect("published");
}

/// An earlier row of the same call, which does not count any more.
fn as_told_before(row: &calls::Row) -> model::Record<'static> {
    let mut record = row.clone().into_record();
    let fields = calls::CALLS.fields.iter().map(|field| field.name);
    for (name, value) in fields.zip(&mut record.values) {
        match name {
            "judged" => *value = Cell::Int(1),
            "state" => *value = Cell::from("failed"),
            "messages" => *value = Cell::Int(100),
            "answered" | "talk" => *value = Cell::Null,
            _ => {}
        }
    }
    record
}

/// As a minute counts a call that is over.
fn count(minute: &mut Minute, row: &calls::Row) {
    let record = row.clone().into_record();
    let number =
        |column: &str| if let Cell::Int(number) = record.value(column) { Some(number) } else { None };
    let text = |column: &str| {
        if let Cell::Text(text) = record.value(column) { Some(text.into_owned()) } else { None }
    };
    let [src, dst, callee, agent, answerer] =
        ["src_ip", "dst_ip", "ruri_user", "user_agent", "answered_by"].map(text);
    let state = text("state").and_then(|state| calls::State::named(&state));
    let count = |column: &str| number(column).unwrap_or(0).unsigned_abs();
    let answered = number("answered");
    minute.add(&Over {
        told: Told {
            state: state.expect("a state"),
            status: number("status"),
            cause: number("cause"),
            pdd: number("pdd"),
            ring: number("ring"),
            talk: number("talk"),
            is_answered: answered.is_some(),
            disconnect_delay: number("disconnect_delay"),
            messages: count("messages"),
            retransmissions: count("retransmissions"),
        },
        talked: answered.map(|at| (at, number("ended").or_else(|| number("last")).unwrap_or(at))),
        src: src.as_deref(),
        dst: dst.as_deref(),
        callee: callee.as_deref(),
        user_agent: agent.as_deref(),
        answered_by: answerer.as_deref(),
    });
}

/// The rows of calls and registrations, told to their end.
fn told(stories: &[(i64, Vec<Captured>)], now: i64) -> Vec<calls::Row> {
    let mut tracker = calls::Tracker::new(calls::Limits::default());
    let packets = stories.iter().flat_map(|(seconds_ago, story)| {
        story.iter().map(move |captured| captured.encode(now - seconds_ago * Micros::SECOND))
    });
    for (index, bytes) in packets.enumerate() {
        let (packet, _) = hep::decode(&bytes, (now / Micros::SECOND) as u32).expect("a packet");
        let arrival = Arrival {
            id: 1 << 16 | index as i64,
            received: Micros(now),
            sender: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
            listener: "udp",
            corrections: Corrections::default(),
        };
        let record = Protocols::built_in().understand(&packet, &arrival);
        if record.table.name != "sip" {
            continue;
        }
        let text = |column: &str| match record.value(column) {
            model::Value::Text(text) => Some(text.into_owned()),
            _ => None,
        };
        let number = |column: &str| match record.value(column) {
            model::Value::Int(number) => Some(number),
            _ => None,
        };
        let (src, dst, method) =
            (text("src_ip"), text("dst_ip"), text("method").or_else(|| text("cseq_method")));
        let (from_tag, to_tag, branch) = (text("from_tag"), text("to_tag"), text("via_branch"));
        tracker.take(&calls::Sighting {
            message: calls::Message {
                id: record.common.id,
                at: record.common.ts.0,
                src: calls::End { ip: src.as_deref(), port: record.common.src_port },
                dst: calls::End { ip: dst.as_deref(), port: record.common.dst_port },
                call_id: record.common.call_id.as_deref(),
                method: method.as_deref(),
                status: number("status"),
                cseq: number("cseq"),
                from_tag: from_tag.as_deref(),
                to_tag: to_tag.as_deref(),
                via_branch: branch.as_deref(),
                raw: record.raw.into(),
            },
            received: now,
            point: 1,
            transport: record.common.transport,
            capture_id: record.common.capture_id,
            node: record.common.node.as_deref(),
            ..calls::Sighting::default()
        });
    }
    let mut rows = Vec::new();
    tracker.due(now + Micros::MINUTE, &mut rows);
    rows
}

/// A receiver that stands still.
struct Quiet;

impl Live for Quiet {
    fn is_ready(&self) -> bool {
        true
    }

    fn listeners(&self) -> Vec<Listener> {
        let counters = |received, stored, refused| Counters {
            received,
            stored,
            refused: BTreeMap::from([("not_hep".to_owned(), refused)]),
            bytes: received * 600,
            ..Counters::default()
        };
        vec![
            Listener {
                name: "udp".to_owned(),
                address: "0.0.0.0:9060".to_owned(),
                counters: counters(17, 15, 2),
            },
            Listener {
                name: "tcp".to_owned(),
                address: "0.0.0.0:9060".to_owned(),
                counters: counters(3, 2, 1),
            },
        ]
    }

    fn senders(&self) -> Vec<Sender> {
        let sender = |address: &str, last_seen| Sender {
            address: address.to_owned(),
            node: Some("edge-1".to_owned()),
            capture_ids: vec![2001],
            hep_versions: vec![3],
            listeners: vec!["udp".to_owned()],
            types: BTreeMap::from([(1, 12), (5, 1)]),
            packets: 13,
            bytes: 7_800,
            rate_per_second: 0.5,
            first_seen: Micros(0),
            last_seen: Micros(last_seen),
            flags: BTreeMap::from([("bad_time".to_owned(), 1), ("trailing_nuls".to_owned(), 2)]),
            suspected: vec!["milliseconds".to_owned()],
            duplicates: 0,
            refused: BTreeMap::new(),
        };
        vec![sender("198.51.100.7", 1_000_000), sender("198.51.100.8", 2_000_000)]
    }

    fn alarms(&self) -> Vec<Alarm> {
        let message = "the kernel dropped 7 datagrams".to_owned();
        vec![Alarm { name: "kernel_drops".to_owned(), since: Micros(0), message }]
    }
}

pub(crate) fn folder_of(server: &Server) -> &Path {
    server.dir.path()
}
