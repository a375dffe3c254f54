//! Sixty-four kilobytes of every field, by every way a packet can come: nothing breaks, nothing gets lost, and the packet
//! behind it is taken.

use std::io::{Read, Write};

use hep::chunk::{self, KNOWN};
use ingest::Transport;
use protocols::Protocols;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::encrypted::Authority;
use crate::http::Web;
use crate::server::{Server, assert_conserved, on, packet};
use crate::web::{answer, post, statuses};
use crate::websocket;

/// What leaves room for the rest of a packet of 65,535 bytes.
const LARGE: usize = 65_000;

fn large(byte: u8) -> Vec<u8> {
    vec![byte; LARGE]
}

/// A packet of this type with the payload.
fn of_type(hep_type: u16, payload: &[u8]) -> Vec<u8> {
    let address = "192.0.2.1:5060".parse().expect("an address");
    let mut bytes = Vec::new();
    let outgoing = hep::Outgoing { hep_type, payload, ..hep::Outgoing::new(address, address) };
    outgoing.encode_v3(&mut bytes).expect("it fits");
    bytes
}

/// Packets of one chunk, known or not, that takes all there is; and such a chunk beside a payload.
fn chunks() -> Vec<Vec<u8>> {
    let unknown = (0..0x70).map(|kind| (chunk::GENERIC, kind)).chain([(7, 1), (u16::MAX, u16::MAX)]);
    let kinds = KNOWN.iter().map(|known| (known.vendor, known.kind)).chain(unknown);
    let whole = kinds.map(|(vendor, kind)| {
        let mut bytes = b"HEP3\xff\xff".to_vec();
        for number in [vendor, kind, 65_535 - 6] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.resize(65_535, b'9');
        bytes
    });
    let most = large(b'f');
    let address = "192.0.2.1:5060".parse().expect("an address");
    let plain = || hep::Outgoing::new(address, address);
    let fields = [
        hep::Outgoing { payload: &most, ..plain() },
        hep::Outgoing { key: Some(&most), ..plain() },
        hep::Outgoing { node: Some(&most), ..plain() },
        hep::Outgoing { correlation_id: Some(&most), ..plain() },
    ];
    let beside = fields.into_iter().map(|outgoing| {
        let mut bytes = Vec::new();
        outgoing.encode_v3(&mut bytes).expect("it fits");
        bytes
    });
    whole.chain(beside).collect()
}

/// SIP with every part of it grown; and session descriptions.
fn sip() -> Vec<Vec<u8>> {
    let start = ["INVITE", "sip:a@example.com", "SIP/2.0"];
    let headers = [
        ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"),
        ("From", "\"A\" <sip:a@example.com>;tag="),
        ("To", "<sip:b@example.com>;tag="),
        ("Call-ID", ""),
        ("CSeq", "1 INVITE"),
        ("Contact", "<sip:a@192.0.2.1>"),
        ("User-Agent", ""),
        ("P-Asserted-Identity", "<sip:a@example.com>"),
        ("Reason", "Q.850;cause=16;text="),
        ("Content-Type", "application/sdp"),
        ("Content-Length", ""),
        ("Max-Forwards", ""),
        ("Authorization", "Digest username="),
        ("X-RTP-Stat", "PS="),
        ("Route", "<sip:192.0.2.1;lr>"),
    ];
    let description = [
        "v=0",
        "o=- 1 1 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "m=audio 9 RTP/AVP 0",
        "a=rtpmap:0 ",
    ];
    let message = |grown: usize, byte: u8| {
        let mut place = 0;
        let mut part = |text: &str| {
            let mut text = text.as_bytes().to_vec();
            if place == grown {
                text.resize(LARGE - 1_500, byte);
            }
            place += 1;
            text
        };
        let mut bytes = start.map(&mut part).join(&b' ');
        for (name, value) in headers {
            bytes.extend(b"\r\n");
            bytes.extend(part(name));
            bytes.extend(b": ");
            bytes.extend(part(value));
        }
        bytes.extend(b"\r\n\r\n");
        for line in description {
            bytes.extend(part(line));
            bytes.extend(b"\r\n");
        }
        bytes
    };
    let parts = start.len() + 2 * headers.len() + description.len();
    (0..parts).flat_map(|grown| [b'9', b';', b'<'].map(|byte| of_type(1, &message(grown, byte)))).collect()
}

