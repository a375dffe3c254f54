//! A running ingest on a store in a temporary folder, and what the tests send to it and read back.

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use ingest::{Counters, Ingest, IngestConfig, ListenerConfig, Transport};
use store::Store;

pub(crate) struct Server {
    pub(crate) ingest: Ingest,
    pub(crate) store: Arc<Store>,
    pub(crate) folder: tempfile::TempDir,
    /// Serves the web's listeners, if there are any.
    _runtime: Option<tokio::runtime::Runtime>,
}

/// A packet as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) listener: u8,
    pub(crate) sender: SocketAddr,
    pub(crate) frame: Vec<u8>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(configure: impl FnOnce(&mut IngestConfig)) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), configure)
    }

    pub(crate) fn start_in(folder: tempfile::TempDir, configure: impl FnOnce(&mut IngestConfig)) -> Self {
        let stored = store::Config::new(folder.path());
        Self::start_on(folder, stored, configure)
    }

    /// The same with a store of another kind.
    pub(crate) fn start_on(
        folder: tempfile::TempDir,
        stored: store::Config,
        configure: impl FnOnce(&mut IngestConfig),
    ) -> Self {
        let store = Store::open(stored, protocols::Protocols::built_in().tables()).expect("a store");
        let store = Arc::new(store);
        let mut config = config();
        configure(&mut config);
        let ingest = Ingest::start(config, Arc::clone(&store)).expect("free ports");
        let runtime = ingest.bound().iter().any(|bound| bound.transport.is_web()).then(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let runtime = runtime.expect("a runtime");
            ingest.serve_web(runtime.handle(), axum::Router::new()).expect("a web server");
            runtime
        });
        Self { ingest, store, folder, _runtime: runtime }
    }

    /// Stops without settling, as after a crash, and starts again in the same folder.
    pub(crate) fn restart(self) -> Self {
        Self::start_in(self.crash(), |_| {})
    }

    /// Stops without settling, as after a crash, and gives the folder back.
    pub(crate) fn crash(self) -> tempfile::TempDir {
        self.ingest.shutdown();
        drop(self.ingest);
        drop(self.store);
        self.folder
    }

    pub(crate) fn udp(&self) -> SocketAddr {
        self.at(Transport::Udp)
    }

    pub(crate) fn at(&self, transport: Transport) -> SocketAddr {
        self.ingest.address_of(transport).expect("it is on")
    }

    pub(crate) fn send(&self, datagrams: &[&[u8]]) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for datagram in datagrams {
            socket.send_to(datagram, self.udp()).expect("a datagram sent");
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        self.connect_to(Transport::Tcp)
    }

    pub(crate) fn connect_to(&self, transport: Transport) -> TcpStream {
        let stream = TcpStream::connect(self.at(transport)).expect("a stream");
        stream.set_nodelay(true).expect("an option");
        // A test that waits in vain fails.
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("an option");
        stream
    }

    /// One connection: writes and closes.
    pub(crate) fn stream(&self, pieces: &[&[u8]]) {
        let mut stream = self.connect();
        for piece in pieces {
            stream.write_all(piece).expect("bytes sent");
        }
    }

    /// Waits until so much has been received and nothing is on its way; asserts that nothing got lost.
    pub(crate) fn quiet(&self, received: u64) -> Counters {
        let total = self.wait_for(|total| total.received >= received && total.pending == 0);
        assert_eq!(total.received, received, "{total:?}");
        assert_conserved(&self.ingest);
        total
    }

    pub(crate) fn wait_for(&self, reached: impl Fn(&Counters) -> bool) -> Counters {
        let started = Instant::now();
        loop {
            let total = self.ingest.counters().total;
            if reached(&total) {
                return total;
            }
            assert!(started.elapsed() < Duration::from_secs(120), "waiting in vain: {total:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What is in the log, in order.
    pub(crate) fn logged(&self) -> Vec<Logged> {
        let blocks = self.store.log().replay(0).map(|block| block.expect("no damage"));
        blocks
            .flat_map(|block| {
                let own = |entry: store::log::Entry<'_>| Logged {
                    listener: entry.listener,
                    sender: entry.sender,
                    frame: entry.frame.to_vec(),
                };
                block.iter().map(own).collect::<Vec<_>>()
            })
            .collect()
    }

    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        self.logged().into_iter().map(|logged| logged.frame).collect()
    }

    /// Answers a statement once all that was stored is searchable.
    pub(crate) fn sql(&self, statement: &str) -> Vec<RecordBatch> {
        let started = Instant::now();
        while self.store.published() < self.store.log().last_seq() {
            assert!(started.elapsed() < Duration::from_secs(120), "stored packets do not become searchable");
            std::thread::sleep(Duration::from_millis(2));
        }
        block_on(async {
            let answer = self.store.sql(statement, None).await.expect("a valid statement");
            answer.collect().await.expect("an answer").0
        })
    }

    pub(crate) fn count(&self, statement: &str) -> i64 {
        use arrow::array::AsArray;
        let batches = self.sql(statement);
        batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0)
    }
}

pub(crate) fn config() -> IngestConfig {
    IngestConfig { listeners: vec![on(Transport::Udp), on(Transport::Tcp)], ..IngestConfig::default() }
}

/// A listener on a free port.
pub(crate) fn on(transport: Transport) -> ListenerConfig {
    ListenerConfig::new(transport, "127.0.0.1:0".parse().expect("an address"))
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// The equation that must hold for every listener and their sum whenever nothing is on its way.
pub(crate) fn assert_conserved(ingest: &Ingest) {
    let counters = ingest.counters();
    let all = counters.listeners.iter().map(|listener| &listener.counters).chain([&counters.total]);
    for part in all {
        let refused: u64 = part.refused.values().sum();
        let dropped: u64 = part.dropped.values().sum();
        assert_eq!(
            part.received,
            part.stored + refused + dropped + part.duplicates + part.pending,
            "{part:?}"
        );
    }
    let sum: u64 = counters.listeners.iter().map(|listener| listener.counters.received).sum();
    assert_eq!(counters.total.received, sum);
}

/// A HEPv3 packet of SIP whose Call-ID is `name`.
pub(crate) fn packet(name: &str) -> Vec<u8> {
    keyed(name, None)
}

pub(crate) fn keyed(name: &str, key: Option<&[u8]>) -> Vec<u8> {
    let payload = sip(name);
    let mut bytes = Vec::new();
    outgoing(&payload, key).encode_v3(&mut bytes).expect("a small packet");
    bytes
}

/// The same as HEPv1 or v2.
pub(crate) fn legacy(name: &str, version: u8) -> Vec<u8> {
    let payload = sip(name);
    let mut bytes = Vec::new();
    let outgoing = outgoing(&payload, None);
    let encoded = if version == 1 { outgoing.encode_v1(&mut bytes) } else { outgoing.encode_v2(&mut bytes) };
    encoded.expect("a small packet");
    bytes
}

fn sip(name: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{name}\r\n\
         Call-ID: {name}\r\nCSeq: 1 OPTIONS\r\nFrom: <sip:b@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn outgoing<'a>(payload: &'a [u8], key: Option<&'a [u8]>) -> hep::Outgoing<'a> {
    let src = "192.0.2.1:5060".parse().expect("an address");
    let dst = "192.0.2.2:5060".parse().expect("an address");
    hep::Outgoing {
        payload,
        key,
        seconds: 1_700_000_000,
        node: Some(b"edge-1"),
        ..hep::Outgoing::new(src, dst)
    }
}
