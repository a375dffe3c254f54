//! HAProxy, stunnel and their kind in front: they say whose connection it is, and are believed if they are on the list.

use std::io::{Read, Write};
use std::net::IpAddr;
use std::time::Duration;

use ingest::{Doors, IngestConfig, Network, Transport};

use crate::encrypted::Authority;
use crate::server::{Server, on, packet};

fn behind_a_proxy(transport: Transport, from: &str) -> Server {
    let proxies: Vec<Network> = vec![from.parse().expect("a network")];
    Server::start_with(|config| {
        config.listeners = vec![on(transport)];
        config.listeners[0].proxies = proxies;
        config.listeners[0].handshake_time_max = Duration::from_secs(1);
    })
}

fn version_2(command: u8, address: &str, port: u16) -> Vec<u8> {
    let ip: IpAddr = address.parse().expect("an address");
    let (family, mut body) = match ip {
        IpAddr::V4(ip) => (0x11, [ip.octets(), [10, 0, 0, 1]].concat()),
        IpAddr::V6(ip) => (0x21, [ip.octets(), [1; 16]].concat()),
    };
    body.extend(port.to_be_bytes());
    body.extend(9060_u16.to_be_bytes());
    let length = (body.len() as u16).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, family], &length, &body].concat()
}

impl Server {
    fn proxied(&self, transport: Transport, pieces: &[&[u8]]) {
        let mut stream = self.connect_to(transport);
        for piece in pieces {
            let _ = stream.write_all(piece);
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }

    fn senders_logged(&self) -> Vec<String> {
        self.logged().iter().map(|logged| logged.sender.to_string()).collect()
    }
}

#[test]
fn the_sender_is_who_the_proxy_says() {
    let server = behind_a_proxy(Transport::Tcp, "127.0.0.0/8");
    let line = b"PROXY TCP4 192.0.2.1 192.0.2.9 5065 9060\r\n";
    let tcp = Transport::Tcp;
    server.proxied(tcp, &[line, &packet("a"), &packet("b")]);
    server.proxied(tcp, &[&version_2(0x21, "2001:db8::7", 5066), &packet("c")]);
    // The proxy's own connection, to see whether we live, or to send something itself.
    server.proxied(tcp, &[&version_2(0x20, "192.0.2.1", 1), &packet("d")]);
    server.proxied(tcp, &[b"PROXY UNKNOWN\r\n", &packet("e")]);
    server.proxied(tcp, &[&version_2(0x20, "192.0.2.1", 1)]);
    // Byte by byte.
    let slowly = [line.as_slice(), &packet("f")].concat();
    server.proxied(tcp, &slowly.iter().map(std::slice::from_ref).collect::<Vec<_>>());
    assert_eq!(server.quiet(6).stored, 6);
    let mut senders = server.senders_logged();
    senders.sort();
    let own = senders.iter().filter(|sender| sender.starts_with("127.0.0.1:")).count();
    assert_eq!(own, 2, "{senders:?}");
    assert_eq!(senders[2..], ["192.0.2.1:5065", "192.0.2.1:5065", "192.0.2.1:5065", "[2001:db8::7]:5066"]);
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE sender = '192.0.2.1'"), 3);
    assert!(server.ingest.senders().iter().any(|sender| sender.sender.to_string() == "2001:db8::7"));
}

#[test]
fn without_a_header_with_a_broken_one_and_past_the_proxies() {
    let server = behind_a_proxy(Transport::Tcp, "127.0.0.1");
    server.proxied(Transport::Tcp, &[&packet("no header")]);
    server.proxied(Transport::Tcp, &[b"PROXY TCP4 nonsense\r\n", &packet("x")]);
    server.proxied(Transport::Tcp, &[b"PROXY TCP4 192.0"]);
    assert_eq!(server.quiet(3).refused["proxy_header"], 3);
    // Only starts a header: given up after a while.
    let mut stuck = server.connect();
    stuck.write_all(b"PROXY TCP4 192.0").expect("bytes sent");
    assert_eq!(stuck.read(&mut [0; 1]).unwrap_or(0), 0, "closed after a while");
    assert_eq!(server.quiet(4).refused["slow"], 1);

    let server = behind_a_proxy(Transport::Tcp, "192.0.2.0/24");
    server.proxied(Transport::Tcp, &[b"PROXY TCP4 192.0.2.1 192.0.2.9 5065 9060\r\n", &packet("forged")]);
    assert_eq!(server.quiet(1).refused["proxy_unknown"], 1);

    let server = Server::start();
    server.proxied(
        Transport::Tcp,
        &[b"PROXY TCP4 192.0.2.1 192.0.2.9 5065 9060\r\n", &packet("not asked for")],
    );
    server.proxied(Transport::Tcp, &[&version_2(0x21, "192.0.2.1", 1), &packet("not asked for")]);
    assert_eq!(server.quiet(2).refused["proxy_unexpected"], 2);
}

#[test]
fn places_are_those_of_the_true_sender() {
    let server = Server::start_with(|config| {
        config.listeners[1].proxies = vec!["127.0.0.1".parse().expect("a network")];
        config.listeners[1].connections_per_peer_max = 2;
    });
    let open = |address: &str, name: &str| {
        let mut stream = server.connect();
        stream.write_all(&version_2(0x21, address, 5060)).expect("bytes sent");
        let _ = stream.write_all(&packet(name));
        stream
    };
    let _held = [open("192.0.2.1", "a"), open("192.0.2.1", "b"), open("192.0.2.2", "c")];
    server.quiet(3);
    let mut third = open("192.0.2.1", "d");
    assert_eq!(third.read(&mut [0; 1]).unwrap_or(0), 0, "closed at once");
    let total = server.quiet(4);
    assert_eq!((total.stored, total.refused["too_many_of_peer"]), (3, 1));
}

#[test]
fn a_proxy_before_tls_http_and_websocket() {
    let authority = Authority::new("tests");
    let transports = [Transport::Tls, Transport::Http, Transport::Https];
    let server = Server::start_with(|config| {
        config.tls = Some(authority.tls());
        config.listeners = transports.map(on).into();
        for listener in &mut config.listeners {
            listener.proxies = vec!["127.0.0.1".parse().expect("a network")];
        }
    });
    let line = b"PROXY TCP4 192.0.2.1 192.0.2.9 5065 9060\r\n";
    let body = packet("x");
    let request = format!(
        "POST /hep HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [request.into_bytes(), body].concat();

    let mut stream = server.connect_to(Transport::Tls);
    stream.write_all(line).expect("bytes sent");
    authority.client().over(stream).write_all(&packet("over TLS")).expect("bytes sent");
    let mut stream = server.connect_to(Transport::Http);
    stream.write_all(&[line, request.as_slice()].concat()).expect("bytes sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut stream = server.connect_to(Transport::Https);
    stream.write_all(line).expect("bytes sent");
    let mut stream = authority.client().over(stream);
    stream.write_all(&request).expect("bytes sent");
    answer.clear();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(server.quiet(3).stored, 3);
    assert_eq!(server.senders_logged(), ["192.0.2.1:5065"; 3]);
    server.proxied(Transport::Http, &[&request]);
    assert_eq!(server.quiet(4).refused["proxy_header"], 1);
}

#[test]
fn there_is_no_proxy_protocol_without_connections() {
    let mut listener = on(Transport::Udp);
    listener.proxies = vec!["127.0.0.1".parse().expect("a network")];
    let config = IngestConfig { listeners: vec![listener], ..IngestConfig::default() };
    let error = Doors::open(config).expect_err("refused").to_string();
    assert!(error.contains("(udp): the PROXY protocol does not exist there"), "{error}");
}