/// Log lines with every part of their headers grown (RFC 3164, RFC 5424).
fn log_lines() -> Vec<Vec<u8>> {
    let most = String::from_utf8(large(b'9')).expect("ASCII");
    let old = ["<34>", "Oct 11 22:14:15 ", "host ", "program", "[5]: ", "text"];
    let new = [
        "<34>",
        "1 ",
        "2003-10-11T22:14:15.003Z ",
        "host ",
        "program ",
        "5 ",
        "id ",
        "[x@1 y=\"z\"] ",
        "text",
    ];
    let grown = |parts: &[&str]| -> Vec<Vec<u8>> {
        let line = |grown: usize| {
            let part = |(place, part): (usize, &&str)| {
                let (text, blanks) = part.split_at(part.trim_end().len());
                if place == grown { format!("{text}{most}{blanks}") } else { (*part).to_owned() }
            };
            parts.iter().enumerate().map(part).collect::<String>()
        };
        (0..parts.len()).map(|place| of_type(100, line(place).as_bytes())).collect()
    };
    [grown(&old), grown(&new)].concat()
}

/// Every type's payload with a member, named as a field of its table, that takes all there is: a text, a number, a list.
fn members() -> Vec<Vec<u8>> {
    let most = String::from_utf8(large(b'9')).expect("ASCII");
    let protocols = Protocols::built_in();
    let mut packets = Vec::new();
    for table in protocols.tables() {
        for hep_type in protocols.hep_types(table) {
            for field in table.fields {
                let name = field.name;
                for text in [
                    format!("{{\"{name}\": \"{most}\"}}"),
                    format!("{{\"{name}\": {most}}}"),
                    format!("{{\"{name}\": [{}1]}}", "1,".repeat(LARGE / 2 - 100)),
                    format!("{name}={most}"),
                ] {
                    packets.push(of_type(hep_type, text.as_bytes()));
                }
            }
            packets.push(of_type(hep_type, format!("{{\"{most}\": 1}}").as_bytes()));
            packets.push(of_type(hep_type, &large(0)));
            packets.push(of_type(hep_type, &large(0xff)));
        }
    }
    packets
}

impl Server {
    /// Asserts that every one of these packets was counted, that each one behind was stored, and that all of it is rows.
    fn finds(&self, sent: usize) {
        let total = self.quiet(2 * sent as u64);
        assert_eq!(total.stored + total.dropped.values().sum::<u64>(), 2 * sent as u64, "{total:?}");
        let after = self.frames().iter().filter(|frame| **frame == packet("after")).count();
        assert_eq!(after, sent, "every neighbour came through");
        assert_eq!(self.count("SELECT count(*) FROM messages") as u64, total.stored);
    }
}

/// Posts good packets. The connection stays open in both directions until they are answered: an end of the request's is
/// taken for the client's.
fn assert_served(server: &Server, packets: &[u8]) {
    let mut stream = server.connect_to(Transport::Http);
    let headers = format!("Connection: close\r\nContent-Length: {}\r\n", packets.len());
    stream.write_all(&post(packets, &headers)).expect("bytes sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    assert_eq!(statuses(&text), ["200"], "{text}");
}

#[test]
fn in_every_chunk_by_every_transport() {
    let authority = Authority::new("tests");
    let start = || {
        Server::start_with(|config| {
            config.tls = Some(authority.tls());
            config.listeners = [
                Transport::Udp,
                Transport::Tcp,
                Transport::Tls,
                Transport::Ws,
                Transport::Wss,
                Transport::Http,
            ]
            .map(on)
            .into();
        })
    };
    let chunks = chunks();
    let whole: Vec<Vec<u8>> = chunks.iter().map(|bytes| [bytes.clone(), packet("after")].concat()).collect();
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss, Transport::Http] {
        let server = start();
        match transport {
            Transport::Tcp => server.connect().write_all(&whole.concat()).expect("bytes sent"),
            Transport::Tls => authority.client().send(&server, &whole.concat()).expect("bytes sent"),
            Transport::Ws => {
                let mut socket = websocket::open(server.connect_to(transport), "/");
                whole
                    .iter()
                    .for_each(|bytes| socket.send(Message::Binary(bytes.clone().into())).expect("sent"));
            }
            Transport::Wss => {
                let mut socket = websocket::open(authority.client().connect(&server, transport), "/");
                whole
                    .iter()
                    .for_each(|bytes| socket.send(Message::Binary(bytes.clone().into())).expect("sent"));
            }
            _ => whole.iter().for_each(|bytes| assert_served(&server, bytes)),
        }
        server.finds(chunks.len());
    }
    // No datagram is larger.
    let server = start();
    let small: Vec<&[u8]> = chunks.iter().map(|bytes| &bytes[..bytes.len().min(65_507)]).collect();
    small.iter().for_each(|bytes| server.send(&[bytes, &packet("after")]));
    server.finds(small.len());
}

