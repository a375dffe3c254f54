//! Who may send, and how fast.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ingest::{Network, Transport};

use crate::server::{Server, on, packet};

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().expect("a network")).collect()
}

#[test]
fn only_those_who_may_are_taken_and_a_listener_may_differ() {
    let server = Server::start_with(|config| {
        config.allow = networks(&["192.0.2.0/24", "2001:db8::/32"]);
        let mut open = on(Transport::Tcp);
        open.allow = Some(networks(&["127.0.0.0/8"]));
        config.listeners = vec![on(Transport::Udp), open];
    });
    // Two packets in the first datagram: nothing of it is looked at.
    server.send(&[&[packet("a"), packet("b")].concat(), b"no HEP"]);
    server.stream(&[&packet("c")]);
    let total = server.quiet(3);
    assert_eq!((total.stored, &total.refused), (1, &BTreeMap::from([("sender_not_allowed", 2)])));
    // Figures of senders are gathered over what is received at once, and joined a moment after it is counted.
    let told = || -> u64 {
        let senders = server.ingest.senders();
        senders.iter().filter_map(|sender| sender.refused.get("sender_not_allowed")).sum()
    };
    let started = Instant::now();
    while told() < 2 && started.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(told(), 2, "the senders page tells who: {:?}", server.ingest.senders());
}

#[test]
fn what_is_too_fast_is_refused_and_counted() {
    let server = Server::start_with(|config| config.sender_packets_per_second_max = Some(1));
    // Of one moment: a bucket of two seconds.
    let all: Vec<Vec<u8>> = (0..10).map(|number| packet(&format!("p{number}"))).collect();
    server.send(&[&all.concat()]);
    let total = server.quiet(10);
    assert_eq!((total.stored, &total.refused), (2, &BTreeMap::from([("too_fast", 8)])));
}
