//! HEP over WebSocket: on a port of its own and on the web's, plain and over TLS; case 5 of the must-survive list.

use std::io::{Read, Write};
use std::net::TcpStream;

use ingest::{IngestConfig, Transport};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::encrypted::Authority;
use crate::server::{Server, keyed, on, packet};

fn start(configure: impl FnOnce(&mut IngestConfig)) -> Server {
    Server::start_with(|config| {
        config.listeners = vec![on(Transport::Ws)];
        configure(config);
    })
}

/// Shakes hands (RFC 6455, section 4.1) and returns the socket.
pub(crate) fn open<S: Read + Write>(stream: S, path: &str) -> WebSocket<S> {
    try_open(stream, path).expect("a place")
}

/// The same; `None` if the server closes at once.
pub(crate) fn try_open<S: Read + Write>(mut stream: S, path: &str) -> Option<WebSocket<S>> {
    stream.write_all(&handshake(path, "")).ok()?;
    let mut first = [0];
    stream.read_exact(&mut first).ok()?;
    let answer = head(&mut stream);
    assert!(answer.starts_with("TTP/1.1 101 "), "{answer}");
    // The answer to the key that the RFC uses as its example (section 1.3).
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    Some(WebSocket::from_raw_socket(stream, Role::Client, None))
}

fn handshake(path: &str, more: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: collector:9062\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
    .into_bytes()
}

