//! Figures of minutes are those of the rows of calls, over restarts and late messages too.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hep::Outgoing;

use crate::server::Server;

fn start(folder: tempfile::TempDir) -> Server {
    let stored = store::Config { derived: calls::TABLES, ..store::Config::new(folder.path()) };
    Server::start_on(folder, stored, |config| config.minute_after = Duration::ZERO)
}

/// A message of a call that began so many seconds ago.
fn packet(call: usize, ago: u32, start: &str, cseq: &str, to_tag: &str) -> Vec<u8> {
    let is_reply = start.starts_with("SIP/2.0");
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP 192.0.2.{host};branch=z9hG4bK{call}{branch}\r\nCall-ID: {call}@example.org\r\n\
         CSeq: {cseq}\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:+4930{call}@example.com>{to_tag}\r\n\
         Content-Length: 0\r\n\r\n",
        host = call % 3,
        branch = cseq.replace(' ', ""),
    );
    let caller = format!("192.0.2.{}:5060", call % 3).parse().expect("an address");
    let callee = "198.51.100.1:5060".parse().expect("an address");
    let (src, dst) = if is_reply { (callee, caller) } else { (caller, callee) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let seconds = u32::try_from(now).expect("before 2106") - ago;
    let mut bytes = Vec::new();
    let outgoing = Outgoing { payload: text.as_bytes(), seconds, ..Outgoing::new(src, dst) };
    outgoing.encode_v3(&mut bytes).expect("a small packet");
    bytes
}

/// The call as a whole: busy, or a conversation of 20 s.
fn packets(call: usize) -> Vec<Vec<u8>> {
    let (ago, tag) = (300 + 17 * u32::try_from(call).expect("small"), ";tag=2");
    let uri = format!("sip:+4930{call}@example.com");
    let invite = packet(call, ago, &format!("INVITE {uri} SIP/2.0"), "1 INVITE", "");
    let ack = packet(call, ago - 1, &format!("ACK {uri} SIP/2.0"), "1 ACK", tag);
    if call.is_multiple_of(2) {
        return vec![invite, packet(call, ago - 1, "SIP/2.0 486 Busy Here", "1 INVITE", tag), ack];
    }
    vec![
        invite,
        packet(call, ago - 1, "SIP/2.0 200 OK", "1 INVITE", tag),
        ack,
        packet(call, ago - 21, &format!("BYE {uri} SIP/2.0"), "2 BYE", tag),
        packet(call, ago - 21, "SIP/2.0 200 OK", "2 BYE", tag),
    ]
}

fn send(server: &Server, packets: &[Vec<u8>]) {
    let before = server.ingest.counters().total.stored;
    server.send(&packets.iter().map(Vec::as_slice).collect::<Vec<_>>());
    server.wait_for(|total| total.stored == before + packets.len() as u64);
}

/// Waits until so many calls are told to their end, by so many rows, and no minute waits for its figures.
fn wait_for(server: &Server, calls: i64, rows: i64) {
    let started = Instant::now();
    loop {
        let told = server.count("SELECT count(DISTINCT id) FROM calls WHERE NOT is_open");
        let of_all = server.count("SELECT count(*) FROM calls");
        // Nothing is known before the first rows of a run, if nothing had settled in an earlier one.
        let waiting = server.store.minutes().map(|minutes| minutes.stale.len());
        if (told, of_all, waiting) == (calls, rows, Some(0)) {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "{told} of {calls} calls are over, by {of_all} rows of {rows}; {waiting:?} minutes wait"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The latest version of each minute.
const LATEST: &str = "(SELECT *, max(received) OVER (PARTITION BY ts) AS latest FROM kpi_1m) WHERE received = latest AND grouped_by =";

/// The last row of each call.
const CALLS: &str =
    "(SELECT *, max(judged) OVER (PARTITION BY id) AS latest FROM calls) WHERE judged = latest";

fn assert_alike(server: &Server) {
    for (of_minutes, of_calls) in [
        ("sum(attempts)", "count(*)"),
        ("sum(answered_calls)", "count(answered)"),
        ("sum(talk)", "sum(talk)"),
        ("sum(messages)", "sum(messages)"),
        ("count(DISTINCT ts)", "count(DISTINCT date_trunc('minute', ts))"),
    ] {
        let expected = server.count(&format!("SELECT {of_calls} FROM {CALLS}"));
        for by in ["all", "trunk", "prefix", "status"] {
            let told = server.count(&format!("SELECT {of_minutes} FROM {LATEST} '{by}'"));
            assert_eq!(told, expected, "{of_minutes} by {by}");
        }
    }
    for host in 0..3 {
        let told = server
            .count(&format!("SELECT sum(attempts) FROM {LATEST} 'trunk' AND src_ip = '192.0.2.{host}'"));
        let expected = server.count(&format!("SELECT count(*) FROM {CALLS} AND src_ip = '192.0.2.{host}'"));
        assert_eq!(told, expected, "from host {host}");
    }
}

#[test]
fn minutes_are_told_exactly_once_over_restarts() {
    let server = start(tempfile::tempdir().expect("a folder"));
    let (first, second): (Vec<usize>, Vec<usize>) = ((0..12).collect(), (12..20).collect());
    send(&server, &first.iter().flat_map(|call| packets(*call)).collect::<Vec<_>>());
    // Calls that are not over yet when the server crashes, some of them begun after rows settled.
    let opening: Vec<Vec<u8>> = second.iter().filter_map(|call| packets(*call).into_iter().next()).collect();
    let (early, late) = opening.split_at(4);
    send(&server, early);
    server.store.settle().expect("settled");
    send(&server, late);
    let server = start(server.crash());
    send(&server, &second.iter().flat_map(|call| packets(*call).into_iter().skip(1)).collect::<Vec<_>>());
    wait_for(&server, 20, 20);
    assert_alike(&server);

    // What comes late makes another row of a call that was told, and another version of its minute.
    let again = packet(4, 300, "SIP/2.0 486 Busy Here", "1 INVITE", ";tag=2");
    send(&server, &[again]);
    wait_for(&server, 20, 21);
    assert_alike(&server);
    let versions = server.count("SELECT count(DISTINCT received) FROM kpi_1m");
    assert!(versions > 1, "{versions}");

    // From the lake, and after a crash that comes before what was made since has settled.
    server.store.settle().expect("settled");
    let server = start(server.crash());
    wait_for(&server, 20, 21);
    assert_alike(&server);
    let server = start(server.crash());
    wait_for(&server, 20, 21);
    assert_alike(&server);
}
