//! HEP over TLS: both versions, certificates that change, clients that must show one, and what is no TLS at all.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use ingest::{Doors, Ingest, IngestConfig, TlsConfig, Transport};

use crate::encrypted::{Authority, replace};
use crate::server::{Server, on, packet};

fn start(tls: TlsConfig, configure: impl FnOnce(&mut IngestConfig)) -> Server {
    Server::start_with(|config| {
        config.tls = Some(tls);
        config.listeners = vec![on(Transport::Tls)];
        configure(config);
    })
}

#[test]
fn both_versions_of_tls_carry_packets() {
    let authority = Authority::new("tests");
    let server = start(authority.tls(), |_| {});
    for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
        let packets = [packet("a"), packet("b"), packet("c")].concat();
        authority.client().only(versions).send(&server, &packets).expect("taken");
    }
    assert_eq!(server.quiet(6).stored, 6);
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE listener = 'tls' AND sender = '127.0.0.1'"), 6);
}

#[test]
fn a_packet_over_many_records_and_many_packets_in_one() {
    let authority = Authority::new("tests");
    let server = start(authority.tls(), |_| {});
    let mut stream = authority.client().connect(&server, Transport::Tls);
    for byte in packet("slowly") {
        stream.write_all(&[byte]).expect("a byte sent");
    }
    let packets: Vec<Vec<u8>> = (0..500).map(|number| packet(&format!("call-{number}"))).collect();
    stream.write_all(&packets.concat()).expect("bytes sent");
    drop(stream);
    assert_eq!(server.quiet(501).stored, 501);
    assert_eq!(server.frames()[1..], packets);
}

