//! The web server itself: HTTPS, requests that end in two places, clients that drip or hold on, many at once.

use std::io::{Read, Write};
use std::time::Duration;

use ingest::Transport;

use crate::encrypted::Authority;
use crate::server::{Server, on, packet};

fn start() -> Server {
    Server::start_with(|config| config.listeners = vec![on(Transport::Http)])
}

pub(crate) fn post(body: &[u8], headers: &str) -> Vec<u8> {
    [format!("POST /hep HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes(), body.to_vec()].concat()
}

/// What comes back for these bytes until the server closes.
pub(crate) fn answer(server: &Server, bytes: &[u8]) -> String {
    let mut stream = server.connect_to(Transport::Http);
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.1 ").skip(1).filter_map(|part| part.get(..3)).collect()
}

#[test]
fn https_takes_packets() {
    let authority = Authority::new("tests");
    let server = Server::start_with(|config| {
        config.tls = Some(authority.tls());
        config.listeners = vec![on(Transport::Https)];
    });
    let body = [packet("a"), packet("b")].concat();
    let request = post(&body, &format!("Connection: close\r\nContent-Length: {}\r\n", body.len()));
    for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
        let mut stream = authority.client().only(versions).connect(&server, Transport::Https);
        stream.write_all(&request).expect("bytes sent");
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert!(text.starts_with("HTTP/1.1 200 ") && text.contains(r#""accepted":2"#), "{text}");
    }
    assert_eq!(server.quiet(4).stored, 4);
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE listener = 'https'"), 4);
    // Plain HTTP there, and a handshake that goes wrong.
    let mut stream = server.connect_to(Transport::Https);
    stream.write_all(&request).expect("bytes sent");
    let _ = stream.read_to_end(&mut Vec::new());
    assert_eq!(server.quiet(5).refused["not_tls"], 1);
    let foreign = Authority::new("foreign");
    foreign.client().connect(&server, Transport::Https).write_all(b"x").expect_err("not trusted");
    assert_eq!(server.quiet(6).refused["tls_failed"], 1);
}

#[test]
fn requests_that_end_in_two_places_are_refused() {
    let server = start();
    let hidden = post(&packet("hidden"), &format!("Content-Length: {}\r\n", packet("hidden").len()));
    let length = hidden.len() + 5;
    // RFC 9112, sections 6.1 and 6.3, and what is tried against lenient parsers.
    for headers in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        "Content-Length: 5\r\nContent-Length: 6\r\n".to_owned(),
        "Content-Length: 5, 6\r\n".to_owned(),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: 0x5\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length : 5\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        "X: y\r\n Transfer-Encoding: chunked\r\n".to_owned(),
    ] {
        let body = [b"0\r\n\r\n".as_slice(), &hidden].concat();
        let answer = answer(&server, &post(&body, &headers));
        assert_eq!(statuses(&answer), ["400"], "{headers:?}: {answer}");
        assert!(!answer.contains("accepted\":1"), "{headers:?}: {answer}");
    }
    // Chunks whose size is none.
    for size in ["x", "0x5", "-1", "5;", "ffffffffffffffffff", ""] {
        let answer = answer(
            &server,
            &post(format!("{size}\r\nHEP30\r\n").as_bytes(), "Transfer-Encoding: chunked\r\n"),
        );
        assert!(statuses(&answer).iter().all(|status| status.starts_with('4')), "{size:?}: {answer}");
    }
    assert_eq!(server.ingest.counters().total.stored, 0, "nothing hidden came through");
    let body = packet("good");
    let good = |more: &str| post(&body, &format!("Content-Length: {}\r\n{more}", body.len()));
    let mut stream = server.connect_to(Transport::Http);
    stream.write_all(&[good(""), good("Connection: close\r\n")].concat()).expect("bytes sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answers");
    assert_eq!(statuses(&text), ["200", "200"], "one after another");
    assert_eq!(server.ingest.counters().total.stored, 2);
}

#[test]
fn headers_are_limited() {
    let server = start();
    let many: String = (0..2_000).map(|number| format!("x-{number}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(100_000));
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(100_000));
    for request in [post(b"", &many), post(b"", &long), path.into_bytes()] {
        // The answer is lost when it is given before all was sent.
        let refused = answer(&server, &request);
        assert!(matches!(statuses(&refused)[..], [] | ["400" | "414" | "431"]), "{refused}");
    }
    assert_eq!(statuses(&answer(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")), ["400"]);
}

#[test]
fn headers_that_drip_and_connections_without_a_request_are_given_up() {
    let server = Server::start_with(|config| {
        config.listeners = vec![on(Transport::Http)];
        config.listeners[0].packet_time_max = Duration::from_millis(400);
    });
    let mut idle = server.connect_to(Transport::Http);
    let mut dripping = server.connect_to(Transport::Http);
    dripping.write_all(b"POST /hep HTTP/1.1\r\nHost: x\r\n").expect("bytes sent");
    let fed = std::thread::spawn(move || {
        let mut fed = 0;
        while fed < 500 && dripping.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
            fed += 1;
        }
        fed
    });
    let body = packet("meanwhile");
    let good = post(&body, &format!("Connection: close\r\nContent-Length: {}\r\n", body.len()));
    let mut stream = server.connect_to(Transport::Http);
    stream.write_all(&good).expect("bytes sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    // Closed by the server, or these would wait for longer than a test may.
    let _ = idle.read_to_end(&mut Vec::new());
    assert!(fed.join().expect("no panic") < 500);
    assert_eq!(server.quiet(1).stored, 1);
}

#[test]
fn connections_to_the_web_are_limited_in_all_and_by_peer() {
    let server = Server::start_with(|config| {
        config.listeners = vec![on(Transport::Http), on(Transport::Http)];
        config.listeners[0].connections_max = 2;
        config.listeners[1].connections_per_peer_max = 2;
    });
    for (place, cause) in [(0, "too_many_connections"), (1, "too_many_of_peer")] {
        let address = server.ingest.bound()[place].address;
        let connect = || std::net::TcpStream::connect(address).expect("a stream");
        let mut held = [connect(), connect()];
        for stream in &mut held {
            stream.write_all(b"POST /hep HTTP/1.1\r\n").expect("bytes sent");
        }
        // Accepted in the order they came.
        let mut third = connect();
        assert_eq!(third.read(&mut [0; 1]).unwrap_or(0), 0, "closed at once");
        let listeners = server.ingest.counters().listeners;
        assert_eq!(listeners[place].counters.refused[cause], 1);
    }
}

#[test]
fn a_request_on_its_way_is_answered_at_a_stop() {
    let server = start();
    let body = packet("x");
    let request = post(&body, &format!("Content-Length: {}\r\n", body.len()));
    let (first, rest) = request.split_at(request.len() - 20);
    let mut stream = server.connect_to(Transport::Http);
    stream.write_all(first).expect("bytes sent");
    // It is being served once a second connection, accepted after it, has been.
    assert_eq!(statuses(&answer(&server, b"GET /hep HTTP/1.1\r\nHost: x\r\n\r\n")), ["426"]);
    std::thread::scope(|scope| {
        scope.spawn(|| server.ingest.shutdown());
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(rest).expect("bytes sent");
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    });
    assert_eq!(server.quiet(1).stored, 1);
}
