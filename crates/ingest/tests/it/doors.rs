//! What comes in by each door arrives whole, once and in order.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::server::{Server, assert_conserved, config, keyed, legacy, packet};
use ingest::{Ingest, IngestConfig, IngestError, ListenerConfig, Transport};

#[test]
fn udp_packets_of_all_versions_become_rows() {
    let server = Server::start();
    server.send(&[&packet("three"), &legacy("one", 1), &legacy("two", 2)]);
    assert_eq!(server.quiet(3).stored, 3);
    assert_eq!(server.frames(), [packet("three"), legacy("one", 1), legacy("two", 2)]);
    assert_eq!(server.count("SELECT count(*) FROM messages WHERE sender = '127.0.0.1'"), 3);
    assert_eq!(server.count("SELECT count(*) FROM messages WHERE call_id = 'one' AND hep_version = 1"), 1);
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE call_id = 'two' AND listener = 'udp'"), 1);
}

#[test]
fn udp_over_ipv6_and_ipv4_on_one_socket() {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    }
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let server = Server::start_with(|config| {
        config.listeners.iter_mut().for_each(|listener| listener.address = any);
    });
    let port = server.udp().port();
    for (from, to) in [
        (IpAddr::from(Ipv6Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)),
        (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()),
    ] {
        let socket = UdpSocket::bind((from, 0)).expect("a socket");
        socket.send_to(&packet("x"), (to, port)).expect("a datagram sent");
        let tcp = server.at(Transport::Tcp).port();
        let mut stream = std::net::TcpStream::connect((to, tcp)).expect("a stream");
        stream.write_all(&packet("y")).expect("bytes sent");
    }
    server.quiet(4);
    let mut senders: Vec<IpAddr> = server.logged().iter().map(|logged| logged.sender.ip()).collect();
    senders.sort();
    let (v4, v6) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
    assert_eq!(senders, [v4, v4, v6, v6], "an IPv4 sender is shown as one, not as ::ffff:127.0.0.1");
}

#[test]
fn many_packets_in_one_datagram_and_in_many() {
    let server = Server::start();
    let names: Vec<String> = (0..2_000).map(|number| format!("call-{number}")).collect();
    let packets: Vec<Vec<u8>> = names.iter().map(|name| packet(name)).collect();
    for chunk in packets.chunks(50) {
        server.send(&[&chunk.concat()]);
    }
    assert_eq!(server.quiet(2_000).stored, 2_000);
    assert_eq!(server.frames(), packets);
    assert_eq!(server.count("SELECT count(DISTINCT call_id) FROM messages"), 2_000);
}

#[test]
fn the_largest_packets_and_the_smallest() {
    let server = Server::start();
    let address = "192.0.2.1:5060".parse().expect("an address");
    let payload = vec![b'x'; 65_000];
    let mut large = Vec::new();
    let outgoing = hep::Outgoing { payload: &payload, ..hep::Outgoing::new(address, address) };
    outgoing.encode_v3(&mut large).expect("it fits");
    // A header and one chunk with an empty body, five thousand times.
    let small = b"HEP3\0\x0c\0\0\0\x0f\0\x06".repeat(5_000);
    server.send(&[&large, &small, &large]);
    assert_eq!(server.quiet(5_002).stored, 5_002);
    let frames = server.frames();
    assert_eq!((&frames[0], &frames[5_001]), (&large, &large));
    assert_eq!(server.count("SELECT count(*) FROM messages"), 5_002);
}

#[test]
fn what_the_kernel_drops_is_counted() {
    const SENT: u64 = 20_000;
    let server = Server::start_with(|config| config.udp_buffer_bytes = 4_096);
    let payload = [b'x'; 4_000];
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = "192.0.2.1:5060".parse().expect("an address");
    let mut bytes = Vec::new();
    let outgoing = hep::Outgoing { payload: &payload, ..hep::Outgoing::new(address, address) };
    outgoing.encode_v3(&mut bytes).expect("it fits");
    for _ in 0..SENT {
        socket.send_to(&bytes, server.udp()).expect("a datagram sent");
    }
    // Without another datagram, and though the last ones may have been dropped.
    let total = server.quiet(SENT);
    let dropped = total.dropped.get("kernel").copied().unwrap_or(0);
    assert!(dropped > 0, "a buffer of two datagrams holds them all? {total:?}");
    assert_eq!(total.stored + dropped, SENT);
}

#[test]
fn tcp_byte_at_a_time_and_cut_anywhere() {
    let server = Server::start();
    let packets = [packet("a"), packet("b"), packet("c")];
    let stream = packets.concat();
    let mut connection = server.connect();
    for byte in &stream {
        connection.write_all(&[*byte]).expect("a byte sent");
    }
    drop(connection);
    assert_eq!(server.quiet(3).stored, 3);
    for cut in (1..stream.len()).step_by(7) {
        server.stream(&[&stream[..cut], &stream[cut..]]);
    }
    let connections = (1..stream.len()).step_by(7).count() as u64;
    assert_eq!(server.quiet(3 + 3 * connections).stored, 3 + 3 * connections);
    assert!(server.frames().iter().all(|frame| packets.contains(frame)));
}

#[test]
fn many_tcp_connections_at_once() {
    let server = Server::start();
    std::thread::scope(|scope| {
        for number in 0..32 {
            let server = &server;
            scope.spawn(move || {
                let mut stream = server.connect();
                for packet_number in 0..50 {
                    stream.write_all(&packet(&format!("{number}-{packet_number}"))).expect("bytes sent");
                }
            });
        }
    });
    assert_eq!(server.quiet(1_600).stored, 1_600);
    assert_eq!(server.count("SELECT count(DISTINCT call_id) FROM sip"), 1_600);
}