#[test]
fn in_every_part_of_what_a_payload_says() {
    let server = Server::start();
    let packets = [sip(), log_lines(), members()].concat();
    let mut stream = server.connect();
    for bytes in &packets {
        stream.write_all(bytes).expect("bytes sent");
        stream.write_all(&packet("after")).expect("bytes sent");
    }
    drop(stream);
    server.finds(packets.len());
}

#[test]
fn in_every_part_of_a_request() {
    let server = Server::start_with(|config| config.listeners = vec![on(Transport::Http)]);
    let most = String::from_utf8(large(b'x')).expect("ASCII");
    let body = packet("good");
    let length = body.len();
    for head in [
        format!("{most} /hep HTTP/1.1\r\nHost: x"),
        format!("POST /{most} HTTP/1.1\r\nHost: x"),
        format!("POST /hep?{most} HTTP/1.1\r\nHost: x"),
        format!("POST http://{most}/hep HTTP/1.1\r\nHost: x"),
        format!("POST /hep HTTP/{most}\r\nHost: x"),
        format!("POST /hep HTTP/1.1\r\nHost: {most}"),
        format!("POST /hep HTTP/1.1\r\nHost: x\r\n{most}: y"),
        format!("POST /hep HTTP/1.1\r\nHost: x\r\nX-Hep-Key: {most}"),
        format!("POST /hep HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {most}"),
        format!("POST /hep HTTP/1.1\r\nHost: x\r\nContent-Type: {most}"),
        format!("POST /hep HTTP/1.1\r\nHost: x\r\nContent-Length: {}", "9".repeat(LARGE)),
        format!("POST /hep HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {most}"),
        format!("POST /hep HTTP/1.1\r\nHost: x\r\nExpect: {most}"),
        format!("GET /hep HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {most}"),
        format!("GET /hep HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nOrigin: {most}"),
        format!("POST /hep HTTP/1.1\r\nHost: x\r\n{}Y: y", "X: y\r\n".repeat(LARGE / 6)),
    ] {
        let request =
            [head.as_bytes(), format!("\r\nContent-Length: {length}\r\n\r\n").as_bytes(), &body].concat();
        let refused = answer(&server, &request);
        // The answer may be lost when it is given before all was sent. Where the field fits and means nothing, it is 200.
        let fine = matches!(
            statuses(&refused)[..],
            [] | ["200" | "400" | "404" | "405" | "414" | "415" | "426" | "431"]
        );
        assert!(fine, "{}: {refused}", &head[..60]);
        assert_served(&server, &body);
    }
    // Of chunked bodies: a size, an extension, a trailer.
    for chunked in [
        format!("{}\r\n", "0".repeat(LARGE)),
        format!("1;{most}\r\nx\r\n0\r\n\r\n"),
        format!("0\r\nX: {most}\r\n\r\n"),
    ] {
        let refused = answer(&server, &post(chunked.as_bytes(), "Transfer-Encoding: chunked\r\n"));
        assert!(matches!(statuses(&refused)[..], [] | ["400"]), "{refused}");
    }
    assert_conserved(&server.ingest);
}

#[test]
fn in_every_member_of_json() {
    let web = Web::start(|_| {});
    let most = String::from_utf8(large(b'9')).expect("ASCII");
    let rcinfo = || json!({"srcIp": "192.0.2.1", "dstIp": "192.0.2.2", "payloadType": 1});
    let mut items = Vec::new();
    for name in hep::json::KEYS.iter().flat_map(|key| key.names).copied().chain(["chunks", "type", &most]) {
        for value in [json!(most), json!([most]), json!({most.as_str(): 1}), json!(most.len())] {
            let mut rcinfo = rcinfo();
            rcinfo[name] = value;
            items.push(json!({"rcinfo": rcinfo, "payload": "x"}));
        }
    }
    for payload in [json!(most), json!({"a": most}), json!([most])] {
        items.push(json!({"rcinfo": rcinfo(), "payload": payload}));
    }
    items.push(json!({"rcinfo": rcinfo(), "payloadHex": "00".repeat(LARGE / 2)}));
    items.push(json!({"rcinfo": rcinfo(), "payload": "x", most.as_str(): 1}));
    // Events of media servers.
    for name in
        ["emitter", "type", "subtype", "timestamp", "session_id", "handle_id", "opaque_id", "event", "other"]
    {
        for value in [json!(most), json!({"media": most})] {
            let mut event =
                json!({"type": 1, "timestamp": 1_700_000_000_000_000_u64, "event": {"name": "x"}});
            event[name] = value;
            items.push(event);
        }
    }
    for name in ["roomId", "peerName", "producerId", "timestamp", "other"] {
        let mut event = json!({"roomId": "a", "peerName": "b"});
        event[name] = json!(most);
        items.push(event);
    }
    let good = json!({"rcinfo": rcinfo(), "payload": "OPTIONS sip:a@example.com SIP/2.0\r\n\r\n"});
    for item in &items {
        let (status, text) = web.post_to("/api/v1/ingest", &[], format!("{item}\n{good}").as_bytes());
        let told: Value = serde_json::from_str(&text).expect("JSON");
        let refused: u64 =
            told["refused"].as_object().expect("causes").values().filter_map(Value::as_u64).sum();
        assert_eq!(status, 200, "{text}");
        assert_eq!(told["accepted"].as_u64().map(|accepted| accepted + refused), Some(2), "{text}");
        assert!(text.len() < 4 * LARGE, "an answer says no more than it was told");
    }
    let total = web.server.quiet(2 * items.len() as u64);
    assert!(total.stored >= items.len() as u64, "every neighbour came through: {total:?}");
}

