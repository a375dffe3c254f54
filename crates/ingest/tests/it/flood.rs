//! Many connections at once, and those that do nothing with theirs: bounded, counted, and others are served.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ingest::Transport;

use crate::half_open::resident_bytes;
use crate::server::{Server, on, packet};

/// A connection from this address of loopback, which has many.
fn connect_from(source: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((source, 0)).into()).expect("an address of loopback");
    socket.connect(&to.into()).expect("a stream");
    socket.into()
}

/// What this process, server and attackers, has of the system.
#[derive(Debug)]
struct Taken {
    threads: usize,
    descriptors: usize,
    bytes: usize,
}

impl Taken {
    fn now() -> Self {
        let count = |folder: &str| std::fs::read_dir(folder).expect("Linux").count();
        Self {
            threads: count("/proc/self/task"),
            descriptors: count("/proc/self/fd"),
            bytes: resident_bytes(),
        }
    }
}

/// Addresses that attack.
const ATTACKERS: u32 = 80;

/// Places of each; together they leave some to others.
const PLACES_OF_PEER: usize = 1;

const PLACES: usize = 100;

/// So many connections are tried by many peers, each of which holds on to all places it gets. Others are served before,
/// meanwhile and afterwards, all that was refused is counted, and what the server takes of the system stays bounded.
fn withstand(transport: Transport, tried: u64) {
    let server = Server::start_with(|config| {
        config.listeners = vec![on(transport)];
        config.listeners[0].connections_max = PLACES;
        config.listeners[0].connections_per_peer_max = PLACES_OF_PEER;
        config.listeners[0].packet_time_max = Duration::from_secs(600);
    });
    let to = server.at(transport);
    let good = packet("good");
    let request = format!(
        "POST /hep HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        good.len()
    );
    let serve = |stored: u64| {
        let mut stream = server.connect_to(transport);
        if transport == Transport::Http {
            stream.write_all(request.as_bytes()).expect("bytes sent");
        }
        stream.write_all(&good).expect("bytes sent");
        if transport == Transport::Tcp {
            stream.shutdown(std::net::Shutdown::Write).expect("said");
        }
        // Gone only when the server has let it go: the next one finds its place free.
        let _ = stream.read_to_end(&mut Vec::new());
        server.wait_for(|total| total.stored == stored);
    };
    serve(1);
    let before = Taken::now();
    let started = Instant::now();
    let attacker = |number: u64| Ipv4Addr::from_bits(0x7f01_0001 + (number % u64::from(ATTACKERS)) as u32);
    let held: Vec<TcpStream> = (0..u64::from(ATTACKERS) * PLACES_OF_PEER as u64)
        .map(|number| {
            let mut stream = connect_from(attacker(number), to);
            stream
                .write_all(if transport == Transport::Http { b"POST" } else { b"HEP3" })
                .expect("bytes sent");
            stream
        })
        .collect();
    let mut served = 1;
    let steps = 20;
    for step in 1..=steps {
        for number in 0..tried / steps {
            drop(connect_from(attacker(number), to));
        }
        served += 1;
        serve(served);
        let now = Taken::now();
        // Each has a thread, or none; and a descriptor at both ends. Memory: a buffer for each, and what the allocator
        // keeps.
        assert!(now.threads <= before.threads + PLACES, "{step}: {before:?}, {now:?}");
        assert!(now.descriptors <= before.descriptors + 2 * PLACES, "{step}: {before:?}, {now:?}");
        assert!(now.bytes <= before.bytes + (64 << 20), "{step}: {before:?}, {now:?}");
    }
    let took = started.elapsed();
    let last = Taken::now();
    drop(held);
    served += 1;
    serve(served);
    server.ingest.shutdown();
    let total = server.ingest.counters().total;
    eprintln!("{transport}: {tried} in {took:.1?}; {before:?}, then {last:?}; {total:?}");
    let refused = total.refused["too_many_of_peer"];
    // A connection whose end overtakes its acceptance is never seen; all others are.
    assert!((tried * 9 / 10..=tried).contains(&refused), "{total:?}");
    crate::server::assert_conserved(&server.ingest);
}

/// So many for each transport: `RHAPSODE_CONNECTIONS=1000000` takes a minute where nothing else runs.
const TRIED: u64 = 20_000;

#[test]
fn very_many_connections_leave_places_for_others() {
    let tried = std::env::var("RHAPSODE_CONNECTIONS")
        .map_or(TRIED, |number| number.parse().expect("RHAPSODE_CONNECTIONS is a number"));
    withstand(Transport::Tcp, tried);
    withstand(Transport::Http, tried);
}

#[test]
fn connections_that_drip_or_hang_do_not_stop_others() {
    let server = Server::start_with(|config| {
        config.listeners[1].packet_time_max = Duration::from_millis(400);
    });
    let bytes = packet("drip");
    let hanging: Vec<TcpStream> = (0..50)
        .map(|number| {
            let mut stream = server.connect();
            stream.write_all(&bytes[..6 + number]).expect("bytes sent");
            stream
        })
        .collect();
    // One byte every fifty milliseconds: always something, never a packet in time.
    let mut dripping = server.connect();
    let fed = std::thread::spawn(move || {
        let mut fed = 0;
        while fed < bytes.len() && dripping.write_all(&bytes[fed..=fed]).is_ok() {
            std::thread::sleep(Duration::from_millis(50));
            fed += 1;
        }
        fed
    });
    for number in 0..100 {
        server.stream(&[&packet(&format!("good-{number}"))]);
    }
    let total = server.quiet(151);
    assert_eq!((total.stored, total.refused["slow"]), (100, 51));
    assert!(fed.join().expect("no panic") < packet("drip").len(), "closed before it was done");
    drop(hanging);
}
