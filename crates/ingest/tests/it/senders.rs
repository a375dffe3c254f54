//! What the operator says of senders, and what is found out about them.

use std::time::{Duration, Instant};

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use ingest::{SenderRule, SenderRules};
use protocols::corrections::find;

use crate::server::{Server, assert_conserved};

const MARK: &[u8] = b"0123456789abcdefghijklmnop";

const OPTIONS: &[u8] =
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";

fn packet<'a>(node: &'a str, change: impl FnOnce(hep::Outgoing<'a>) -> hep::Outgoing<'a>) -> Vec<u8> {
    let (src, dst) =
        ("192.0.2.1:5060".parse().expect("an address"), "192.0.2.2:5060".parse().expect("an address"));
    let plain = hep::Outgoing {
        seconds: 1_700_000_000,
        node: Some(node.as_bytes()),
        payload: OPTIONS,
        ..hep::Outgoing::new(src, dst)
    };
    let mut bytes = Vec::new();
    change(plain).encode_v3(&mut bytes).expect("a small packet");
    bytes
}

fn for_node(node: &str) -> SenderRule {
    SenderRule { address: None, node: Some(node.to_owned()), corrections: Vec::new(), drops_duplicates: None }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn secrets_of_payloads_reach_neither_log_nor_lake() {
    let key = String::from_utf8_lossy(MARK);
    let json = format!(r#"{{"Protocol":"TLS","master-key":"{key}","Event":"ACCEPTED"}}"#);
    let joined = format!("TLS:/CN=a:/CN=b:{key}:ACCEPTED:SUCCESS:x");
    fn event(payload: &str) -> Vec<u8> {
        packet("edge", |plain| hep::Outgoing { hep_type: 89, payload: payload.as_bytes(), ..plain })
    }
    let keyed = packet("edge", |plain| hep::Outgoing { key: Some(MARK), ..plain });
    let wrapped = packet("edge", |plain| hep::Outgoing { payload: &keyed, ..plain });
    let server = Server::start();
    server.send(&[&event(&json), &event(&joined), &keyed, &wrapped]);
    assert_eq!(server.quiet(4).stored, 4);
    let frames = server.frames();
    assert_eq!(
        frames.iter().map(Vec::len).sum::<usize>(),
        [event(&json), event(&joined), keyed.clone(), wrapped].concat().len()
    );
    assert!(!frames.iter().any(|frame| holds(frame, MARK)));

    server.sql("SELECT 1");
    server.store.settle().expect("a settled lake");
    for batch in server.sql("SELECT raw FROM messages") {
        let raw = cast(batch.column(0), &DataType::Binary).expect("a cast");
        assert!(raw.as_binary::<i32>().iter().flatten().all(|raw| !holds(raw, MARK)));
    }
    for table in protocols::Protocols::built_in().tables() {
        for batch in server.sql(&format!("SELECT * FROM \"{}\"", table.name)) {
            assert!(!format!("{:?}", batch.columns()).contains(&*key), "{}", table.name);
        }
    }
}

#[test]
fn copies_are_dropped_for_whom_it_is_asked_and_counted() {
    let rule = SenderRule { drops_duplicates: Some(true), ..for_node("copy") };
    let server = Server::start_with(|config| config.senders.some.push(rule));
    let first = packet("edge", |plain| plain);
    let other_bytes = [OPTIONS, b"body"].concat();
    let changed = packet("copy", |plain| hep::Outgoing { payload: &other_bytes, ..plain });
    let next_hop = packet("copy", |plain| hep::Outgoing { src: plain.dst, dst: plain.src, ..plain });
    let log = packet("copy", |plain| hep::Outgoing { hep_type: 100, payload: b"a line", ..plain });
    // In one datagram, so that all arrive at the same moment.
    server.send(&[&[first, changed.clone(), changed, next_hop, log.clone(), log].concat()]);
    let total = server.quiet(6);
    assert_eq!((total.stored, total.duplicates), (4, 2));
    assert_eq!(server.count("SELECT count(*) FROM messages"), 4);
    let senders = server.ingest.senders();
    let of =
        |node: &str| senders.iter().find(|sender| sender.node.as_deref() == Some(node)).expect("a sender");
    assert_eq!((of("copy").packets, of("copy").duplicates), (3, 2));
    assert_eq!((of("edge").packets, of("edge").duplicates), (1, 0));
}

#[test]
fn whoever_is_first_is_kept_and_unasked_nothing_is_dropped() {
    let rule = SenderRule { drops_duplicates: Some(true), ..for_node("copy") };
    let server = Server::start_with(|config| config.senders.some.push(rule));
    server.send(&[&[packet("copy", |plain| plain), packet("edge", |plain| plain)].concat()]);
    assert_eq!(server.quiet(2).stored, 2);

    let server = Server::start();
    server.send(&[&[packet("edge", |plain| plain), packet("copy", |plain| plain)].concat()]);
    let total = server.quiet(2);
    assert_eq!((total.stored, total.duplicates), (2, 0));
    assert_conserved(&server.ingest);
}

#[test]
fn a_replay_reads_rows_as_they_were_read_live() {
    let mut rules = SenderRules::default();
    let rule = |name| find(name).expect("a rule");
    rules.some = vec![SenderRule {
        corrections: vec![
            (rule("milliseconds"), true),
            (rule("swapped_ports"), true),
            (rule("shifted_capture_id"), false),
        ],
        ..for_node("edge")
    }];
    let server = Server::start_with(|config| config.senders = rules.clone());
    let odd = |node: &str| packet(node, |plain| hep::Outgoing { micros: 126, capture_id: 7 << 16, ..plain });
    let both = [odd("edge"), odd("core")];
    server.send(&both.each_ref().map(Vec::as_slice));
    server.quiet(2);
    let read = |server: &Server| {
        let batches =
            server.sql("SELECT node, ts, capture_id, src_port, flags, extra FROM sip ORDER BY node");
        batches.iter().map(|batch| format!("{:?}", batch.columns())).collect::<String>()
    };
    let live = read(&server);
    assert_eq!(server.count("SELECT CAST(capture_id AS BIGINT) FROM messages WHERE node = 'core'"), 7);
    assert_eq!(server.count("SELECT CAST(capture_id AS BIGINT) FROM messages WHERE node = 'edge'"), 7 << 16);
    assert_eq!(server.count("SELECT CAST(src_port AS BIGINT) FROM messages WHERE node = 'edge'"), 50_195);
    server.ingest.shutdown();
    let folder = server.folder;
    drop(server.ingest);
    drop(server.store);
    let server = Server::start_in(folder, |config| config.senders = rules);
    assert_eq!(read(&server), live);
}

#[test]
fn flags_of_rows_are_counted_by_sender() {
    let server = Server::start();
    let shifted = packet("edge", |plain| hep::Outgoing { capture_id: 2002 << 16, ..plain });
    let padded = packet("edge", |plain| hep::Outgoing { payload: b"a line\0", hep_type: 100, ..plain });
    server.send(&[&shifted, &shifted, &padded]);
    server.quiet(3);
    let started = Instant::now();
    let sender = loop {
        let sender = server.ingest.senders().remove(0);
        if sender.flags.values().sum::<u64>() >= 3 {
            break sender;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{:?}", sender.flags);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(
        sender.flags.into_iter().collect::<Vec<_>>(),
        [("shifted_capture_id", 2), ("trailing_nuls", 1)]
    );
    assert!(sender.capture_ids.contains(&2002), "{:?}", sender.capture_ids);
}