#[test]
fn in_every_kind_of_websocket_frame() {
    let server = Server::start_with(|config| config.listeners = vec![on(Transport::Ws)]);
    for opcode in 0..16 {
        for fin in [0x00, 0x80] {
            let mut socket = websocket::open(server.connect_to(Transport::Ws), "/");
            let length = (LARGE as u16).to_be_bytes();
            let frame =
                [&[fin | opcode, 0xfe, length[0], length[1], 0, 0, 0, 0], large(b'x').as_slice()].concat();
            let _ = socket.get_mut().write_all(&frame);
            let _ = socket.get_mut().shutdown(std::net::Shutdown::Write);
            while socket.read().is_ok() {}
        }
    }
    let mut socket = websocket::open(server.connect_to(Transport::Ws), "/");
    socket.send(Message::Binary(packet("after").into())).expect("sent");
    let total = server.wait_for(|total| total.stored == 1 && total.pending == 0);
    let known = ["not_hep", "websocket_frame", "websocket_text"];
    assert!(total.refused.keys().all(|cause| known.contains(cause)), "{total:?}");
    assert_conserved(&server.ingest);
}

#[test]
fn in_what_comes_before_a_packet() {
    let authority = Authority::new("tests");
    let server = Server::start_with(|config| {
        config.tls = Some(authority.tls());
        config.listeners = vec![on(Transport::Tls), on(Transport::Tcp)];
        config.listeners[1].proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    });
    let send = |transport: Transport, bytes: &[u8]| {
        let mut stream = server.connect_to(transport);
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    };
    // A TLS record, a handshake message over many records, a session id and a server name of the largest kind
    // (RFC 8446, sections 5.1 and 4.1.2; RFC 6066, section 3).
    let record =
        |body: &[u8]| [b"\x16\x03\x01".as_slice(), &(body.len() as u16).to_be_bytes(), body].concat();
    let hello = |body: &[u8]| [b"\x01\x00".as_slice(), &(body.len() as u16).to_be_bytes(), body].concat();
    let start = [b"\x03\x03".as_slice(), &[7; 32]].concat();
    let name = [b"\x00\x00\xfd\xee\xfd\xec\x00\xfd\xe9".as_slice(), &large(b'n')].concat();
    let with_name = [&start, b"\x00\x00\x02\x13\x01\x01\x00\xfd\xf2".as_slice(), &name].concat();
    let in_records = |message: &[u8]| message.chunks(16_000).map(record).collect::<Vec<_>>().concat();
    for bytes in [
        record(&large(1)),
        in_records(&hello(&large(1))),
        in_records(&hello(&[&start, large(0xff).as_slice()].concat())),
        in_records(&hello(&with_name)),
        in_records(&[b"\x01\xff\xff\xff".as_slice(), &large(0).repeat(20)].concat()),
    ] {
        send(Transport::Tls, &bytes);
    }
    assert_eq!(server.quiet(5).refused["tls_failed"], 5);
    authority.client().send(&server, &packet("after")).expect("taken");

    let ninety = large(b'9');
    let signature = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff";
    for bytes in [
        [b"PROXY TCP4 ".as_slice(), &ninety, b"\r\n"].concat(),
        [b"PROXY UNKNOWN ".as_slice(), &ninety, b"\r\n"].concat(),
        [signature.as_slice(), &ninety].concat(),
    ] {
        send(Transport::Tcp, &bytes);
    }
    let total = server.quiet(9);
    assert_eq!((total.stored, total.refused["proxy_header"]), (1, 3));
    send(
        Transport::Tcp,
        &[b"PROXY TCP4 192.0.2.1 192.0.2.9 5065 9060\r\n".as_slice(), &packet("after")].concat(),
    );
    assert_eq!(server.quiet(10).stored, 2);
}