#[test]
fn plain_hep_and_garbage_on_the_tls_port_are_named() {
    let authority = Authority::new("tests");
    let server = start(authority.tls(), |_| {});
    let plain = |bytes: &[u8]| {
        let mut stream = server.connect_to(Transport::Tls);
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    };
    plain(&packet("x"));
    plain(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(server.quiet(2).refused["not_tls"], 2);
    // What starts like TLS and is none is answered with an alert (RFC 8446, section 6).
    let alert = plain(&[b"\x16\x03\x01\x00\x40".as_slice(), &[0xA5; 64]].concat());
    assert_eq!(alert.first(), Some(&0x15), "{alert:?}");
    // A handshake cut short, and a version that is long gone (SSL 3.0).
    plain(b"\x16\x03\x01\x02\x00\x01");
    plain(b"\x16\x03\x00\x00\x2f\x01\x00\x00\x2b\x03\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x00\x00\x04\x00\x2f\x00\x05\x01\x00");
    let total = server.quiet(5);
    assert_eq!(total.refused["tls_failed"], 3);
    // Who only looks whether the port is open did nothing wrong.
    plain(b"");
    authority.client().send(&server, &packet("good")).expect("taken");
    assert_eq!(server.quiet(6).stored, 1);
}

#[test]
fn a_broken_record_ends_the_connection_and_not_what_came_before() {
    let authority = Authority::new("tests");
    let server = start(authority.tls(), |_| {});
    let mut stream = authority.client().connect(&server, Transport::Tls);
    stream.write_all(&packet("before")).expect("bytes sent");
    server.quiet(1);
    let broken = [b"\x17\x03\x03\x00\x30".as_slice(), &[0x5A; 48]].concat();
    stream.sock.write_all(&broken).expect("bytes sent");
    let total = server.quiet(2);
    assert_eq!((total.stored, total.refused["tls_failed"]), (1, 1));
}

#[test]
fn a_handshake_that_is_never_done_is_given_up() {
    let authority = Authority::new("tests");
    let server = start(authority.tls(), |config| {
        config.listeners[0].handshake_time_max = Duration::from_millis(300);
        config.listeners[0].packet_time_max = Duration::from_millis(400);
    });
    let mut silent = server.connect_to(Transport::Tls);
    let mut dripping = server.connect_to(Transport::Tls);
    dripping.write_all(b"\x16\x03\x01\x02\x00").expect("bytes sent");
    let feeding = std::thread::spawn(move || {
        while dripping.write_all(b"\x01").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    // Closed after a while, with an alert at the most.
    let _ = silent.read_to_end(&mut Vec::new());
    feeding.join().expect("its writes fail once the server has closed");
    assert_eq!(server.quiet(2).refused["slow"], 2);
}

#[test]
fn a_packet_cut_by_the_end_of_tls_is_counted() {
    let authority = Authority::new("tests");
    let server = start(authority.tls(), |_| {});
    let cut = [packet("whole"), packet("half")[..60].to_vec()].concat();
    authority.client().send(&server, &cut).expect("taken");
    let total = server.quiet(2);
    assert_eq!((total.stored, total.refused["partial"]), (1, 1));
}

#[test]
fn a_certificate_is_read_again_when_it_changes_and_a_bad_one_is_not_taken() {
    let old = Authority::new("old");
    let mut tls = old.tls();
    tls.look_every = Duration::from_millis(20);
    let server = start(tls, |_| {});
    let mut open = old.client().connect(&server, Transport::Tls);
    open.write_all(&packet("before")).expect("bytes sent");
    server.quiet(1);
    assert!(server.ingest.alarms().is_empty());

    // A certificate without its key: the old ones stay.
    let new = Authority::new("new");
    let identity = new.issue("collector", &["localhost"]);
    replace(&old.path("cert.pem"), &identity.certificate);
    wait(|| !server.ingest.alarms().is_empty());
    let alarms = server.ingest.alarms();
    assert_eq!(alarms[0].name, "tls_certificate");
    assert!(
        alarms[0].message.contains("cert.pem") && alarms[0].message.contains("key.pem"),
        "{}",
        alarms[0].message
    );
    old.client().send(&server, &packet("with the old one")).expect("taken");
    std::fs::remove_file(old.path("cert.pem")).expect("a file");
    wait(|| server.ingest.alarms()[0].message.contains("cannot read"));
    old.client().send(&server, &packet("still with the old one")).expect("taken");

    replace(&old.path("cert.pem"), &identity.certificate);
    replace(&old.path("key.pem"), &identity.key);
    wait(|| server.ingest.alarms().is_empty());
    new.client().send(&server, &packet("with the new one")).expect("taken");
    old.client().send(&server, &packet("nobody trusts the old one now")).expect_err("another authority");
    // A connection that was open stays.
    open.write_all(&packet("after")).expect("bytes sent");
    let total = server.quiet(6);
    assert_eq!((total.stored, total.refused["tls_failed"]), (5, 1));
}

#[test]
fn clients_must_show_a_certificate_that_is_accepted() {
    let authority = Authority::new("tests");
    let mut tls = authority.tls();
    tls.client_ca = Some(authority.path("ca.pem"));
    tls.client_subjects = vec!["proxy-1".into(), "*.edge.example.com".into()];
    let server = start(tls, |_| {});
    let by_common_name = authority.issue("proxy-1", &[]);
    let by_alternative_name = authority.issue("whoever", &["other.example.com", "a.edge.example.com"]);
    let not_listed = authority.issue("proxy-2", &["edge.example.com"]);
    let foreign = Authority::new("foreign").issue("proxy-1", &[]);
    for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
        let client = || authority.client().only(versions);
        client().with(&by_common_name).send(&server, &packet("a")).expect("taken");
        client().with(&by_alternative_name).send(&server, &packet("b")).expect("taken");
        let error = client().with(&not_listed).send(&server, &packet("c")).expect_err("refused");
        assert!(error.to_string().contains("AccessDenied"), "{error}");
        client().with(&foreign).send(&server, &packet("d")).expect_err("refused");
        let error = client().send(&server, &packet("e")).expect_err("refused");
        assert!(error.to_string().to_lowercase().contains("alert"), "{error}");
    }
    let total = server.quiet(10);
    assert_eq!((total.stored, total.refused["client_certificate"]), (4, 6));
}

#[test]
fn what_is_wrong_with_the_files_is_named_before_anything_listens() {
    let authority = Authority::new("tests");
    let message = |tls: TlsConfig| {
        let listeners = vec![on(Transport::Tls)];
        let config = IngestConfig { tls: Some(tls), listeners, ..IngestConfig::default() };
        Doors::open(config).expect_err("refused").to_string()
    };
    let good = authority.tls();
    let missing = message(TlsConfig::new("/nowhere/cert.pem", &good.key));
    assert!(missing.starts_with("cannot read /nowhere/cert.pem: "), "{missing}");
    let no_certificate = message(TlsConfig::new(&good.key, &good.key));
    assert!(no_certificate.ends_with("key.pem holds no certificate"), "{no_certificate}");
    let no_key = message(TlsConfig::new(&good.certificate, &good.certificate));
    assert!(no_key.contains("cert.pem holds no private key"), "{no_key}");
    std::fs::write(authority.path("other.pem"), authority.issue("other", &[]).key).expect("a file");
    let unfit = message(TlsConfig::new(&good.certificate, authority.path("other.pem")));
    assert!(unfit.contains("cert.pem") && unfit.contains("other.pem"), "{unfit}");
    let no_ca = TlsConfig { client_ca: Some(good.key.clone()), ..good };
    assert!(message(no_ca).ends_with("key.pem holds no certificate"));

    let listeners = vec![on(Transport::Tls)];
    let error = Doors::open(IngestConfig { listeners, ..IngestConfig::default() }).expect_err("refused");
    assert!(error.to_string().contains("no TLS certificate and key are configured"), "{error}");
}

#[test]
fn a_stop_takes_what_has_arrived_over_tls() {
    let authority = Authority::new("tests");
    let server = start(authority.tls(), |_| {});
    let mut stream = authority.client().connect(&server, Transport::Tls);
    stream.write_all(&packet("first")).expect("bytes sent");
    server.quiet(1);
    for number in 0..200 {
        stream.write_all(&packet(&format!("call-{number}"))).expect("bytes sent");
    }
    Ingest::shutdown(&server.ingest);
    assert_eq!(server.quiet(201).stored, 201);
}

fn wait(reached: impl Fn() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < Duration::from_secs(120), "waiting in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}
