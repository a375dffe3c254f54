//! `POST /hep`: answered once the packets are safe.

use std::net::SocketAddr;

use ingest::Transport;

use crate::server::{Server, keyed, legacy, on, packet};

/// A server with the web's listener.
pub(crate) struct Web {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

impl Web {
    pub(crate) fn start(configure: impl FnOnce(&mut ingest::IngestConfig)) -> Self {
        let server = Server::start_with(|config| {
            config.listeners.push(on(Transport::Http));
            configure(config);
        });
        let address = server.at(Transport::Http);
        Self { server, address }
    }

    /// Status and body.
    fn post(&self, media_type: Option<&str>, body: &[u8]) -> (u16, String) {
        let headers = media_type.map(|media_type| ("content-type", media_type));
        self.post_to("/hep", headers.as_slice(), body)
    }

    pub(crate) fn post_to(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = agent.post(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).expect("an answer");
        let text = response.body_mut().read_to_string().expect("text");
        (response.status().as_u16(), text)
    }

    fn hep(&self, body: &[u8]) -> (u16, String) {
        self.post(Some("application/octet-stream"), body)
    }
}

#[test]
fn an_answer_means_stored() {
    let web = Web::start(|_| {});
    let body = [packet("a"), packet("b"), packet("c")].concat();
    let (status, text) = web.hep(&body);
    assert_eq!((status, text.as_str()), (200, r#"{"accepted":3,"keepalives":0,"refused":{}}"#));
    // No waiting here: that is what the answer promises.
    assert_eq!(web.server.frames(), [packet("a"), packet("b"), packet("c")]);
    let counters = web.server.ingest.counters();
    assert_eq!((counters.total.received, counters.total.stored), (3, 3));
    let http = counters.listeners.iter().find(|listener| listener.name == "http").expect("it is shown");
    assert_eq!((http.address.as_str(), http.counters.stored), (web.address.to_string().as_str(), 3));
    assert_eq!(web.server.logged()[0].sender.ip(), web.address.ip());
    assert_eq!(web.server.count("SELECT count(*) FROM sip WHERE listener = 'http'"), 3);
}

#[test]
fn good_packets_are_taken_from_between_bad_ones() {
    let web = Web::start(|_| {});
    let body = [b"noise".to_vec(), packet("a"), b"noise".to_vec(), packet("b")].concat();
    let (status, text) = web.hep(&body);
    assert_eq!(
        (status, text.as_str()),
        (200, r#"{"accepted":2,"keepalives":0,"refused":{"garbage":1,"not_hep":1}}"#)
    );
    web.server.quiet(4);
}

#[test]
fn nothing_of_use_is_400_with_the_reason() {
    let web = Web::start(|_| {});
    let (status, text) = web.hep(b"not HEP at all");
    assert_eq!(status, 400);
    assert!(text.contains(r#""code":"not_hep""#), "{text}");
    let (status, text) = web.hep(b"");
    assert_eq!(status, 400);
    assert!(text.contains(r#""code":"empty""#), "{text}");
    web.server.quiet(2);
}

#[test]
fn older_versions_fill_a_body() {
    let web = Web::start(|_| {});
    assert_eq!(web.hep(&legacy("x", 1)).0, 200);
    assert_eq!(web.server.frames(), [legacy("x", 1)]);
}

#[test]
fn keys_are_checked() {
    let web = Web::start(|config| config.keys = vec![b"key".to_vec()]);
    assert_eq!(web.hep(&keyed("good", Some(b"key"))).0, 200);
    let (status, text) = web.hep(&keyed("bad", Some(b"other")));
    assert_eq!(status, 403);
    assert!(text.contains(r#""code":"key_wrong""#), "{text}");
    assert_eq!(web.server.quiet(2).stored, 1);
}

#[test]
fn bodies_are_limited() {
    let web = Web::start(|config| config.http_body_bytes_max = 10_000);
    let (status, text) = web.hep(&vec![0; 10_001]);
    assert_eq!(status, 413);
    assert!(text.contains("10000 bytes"), "{text}");
    assert_eq!(web.hep(&packet("a")).0, 200);
}

#[test]
fn media_types_are_checked_but_may_be_missing() {
    let web = Web::start(|_| {});
    assert_eq!(web.post(None, &packet("a")).0, 200);
    assert_eq!(web.post(Some("application/vnd.3gpp.hep"), &packet("a")).0, 200);
    let (status, text) = web.post(Some("application/json"), b"{}");
    assert_eq!(status, 415);
    assert!(text.contains("application/octet-stream"), "{text}");
}

#[test]
fn other_methods_are_refused() {
    let web = Web::start(|_| {});
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("http://{}/hep", web.address);
    assert_eq!(agent.put(&url).send_empty().expect("an answer").status().as_u16(), 405);
    // What is there for GET is a WebSocket.
    assert_eq!(agent.get(&url).call().expect("an answer").status().as_u16(), 426);
}

#[test]
fn many_requests_at_once_are_all_answered() {
    let web = Web::start(|_| {});
    std::thread::scope(|scope| {
        for number in 0..8 {
            let web = &web;
            scope.spawn(move || {
                for request in 0..10 {
                    let (status, text) = web.hep(&packet(&format!("{number}-{request}")));
                    assert_eq!(status, 200, "{text}");
                }
            });
        }
    });
    assert_eq!(web.server.quiet(80).stored, 80);
}
