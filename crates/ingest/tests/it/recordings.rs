//! Recordings of real agents through every door that can carry them. (What the packets say is compared value by value
//! elsewhere; here, that each arrives as it was sent.)

use std::io::Write;
use std::path::PathBuf;

use ingest::Transport;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::encrypted::Authority;
use crate::server::{Server, on};
use crate::{sctp, websocket};

/// A recorded stream and its packets.
struct Stream {
    name: &'static str,
    bytes: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

/// The streams that travel with the repository, and those beside it.
fn streams() -> Vec<Stream> {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures");
    let shared = std::env::var("RHAPSODE_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let names = [
        (PathBuf::from(fixtures), "kamailio-hep3-tcp.tcp-1.bin"),
        (PathBuf::from(fixtures), "kamailio-hep3-tls.tls-1.bin"),
        (PathBuf::from(&shared).join("corpus"), "opensips-hep3-tcp.tcp-1.bin"),
    ];
    let mut streams = Vec::new();
    for (folder, name) in names {
        let Ok(bytes) = std::fs::read(folder.join(name)) else {
            assert!(!folder.ends_with("fixtures"), "{name} is missing");
            eprintln!("SKIPPED: {name}: not in {} (set RHAPSODE_SHARED)", folder.display());
            continue;
        };
        let expected = count_of(&folder.join(format!("{name}.expected.json")));
        let frames = cut(&bytes);
        assert_eq!(frames.len(), expected, "{name}");
        streams.push(Stream { name, bytes, frames });
    }
    streams
}

/// HEPv3 says how long it is: an id of four bytes, then the length of all.
fn cut(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
        frames.push(bytes[..length].to_vec());
        bytes = &bytes[length..];
    }
    frames
}

fn assert_arrived(server: &Server, stream: &Stream, times: usize) {
    let count = stream.frames.len() * times;
    let total = server.quiet(count as u64);
    assert_eq!(total.stored, count as u64, "{}: {total:?}", stream.name);
    let frames = server.frames();
    for round in frames.chunks(stream.frames.len()) {
        assert!(round == stream.frames, "{}: not what was sent", stream.name);
    }
    assert_eq!(server.count("SELECT count(*) FROM messages") as usize, count);
}

const PIECES: [usize; 4] = [7, 100, 1_460, 65_536];

#[test]
fn recorded_streams_over_tcp() {
    for stream in streams() {
        let server = Server::start();
        for (round, piece) in (1..).zip(PIECES) {
            let mut connection = server.connect();
            stream.bytes.chunks(piece).for_each(|part| connection.write_all(part).expect("bytes sent"));
            drop(connection);
            server.quiet(round * stream.frames.len() as u64);
        }
        assert_arrived(&server, &stream, PIECES.len());
    }
}

#[test]
fn recorded_streams_over_tls() {
    let authority = Authority::new("tests");
    for stream in streams() {
        let server = Server::start_with(|config| {
            config.tls = Some(authority.tls());
            config.listeners = vec![on(Transport::Tls)];
        });
        for (round, piece) in (1..).zip(PIECES) {
            let mut connection = authority.client().connect(&server, Transport::Tls);
            stream.bytes.chunks(piece).for_each(|part| connection.write_all(part).expect("bytes sent"));
            drop(connection);
            server.quiet(round * stream.frames.len() as u64);
        }
        assert_arrived(&server, &stream, PIECES.len());
    }
}

#[test]
fn recorded_streams_over_websocket_plain_and_encrypted() {
    let authority = Authority::new("tests");
    for stream in streams() {
        let server = Server::start_with(|config| {
            config.tls = Some(authority.tls());
            config.listeners = [Transport::Ws, Transport::Wss].map(on).into();
        });
        // One packet a message, then a dozen.
        let mut socket = websocket::open(server.connect_to(Transport::Ws), "/");
        for frame in &stream.frames {
            socket.send(Message::Binary(Bytes::copy_from_slice(frame))).expect("sent");
        }
        server.quiet(stream.frames.len() as u64);
        let mut socket = websocket::open(authority.client().connect(&server, Transport::Wss), "/");
        for frames in stream.frames.chunks(12) {
            socket.send(Message::Binary(Bytes::from(frames.concat()))).expect("sent");
        }
        assert_arrived(&server, &stream, 2);
    }
}

#[test]
fn recorded_streams_over_http_and_https() {
    use std::io::Read;
    let authority = Authority::new("tests");
    for stream in streams() {
        let server = Server::start_with(|config| {
            config.tls = Some(authority.tls());
            config.listeners = [Transport::Http, Transport::Https].map(on).into();
        });
        let length = stream.bytes.len();
        let head =
            format!("POST /hep HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        let request = [head.as_bytes(), &stream.bytes].concat();
        let accepted = format!("\"accepted\":{},", stream.frames.len());
        let mut plain = server.connect_to(Transport::Http);
        let mut encrypted = authority.client().connect(&server, Transport::Https);
        let mut answer = String::new();
        plain.write_all(&request).expect("bytes sent");
        let _ = plain.read_to_string(&mut answer);
        assert!(answer.contains(&accepted), "{answer}");
        answer.clear();
        encrypted.write_all(&request).expect("bytes sent");
        let _ = encrypted.read_to_string(&mut answer);
        assert!(answer.contains(&accepted), "{answer}");
        assert_arrived(&server, &stream, 2);
    }
}

#[test]
fn recorded_streams_over_sctp() {
    for stream in streams() {
        let Some(server) = sctp::start() else { return };
        let mut socket = sctp::connect(&server);
        stream.frames.iter().for_each(|frame| socket.write_all(frame).expect("a message sent"));
        drop(socket);
        assert_arrived(&server, &stream, 1);
    }
}

/// The `count` an independent reader found.
fn count_of(path: &std::path::Path) -> usize {
    let text = std::fs::read_to_string(path).expect("an expectation");
    let after = text.split("\"count\":").nth(1).expect("a count").trim_start();
    after
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .expect("a number")
}
