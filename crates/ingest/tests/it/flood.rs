//! Many connections at once, and those that do nothing with theirs: bounded, counted, and others are served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ingest::Transport;

use crate::server::{Server, packet};

/// Whether the server has closed it.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(1))).expect("an option");
    match stream.read(&mut [0; 1]) {
        Ok(count) => count == 0,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

#[test]
fn very_many_connections_of_one_peer_leave_places_for_others() {
    const TRIED: u64 = 5_000;
    let server = Server::start_with(|config| {
        config.listeners[1].connections_max = 100;
        config.listeners[1].connections_per_peer_max = 20;
    });
    // Another peer on the same machine: loopback has more addresses than one.
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let from: std::net::SocketAddr = "127.0.0.2:0".parse().expect("an address");
    other.bind(&from.into()).expect("an address of loopback");

    let mut held = Vec::new();
    for _ in 0..TRIED {
        let stream = TcpStream::connect(server.at(Transport::Tcp)).expect("a stream");
        if held.len() < 50 {
            held.push(stream);
        }
    }
    let total =
        server.wait_for(|total| total.refused.get("too_many_of_peer").is_some_and(|count| *count > 0));
    assert_eq!(total.refused.len(), 1, "{total:?}");
    other.connect(&server.at(Transport::Tcp).into()).expect("a stream");
    let mut other = TcpStream::from(other);
    other.write_all(&packet("of another")).expect("bytes sent");
    server.wait_for(|total| total.stored == 1);
    held.iter_mut().skip(20).for_each(|stream| assert!(is_closed(stream)));
    drop(held);
    server.ingest.shutdown();
    let total = server.ingest.counters().total;
    assert!((TRIED - 60..=TRIED).contains(&total.refused["too_many_of_peer"]), "{total:?}");
    crate::server::assert_conserved(&server.ingest);
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

#[test]
fn sixty_four_kilobytes_of_every_field() {
    let server = Server::start();
    let address = "192.0.2.1:5060".parse().expect("an address");
    let most = vec![b'f'; 65_000];
    let plain = || hep::Outgoing::new(address, address);
    let fields = [
        hep::Outgoing { payload: &most, ..plain() },
        hep::Outgoing { key: Some(&most), ..plain() },
        hep::Outgoing { node: Some(&most), ..plain() },
        hep::Outgoing { correlation_id: Some(&most), ..plain() },
    ];
    let mut stream = server.connect();
    for outgoing in fields {
        let mut bytes = Vec::new();
        outgoing.encode_v3(&mut bytes).expect("it fits");
        server.send(&[&bytes, &packet("after")]);
        stream.write_all(&bytes).expect("bytes sent");
        stream.write_all(&packet("after")).expect("bytes sent");
    }
    // Of every chunk there is, known or not: type, then a length of 65,535 - 6.
    for chunk in 0..0x40_u16 {
        let mut bytes = b"HEP3\xff\xff\0\0".to_vec();
        bytes.extend(chunk.to_be_bytes());
        bytes.extend((65_535 - 6_u16).to_be_bytes());
        bytes.resize(65_535, b'9');
        stream.write_all(&bytes).expect("bytes sent");
        stream.write_all(&packet("after")).expect("bytes sent");
    }
    drop(stream);
    let total = server.quiet(16 + 128);
    assert_eq!(total.stored + total.dropped.values().sum::<u64>(), 16 + 128, "{total:?}");
    let after = server.frames().iter().filter(|frame| **frame == packet("after")).count();
    assert_eq!(after, 8 + 64, "every neighbour came through");
    assert_eq!(server.count("SELECT count(*) FROM messages") as u64, total.stored);
}
