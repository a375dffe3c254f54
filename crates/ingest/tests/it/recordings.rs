//! A recording of a real agent through the doors. (The whole corpus is compared value by value elsewhere.)

use std::io::Write;

use crate::server::Server;

/// The raw stream of a real Kamailio, replayed in the reads it came in.
#[test]
fn a_kamailio_stream_arrives_whole() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures/");
    let bytes = std::fs::read(format!("{folder}kamailio-hep3-tcp.tcp-1.bin")).expect("a fixture");
    let expected = count_of(&format!("{folder}kamailio-hep3-tcp.tcp-1.bin.expected.json"));
    let server = Server::start();
    for piece in [1, 7, 100, 1_460, 65_536] {
        let mut stream = server.connect();
        for part in bytes.chunks(piece) {
            stream.write_all(part).expect("bytes sent");
        }
    }
    let total = server.quiet(5 * expected);
    assert_eq!(total.stored, 5 * expected);
    assert_eq!(server.count("SELECT count(*) FROM messages") as u64, 5 * expected);
}

/// The `count` an independent reader found.
fn count_of(path: &str) -> u64 {
    let text = std::fs::read_to_string(path).expect("an expectation");
    let after = text.split("\"count\":").nth(1).expect("a count").trim_start();
    after
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .expect("a number")
}
