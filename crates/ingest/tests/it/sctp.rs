//! HEP over SCTP, where the kernel has it; and what is said where it has not.

use std::io::Write;

use ingest::{Doors, IngestConfig, Transport};
use socket2::{Domain, Protocol, Socket, Type};

use crate::server::{Server, on, packet};

fn socket() -> Option<Socket> {
    Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::from(132))).ok()
}

/// A client's socket; `None`, and a loud line, where the kernel has no SCTP.
pub(crate) fn connect(server: &Server) -> Socket {
    let socket = socket().expect("the server has SCTP too");
    socket.connect(&server.at(Transport::Sctp).into()).expect("an association");
    socket
}

pub(crate) fn start() -> Option<Server> {
    if socket().is_none() {
        eprintln!("SKIPPED: this kernel has no SCTP (modprobe sctp)");
        return None;
    }
    Some(Server::start_with(|config| config.listeners = vec![on(Transport::Sctp)]))
}

#[test]
fn a_message_is_a_datagram() {
    let Some(server) = start() else { return };
    let mut socket = connect(&server);
    let large = [packet("b"), vec![0; 60_000]].concat();
    for message in [&packet("a")[..], &large, &[packet("c"), packet("d")].concat(), b"no HEP"] {
        socket.write_all(message).expect("a message sent");
    }
    drop(socket);
    let total = server.quiet(5);
    assert_eq!((total.stored, total.refused["not_hep"]), (4, 1));
    assert_eq!(server.count("SELECT count(*) FROM sip WHERE listener = 'sctp'"), 4);
}

#[test]
fn a_kernel_without_it_is_told_from_a_port_in_use() {
    if socket().is_some() {
        eprintln!("SKIPPED: this kernel has SCTP");
        return;
    }
    let config = IngestConfig { listeners: vec![on(Transport::Sctp)], ..IngestConfig::default() };
    let error = Doors::open(config).expect_err("no SCTP").to_string();
    assert!(
        error.contains("(sctp): this kernel offers no SCTP") && error.contains("modprobe sctp"),
        "{error}"
    );
}