/// Status line and headers.
fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("an answer") == 1 {
        head.extend_from_slice(&byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn client(server: &Server) -> WebSocket<TcpStream> {
    open(server.connect_to(Transport::Ws), "/")
}

fn binary(bytes: &[u8]) -> Message {
    Message::Binary(Bytes::copy_from_slice(bytes))
}

fn fragment(bytes: &[u8], code: OpCode, is_last: bool) -> Message {
    Message::Frame(Frame::message(Bytes::copy_from_slice(bytes), code, is_last))
}

/// Code and reason of the goodbye that comes, after whatever else.
fn goodbye<S: Read + Write>(socket: &mut WebSocket<S>) -> (CloseCode, String) {
    loop {
        match socket.read().expect("a goodbye") {
            Message::Close(Some(frame)) => return (frame.code, frame.reason.to_string()),
            Message::Close(None) => panic!("a goodbye without a reason"),
            _ => {}
        }
    }
}

#[test]
fn messages_of_one_packet_and_of_many() {
    let server = start(|_| {});
    let mut socket = client(&server);
    socket.send(binary(&packet("a"))).expect("sent");
    socket.send(binary(&[packet("b"), packet("c")].concat())).expect("sent");
    socket.close(None).expect("a goodbye");
    while socket.read().is_ok() {}
    assert_eq!(server.quiet(3).stored, 3);
    assert_eq!(server.frames(), [packet("a"), packet("b"), packet("c")]);
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE listener = 'ws'"), 3);
}

#[test]
fn the_webs_own_ports_take_it_too_plain_and_encrypted() {
    let authority = Authority::new("tests");
    let server = start(|config| {
        config.tls = Some(authority.tls());
        config.listeners = [Transport::Wss, Transport::Http, Transport::Https].map(on).into();
    });
    for transport in [Transport::Wss, Transport::Https] {
        let mut socket = open(authority.client().connect(&server, transport), "/hep");
        socket.send(binary(&packet("encrypted"))).expect("sent");
    }
    let mut socket = open(server.connect_to(Transport::Http), "/hep");
    socket.send(binary(&packet("plain"))).expect("sent");
    assert_eq!(server.quiet(3).stored, 3);
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE listener = 'wss'"), 2);
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE listener = 'ws'"), 1);
    let listeners = server.ingest.counters().listeners;
    let stored: Vec<(&str, u64)> =
        listeners.iter().map(|listener| (listener.name.as_str(), listener.counters.stored)).collect();
    assert_eq!(stored, [("wss", 1), ("http", 1), ("https", 1)], "counted where they came in");
}

#[test]
fn case_5_fragments_with_a_ping_between_them() {
    let server = start(|_| {});
    let mut socket = client(&server);
    let whole = [packet("a"), packet("b")].concat();
    let (first, rest) = whole.split_at(50);
    let (second, third) = rest.split_at(100);
    socket.send(fragment(first, OpCode::Data(Data::Binary), false)).expect("sent");
    socket.send(Message::Ping(Bytes::from_static(b"are you there"))).expect("sent");
    socket.send(fragment(second, OpCode::Data(Data::Continue), false)).expect("sent");
    socket.send(fragment(third, OpCode::Data(Data::Continue), true)).expect("sent");
    assert_eq!(socket.read().expect("a pong"), Message::Pong(Bytes::from_static(b"are you there")));
    assert_eq!(server.quiet(2).stored, 2);
    assert_eq!(server.frames(), [packet("a"), packet("b")]);
}

#[test]
fn case_5_text_is_refused_with_a_reason() {
    let server = start(|_| {});
    let mut socket = client(&server);
    socket.send(binary(&packet("before"))).expect("sent");
    socket.send(Message::Text("HEP3".into())).expect("sent");
    let (code, reason) = goodbye(&mut socket);
    assert_eq!((code, reason.as_str()), (CloseCode::Unsupported, "send HEP packets as binary messages"));
    let total = server.quiet(2);
    assert_eq!((total.stored, total.refused["websocket_text"]), (1, 1));
}

#[test]
fn case_5_frames_that_are_none() {
    let server = start(|_| {});
    // Unmasked (section 5.1), reserved bits (5.2), an unknown opcode, a fragmented ping (5.5), a continuation of nothing.
    for frame in [
        b"\x82\x04HEP3".as_slice(),
        b"\xf2\x84\0\0\0\0HEP3",
        b"\x83\x84\0\0\0\0HEP3",
        b"\x09\x80\0\0\0\0",
        b"\x80\x84\0\0\0\0HEP3",
    ] {
        let mut socket = client(&server);
        socket.get_mut().write_all(frame).expect("bytes sent");
        assert_eq!(goodbye(&mut socket).0, CloseCode::Protocol, "{frame:?}");
    }
    assert_eq!(server.quiet(5).refused["websocket_frame"], 5);
}

#[test]
fn case_5_messages_larger_than_a_packet_and_larger_than_allowed() {
    let server = start(|_| {});
    let mut socket = client(&server);
    // Over 64 KiB in one frame: many packets.
    let packets: Vec<Vec<u8>> = (0..500).map(|number| packet(&format!("call-{number}"))).collect();
    let whole = packets.concat();
    assert!(whole.len() > 100_000);
    socket.send(binary(&whole)).expect("sent");
    assert_eq!(server.quiet(500).stored, 500);
    // A frame, and fragments together, of more than a message may have. Only what is announced counts.
    let announced = [b"\x82\xff".as_slice(), &u64::MAX.to_be_bytes()[..], &[0; 4]].concat();
    let mut announcing = client(&server);
    announcing.get_mut().write_all(&announced).expect("bytes sent");
    let _ = announcing.read();
    for (large, more) in [(300_000, 0), (200_000, 200_000)] {
        let mut socket = client(&server);
        let _ = socket.send(fragment(&vec![0; large], OpCode::Data(Data::Binary), more == 0));
        if more > 0 {
            let _ = socket.send(fragment(&vec![0; more], OpCode::Data(Data::Continue), true));
        }
        // The goodbye may be lost when the server closes with bytes unread.
        while socket.read().is_ok() {}
    }
    let total = server.wait_for(|total| total.received >= 503 && total.pending == 0);
    assert_eq!(total.refused.values().sum::<u64>(), 3, "{total:?}");
    assert!(total.refused["too_large"] >= 2, "{total:?}");
}

#[test]
fn case_5_a_close_in_the_middle_and_a_connection_that_just_ends() {
    let server = start(|_| {});
    let mut socket = client(&server);
    socket.send(fragment(&packet("half")[..40], OpCode::Data(Data::Binary), false)).expect("sent");
    socket.close(None).expect("a goodbye");
    while socket.read().is_ok() {}
    let mut socket = client(&server);
    socket.send(binary(&packet("whole"))).expect("sent");
    drop(socket);
    let mut socket = client(&server);
    socket.send(binary(&packet("another"))).expect("sent");
    assert_eq!(server.quiet(2).stored, 2);
}

#[test]
fn garbage_and_keys_in_messages() {
    let server = start(|config| config.keys = vec![b"key".to_vec()]);
    let mut socket = client(&server);
    socket.send(binary(b"no HEP at all")).expect("sent");
    socket.send(binary(b"")).expect("sent");
    socket.send(binary(&packet("no key"))).expect("sent");
    socket.send(binary(&keyed("good", Some(b"key")))).expect("sent");
    let total = server.quiet(4);
    assert_eq!(total.stored, 1);
    assert_eq!((total.refused["not_hep"], total.refused["empty"], total.refused["key_missing"]), (1, 1, 1));
}

#[test]
fn handshakes_that_are_none() {
    let server = start(|_| {});
    let answer = |request: &[u8]| {
        let mut stream = server.connect_to(Transport::Ws);
        stream.write_all(request).expect("bytes sent");
        head(&mut stream)
    };
    let good = String::from_utf8(handshake("/", "")).expect("text");
    assert!(answer(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 426 "));
    assert!(answer(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").starts_with("HTTP/1.1 426 "));
    let old = answer(good.replace("Version: 13", "Version: 8").as_bytes());
    assert!(old.starts_with("HTTP/1.1 426 ") && old.contains("sec-websocket-version: 13"), "{old}");
    assert!(
        answer(good.replace("dGhlIHNhbXBsZSBub25jZQ==", "short").as_bytes()).starts_with("HTTP/1.1 400 ")
    );
    assert!(answer(&packet("plain HEP")).starts_with("HTTP/1.1 400 "));
    server.quiet(0);
}

#[test]
fn pages_of_other_sites_may_not_send_without_a_key() {
    let server = start(|config| {
        let mut keyed = on(Transport::Ws);
        keyed.keys = Some(vec![b"key".to_vec()]);
        config.listeners.push(keyed);
    });
    for (place, origin, expected) in [
        (0, "https://evil.example", "403"),
        (0, "http://collector:9062", "101"),
        (1, "https://evil.example", "101"),
    ] {
        let mut stream = TcpStream::connect(server.ingest.bound()[place].address).expect("a stream");
        stream.write_all(&handshake("/", &format!("Origin: {origin}\r\n"))).expect("bytes sent");
        let answer = head(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{place} {origin}: {answer}");
    }
}

#[test]
fn a_stop_says_goodbye() {
    let server = start(|_| {});
    let mut socket = client(&server);
    socket.send(binary(&packet("before"))).expect("sent");
    server.quiet(1);
    std::thread::scope(|scope| {
        scope.spawn(|| server.ingest.shutdown());
        assert_eq!(goodbye(&mut socket).0, CloseCode::Away);
    });
    assert_eq!(server.quiet(1).stored, 1);
}
