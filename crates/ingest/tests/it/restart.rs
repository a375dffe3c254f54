//! Stopping and starting: what was accepted is there afterwards, exactly once.

use std::io::Write;

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::server::{Server, packet};

/// Waits until all that was written has arrived. When the reader gets no turn its window closes, and the rest lies
/// with the sender, in whose buffers no stop can find it.
fn wait_until_arrived(stream: &TcpStream) {
    let port = |address: std::io::Result<SocketAddr>| address.expect("it is connected").port();
    // proc(5): the queue of a connection holds what the other side has not acknowledged.
    let (from, to) = (port(stream.local_addr()), port(stream.peer_addr()));
    let (from, to) = (format!(":{from:04X}"), format!(":{to:04X}"));
    let started = Instant::now();
    loop {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let own =
            lines.find(|words| words[1].ends_with(&from) && words[2].ends_with(&to)).expect("it is open");
        if own[4].starts_with("00000000:") {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "bytes do not arrive: {own:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_stop_takes_what_has_arrived() {
    let server = Server::start();
    let packets: Vec<Vec<u8>> = (0..500).map(|number| packet(&format!("udp-{number}"))).collect();
    let datagrams: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let mut stream = server.connect();
    server.send(&datagrams);
    for number in 0..500 {
        stream.write_all(&packet(&format!("tcp-{number}"))).expect("bytes sent");
    }
    wait_until_arrived(&stream);
    server.ingest.shutdown();
    let total = server.quiet(1_000);
    assert_eq!(total.stored, 1_000);
    assert_eq!(server.count("SELECT count(DISTINCT call_id) FROM messages"), 1_000, "published, too");
}

#[test]
fn what_was_stored_is_there_exactly_once_after_restarts() {
    let mut server = Server::start();
    for round in 0..3_i64 {
        let packets: Vec<Vec<u8>> = (0..100).map(|number| packet(&format!("{round}-{number}"))).collect();
        let datagrams: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
        server.send(&datagrams);
        server.quiet(100);
        if round == 1 {
            server.store.settle().expect("a settled lake");
        }
        server = server.restart();
        server.sql("SELECT 1");
        assert_eq!(server.count("SELECT count(*) FROM messages"), (round + 1) * 100);
        assert_eq!(server.count("SELECT count(DISTINCT call_id) FROM messages"), (round + 1) * 100);
        assert_eq!(server.count("SELECT count(DISTINCT id) FROM sip"), (round + 1) * 100);
    }
    assert_eq!(server.ingest.counters().total.received, 0, "counters are those of this run");
}

#[test]
fn a_damaged_log_is_reported_and_the_rest_is_read() {
    let server = Server::start();
    for name in ["first", "second", "third"] {
        server.send(&[&packet(name)]);
        let stored = server.ingest.counters().total.stored + 1;
        server.wait_for(|total| total.stored == stored);
    }
    server.ingest.shutdown();
    let folder = server.folder;
    drop(server.ingest);
    drop(server.store);
    let segment = std::fs::read_dir(folder.path().join("log")).expect("the log").next().expect("a segment");
    let segment = segment.expect("an entry").path();
    let mut bytes = std::fs::read(&segment).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).expect("a segment");

    let server = Server::start_in(folder, |_| {});
    let started = std::time::Instant::now();
    let replayed = loop {
        if let Some(replayed) = server.ingest.replayed() {
            break replayed;
        }
        assert!(started.elapsed().as_secs() < 30, "the replay does not end");
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert_eq!((replayed.rows, replayed.damages.len()), (2, 1));
    let alarms = server.ingest.alarms();
    assert_eq!(alarms[0].name, "log_damage");
    assert!(alarms[0].message.contains("bytes lost at offset"), "{}", alarms[0].message);
}