#[test]
fn tcp_connections_are_limited_and_places_come_free() {
    let server = Server::start_with(|config| config.listeners[1].connections_max = 2);
    let mut first = server.connect();
    let mut second = server.connect();
    first.write_all(&packet("first")).expect("bytes sent");
    second.write_all(&packet("second")).expect("bytes sent");
    server.quiet(2);
    let mut third = server.connect();
    assert_eq!(third.read(&mut [0; 1]).unwrap_or(0), 0, "closed at once");
    assert_eq!(server.quiet(3).refused["too_many_connections"], 1);
    drop(second);
    // The place is free once the closed connection has been noticed.
    let mut refused = 1;
    let stored = loop {
        let mut fourth = server.connect();
        let _ = fourth.write_all(&packet("fourth"));
        drop(fourth);
        let total = server.wait_for(|total| total.received > 2 + refused && total.pending == 0);
        if total.stored == 3 {
            break total.stored;
        }
        refused = total.refused["too_many_connections"];
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(stored, 3);
    assert_conserved(&server.ingest);
}

#[test]
fn a_packet_that_never_ends_is_given_up_and_others_live_on() {
    let server =
        Server::start_with(|config| config.listeners[1].packet_time_max = Duration::from_millis(400));
    let mut idle = server.connect();
    let mut stuck = server.connect();
    stuck.write_all(&packet("whole")).expect("bytes sent");
    stuck.write_all(&packet("half")[..50]).expect("bytes sent");
    assert_eq!(stuck.read(&mut [0; 1]).unwrap_or(0), 0, "closed after a while");
    let total = server.quiet(2);
    assert_eq!((total.stored, total.refused["slow"]), (1, 1));
    // A connection between packets may be silent for as long as it likes.
    idle.write_all(&packet("late")).expect("bytes sent");
    assert_eq!(server.quiet(3).stored, 2);
}

#[test]
fn senders_are_known() {
    let server = Server::start();
    server.send(&[&packet("a"), &packet("b"), &legacy("c", 1), b"garbage"]);
    server.quiet(4);
    server.stream(&[&packet("d")]);
    server.quiet(5);
    server.ingest.shutdown();
    let senders = server.ingest.senders();
    let edge = senders.iter().find(|sender| sender.node.as_deref() == Some("edge-1")).expect("it sent");
    assert_eq!((edge.packets, edge.types[&1]), (3, 3));
    assert_eq!(edge.listeners.iter().copied().collect::<Vec<_>>(), ["tcp", "udp"]);
    assert_eq!(edge.bytes, 3 * packet("a").len() as u64);
    assert!(edge.rate_per_second > 0.0 && edge.first_seen <= edge.last_seen);
    let nameless = senders.iter().find(|sender| sender.node.is_none()).expect("HEPv1 has no node name");
    assert_eq!((nameless.packets, nameless.refused["not_hep"]), (1, 1));
    assert!(nameless.hep_versions.contains(&1));
}

#[test]
fn a_port_in_use_is_named() {
    let server = Server::start();
    for transport in [Transport::Udp, Transport::Tcp] {
        let address = server.at(transport);
        let config = IngestConfig { listeners: vec![ListenerConfig::new(transport, address)], ..config() };
        let error = Ingest::start(config, server.store.clone()).expect_err("the port is taken");
        assert!(matches!(error, IngestError::InUse { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&address.to_string()) && text.contains("in use"), "{text}");
    }
    server.send(&[&packet("still here")]);
    assert_eq!(server.quiet(1).stored, 1);
}

#[test]
fn an_address_of_another_machine_is_refused_with_its_reason() {
    let server = Server::start();
    let listener = ListenerConfig::new(Transport::Udp, "192.0.2.1:9060".parse().expect("an address"));
    let config = IngestConfig { listeners: vec![listener], ..config() };
    let error = Ingest::start(config, server.store.clone()).expect_err("not our address");
    assert!(error.to_string().starts_with("cannot listen on 192.0.2.1:9060 (udp): "), "{error}");
}

#[test]
fn listeners_can_be_off() {
    let server = Server::start_with(|config| config.listeners.clear());
    assert!(server.ingest.bound().is_empty());
    assert!(server.ingest.counters().listeners.is_empty());
}

#[test]
fn several_listeners_of_a_kind_with_names_keys_and_counters_of_their_own() {
    let server = Server::start_with(|config| {
        config.keys = vec![b"for all".to_vec()];
        let named = ListenerConfig {
            // Nobody else is called so, whatever the order.
            name: Some("tcp".to_owned()),
            keys: Some(Vec::new()),
            ..config.listeners[1].clone()
        };
        let keyed_itself =
            ListenerConfig { keys: Some(vec![b"own".to_vec()]), ..config.listeners[1].clone() };
        config.listeners.extend([named, keyed_itself]);
    });
    let bound = server.ingest.bound();
    let names: Vec<&str> = bound.iter().map(|bound| bound.name.as_str()).collect();
    assert_eq!(names, ["udp", "tcp-2", "tcp", "tcp-3"]);
    for bound in &bound[1..] {
        let mut stream = std::net::TcpStream::connect(bound.address).expect("a stream");
        for key in [None, Some(b"for all".as_slice()), Some(b"own")] {
            stream.write_all(&keyed("x", key)).expect("bytes sent");
        }
    }
    assert_eq!(server.quiet(9).stored, 1 + 3 + 1);
    let stored = server.ingest.counters().listeners;
    let stored: Vec<u64> = stored.iter().map(|listener| listener.counters.stored).collect();
    assert_eq!(stored, [0, 1, 3, 1]);
    // What the log holds must mean the same under any configuration: how it came, not by which door.
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE listener = 'tcp'"), 5);
    assert!(server.logged().iter().all(|logged| logged.listener == Transport::Tcp as u8));
}
