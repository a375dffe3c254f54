//! Peers that begin something and then say nothing more, neither more bytes nor goodbye: as after a crash, a cable that
//! was pulled, or on purpose. Their places come free, and others are served meanwhile.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ingest::{Counters, Transport};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::{WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::encrypted::Authority;
use crate::server::{Server, on, packet};
use crate::websocket;

/// Places a listener has, all taken by those who hang.
const PLACES: usize = 3;

/// How long the server waits for each of them.
const PATIENCE: Duration = Duration::from_millis(400);

fn start(transport: Transport, authority: &Authority) -> Server {
    Server::start_with(|config| {
        config.tls = Some(authority.tls());
        config.listeners = vec![on(transport)];
        config.listeners[0].connections_max = PLACES;
        config.listeners[0].packet_time_max = PATIENCE;
        config.listeners[0].handshake_time_max = PATIENCE;
        config.http_time_max = PATIENCE;
    })
}

/// Whether a good client gets its packet in.
fn is_served(server: &Server, transport: Transport, authority: &Authority) -> bool {
    let good = packet("good");
    let request = [
        format!("POST /hep HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", good.len()).into_bytes(),
        good.clone(),
    ]
    .concat();
    let mut plain = server.connect_to(transport);
    let before = server.ingest.counters().total.stored;
    let sent = match transport {
        Transport::Tcp => plain.write_all(&good),
        Transport::Http => plain.write_all(&request),
        Transport::Tls => authority.client().over(plain).write_all(&good),
        Transport::Https => authority.client().over(plain).write_all(&request),
        Transport::Ws => {
            let Some(mut socket) = websocket::try_open(plain, "/") else { return false };
            return socket.send(Message::Binary(good.into())).is_ok()
                && server.wait_for(|total| total.stored > before).stored > before;
        }
        _ => unreachable!("not tried here"),
    };
    // Refused for want of a place, it finds that out when it writes, or by the end of the stream.
    let started = Instant::now();
    while sent.is_ok() && started.elapsed() < Duration::from_secs(1) {
        if server.ingest.counters().total.stored > before {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Fills all places with peers that did `begin` and are silent from then on, and waits until a good client is served.
/// Those peers still hold on by then.
fn hang<P>(
    server: &Server,
    transport: Transport,
    authority: &Authority,
    mut begin: impl FnMut(TcpStream) -> P,
) {
    let slow = |total: &Counters| total.refused.get("slow").copied().unwrap_or(0);
    let before = slow(&server.ingest.counters().total);
    let hanging: Vec<P> = (0..PLACES).map(|_| begin(server.connect_to(transport))).collect();
    let started = Instant::now();
    while !is_served(server, transport, authority) {
        let total = server.ingest.counters().total;
        assert!(started.elapsed() < Duration::from_secs(120), "no place comes free: {transport} {total:?}");
    }
    // The good client may have found the place of an earlier one free: those that hang are let go all the same.
    if matches!(transport, Transport::Tcp | Transport::Tls) {
        server.wait_for(|total| slow(total) > before);
    }
    drop(hanging);
    let total = server.wait_for(|total| total.pending == 0);
    crate::server::assert_conserved(&server.ingest);
    let known = ["slow", "too_many_connections", "partial", "tls_failed"];
    assert!(total.refused.keys().all(|cause| known.contains(cause)), "{total:?}");
}

fn after(bytes: &'static [u8]) -> impl FnMut(TcpStream) -> TcpStream {
    move |mut stream| {
        stream.write_all(bytes).expect("bytes sent");
        stream
    }
}

const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

#[test]
fn part_of_a_packet() {
    let authority = Authority::new("tests");
    let server = start(Transport::Tcp, &authority);
    for bytes in [b"H".as_slice(), b"HEP3", b"HEP3\x01\x00\0\0\0\x01", b"\x1f\x8b\x08\0\0\0\0\0\0\0"] {
        hang(&server, Transport::Tcp, &authority, after(bytes));
    }
}

#[test]
fn part_of_a_tls_handshake_or_of_a_packet_after_it() {
    let authority = Authority::new("tests");
    let server = start(Transport::Tls, &authority);
    for bytes in [b"".as_slice(), b"\x16", HELLO] {
        hang(&server, Transport::Tls, &authority, after(bytes));
    }
    hang(&server, Transport::Tls, &authority, |stream| {
        let mut stream = authority.client().over(stream);
        stream.write_all(&packet("half")[..40]).expect("bytes sent");
        stream
    });
}

#[test]
fn part_of_a_request() {
    let authority = Authority::new("tests");
    for transport in [Transport::Http, Transport::Https] {
        let server = start(transport, &authority);
        if transport == Transport::Https {
            hang(&server, transport, &authority, after(HELLO));
        }
        for bytes in [
            b"".as_slice(),
            b"POST",
            b"POST /hep HTTP/1.1\r\nHost: x\r\nContent-Le",
            b"POST /hep HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nHEP3",
            b"POST /hep HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nHE",
            b"GET /hep HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgr",
        ] {
            hang(&server, transport, &authority, |stream| match transport {
                Transport::Https => {
                    let mut stream = authority.client().over(stream);
                    stream.write_all(bytes).expect("bytes sent");
                    Box::new(stream) as Box<dyn Write>
                }
                _ => Box::new(after(bytes)(stream)),
            });
        }
    }
}

#[test]
fn part_of_a_websocket() {
    let authority = Authority::new("tests");
    let server = start(Transport::Ws, &authority);
    hang(&server, Transport::Ws, &authority, after(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n"));
    // Nothing, half a frame header, half a frame, one fragment of two.
    for bytes in [b"".as_slice(), b"\x82", b"\x82\xfe\x01\x00\0\0\0\0HEP3", b"\x02\x84\0\0\0\0HEP3"] {
        hang(&server, Transport::Ws, &authority, |stream| {
            let mut socket = websocket::open(stream, "/");
            socket.get_mut().write_all(bytes).expect("bytes sent");
            socket
        });
    }
}

/// Who answers pings may be idle for as long as it likes.
#[test]
fn an_idle_websocket_that_answers_stays() {
    let authority = Authority::new("tests");
    let server = start(Transport::Ws, &authority);
    let mut socket = websocket::open(server.connect_to(Transport::Ws), "/");
    for _ in 0..4 {
        assert_eq!(socket.read().expect("it stays open"), Message::Ping(Bytes::new()));
        socket.flush().expect("an answer");
    }
    socket.send(Message::Binary(packet("after all").into())).expect("sent");
    assert_eq!(server.quiet(1).stored, 1);
}

/// Requests whose answers are never read: the answers fill the buffers of both kernels, then nothing moves.
#[test]
fn a_client_that_asks_and_never_reads_is_given_up() {
    let authority = Authority::new("tests");
    let server = start(Transport::Http, &authority);
    let request = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    hang(&server, Transport::Http, &authority, |mut stream| {
        stream.set_write_timeout(Some(Duration::from_millis(100))).expect("an option");
        while stream.write_all(&request).is_ok() {}
        stream
    });
}

/// Pings whose answers are never read cost no memory.
#[test]
fn pongs_that_nobody_reads_do_not_pile_up() {
    const SENT: usize = 96 << 20;
    let authority = Authority::new("tests");
    let server = start(Transport::Ws, &authority);
    let mut socket = websocket::open(server.connect_to(Transport::Ws), "/");
    let pings = {
        let mut bytes = Vec::new();
        let mut client =
            WebSocket::from_raw_socket(Recorder(&mut bytes), Role::Client, Some(WebSocketConfig::default()));
        for _ in 0..1_000 {
            client.send(Message::Ping(Bytes::from_static(&[7; 125]))).expect("recorded");
        }
        drop(client);
        bytes
    };
    let before = resident_bytes();
    for _ in 0..SENT / pings.len() {
        socket.get_mut().write_all(&pings).expect("the server reads on");
    }
    socket.send(Message::Binary(packet("after").into())).expect("sent");
    server.wait_for(|total| total.stored == 1);
    let more = resident_bytes().saturating_sub(before);
    assert!(more < SENT / 4, "{more} bytes more for {SENT} bytes of pings");
}

/// Takes what is written and has nothing to read.
struct Recorder<'a>(&'a mut Vec<u8>);

impl Read for Recorder<'_> {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Recorder<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Of this process, server and client.
pub(crate) fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is stated");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

/// Peers that are gone without a word, and owe nothing, are found by the kernel's own questions.
#[test]
fn the_kernel_asks_idle_peers_of_every_listener() {
    let authority = Authority::new("tests");
    for transport in [Transport::Tcp, Transport::Tls, Transport::Http, Transport::Ws] {
        let server = start(transport, &authority);
        let stream = server.connect_to(transport);
        // Only what the server has accepted has the option; it does so in its own time.
        let started = Instant::now();
        let asks_within = loop {
            match keep_alive_seconds(
                stream.peer_addr().expect("connected"),
                stream.local_addr().expect("connected"),
            ) {
                Some(seconds) => break seconds,
                None => assert!(started.elapsed() < Duration::from_secs(120), "{transport}: no keep-alive"),
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        assert!((30..=60).contains(&asks_within), "{transport}: {asks_within}");
    }
}

/// When the kernel asks the other side of this connection next, as proc(5) tells it: timer 2, in hundredths of a second.
fn keep_alive_seconds(from: SocketAddr, to: SocketAddr) -> Option<u64> {
    let port = |address: SocketAddr| format!(":{:04X}", address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let own = lines.find(|words| words[1].ends_with(&port(from)) && words[2].ends_with(&port(to)))?;
    let (timer, when) = own[5].split_once(':')?;
    (timer == "02").then(|| u64::from_str_radix(when, 16).expect("a number") / 100)
}
