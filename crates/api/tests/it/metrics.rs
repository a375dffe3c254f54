//! The page for Prometheus: who gets it, and in which format.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::server::Server;

/// Stands for whoever counts: says what it was asked for.
#[derive(Default)]
pub(crate) struct Counted {
    is_open: AtomicBool,
    is_late: AtomicBool,
}

impl api::Metrics for Counted {
    fn page(&self, is_openmetrics: bool, _: Vec<api::AlertCount>) -> Result<(&'static str, String), String> {
        if self.is_late.load(Ordering::Relaxed) {
            return Err("late".to_owned());
        }
        let kind = if is_openmetrics { "application/openmetrics-text; version=1.0.0" } else { "text/plain" };
        Ok((kind, format!("openmetrics: {is_openmetrics}\n")))
    }

    fn is_open_to(&self, peer: IpAddr) -> bool {
        peer.is_loopback() && self.is_open.load(Ordering::Relaxed)
    }
}

/// What Prometheus 2.42 and later ones send.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

#[test]
fn the_format_is_the_one_that_is_accepted() {
    let server = Server::with(&[]);
    let token = format!("Bearer {}", server.token().expect("it is logged in"));
    for (accept, expected) in [
        (Some(PROMETHEUS), "openmetrics: true\n"),
        (Some("text/plain;version=0.0.4;q=0.5,*/*;q=0.1"), "openmetrics: false\n"),
        (Some("text/html,*/*"), "openmetrics: false\n"),
        (None, "openmetrics: false\n"),
    ] {
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(accept.map(|accept| ("accept", accept)));
        let answer = server.stranger("GET", "/metrics", &headers, None);
        assert_eq!((answer.status, answer.text().as_str()), (200, expected), "{accept:?}");
        let is_openmetrics = answer.header("content-type").expect("a type").contains("openmetrics");
        assert_eq!(is_openmetrics, expected.contains("true"), "{accept:?}");
    }
    server.metrics.is_late.store(true, Ordering::Relaxed);
    let answer = server.get("/metrics");
    assert_eq!((answer.status, answer.code()), (503, "busy".to_owned()));
}

#[test]
fn an_allowed_address_needs_no_login_for_metrics_and_for_nothing_else() {
    let server = Server::with(&[]);
    let ask = |path: &str| server.stranger("GET", path, &[], None).status;
    assert_eq!((ask("/metrics"), ask("/api/v1/status")), (401, 401));
    server.metrics.is_open.store(true, Ordering::Relaxed);
    assert_eq!((ask("/metrics"), ask("/api/v1/status")), (200, 401));
    assert_eq!(server.stranger("POST", "/metrics", &[], None).status, 405);
}
