//! The web part: pages without a login, headers on everything.

use crate::server::{Server, escaped};

#[test]
fn the_start_page_needs_no_login() {
    let server = Server::with(&[]).with_token(None);
    for path in ["/", "/index.html"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        assert!(answer.text().to_lowercase().starts_with("<!doctype html>"), "{path}");
    }
    let missing = server.get("/assets/no-such-file.js");
    assert_eq!((missing.status, missing.code().as_str()), (404, "not_found"));
    assert_eq!(server.send("HEAD", "/", &[], None).status, 200);
}

#[test]
fn a_screen_that_is_asked_for_by_its_path_is_behind_the_hash() {
    let server = Server::with(&[]).with_token(None);
    for (path, place) in [
        ("/senders", "./#/senders"),
        ("/call/a%40b?msg=1", "./../#/call/a%40b?msg=1"),
        ("//elsewhere.example/x", "./../#/elsewhere.example/x"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("location")), (303, Some(place)), "{path}");
    }
}

#[test]
fn a_page_that_did_not_change_is_not_sent_again() {
    let server = Server::with(&[]).with_token(None);
    let first = server.get("/");
    // Without a built web part there is no file and no tag.
    let Some(tag) = first.header("etag") else { return };
    let again = server.send("GET", "/", &[("if-none-match", tag)], None);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let weak = format!("\"x\", W/{tag}");
    assert_eq!(server.send("GET", "/", &[("if-none-match", &weak)], None).status, 304);
    assert_eq!(server.send("GET", "/", &[("if-none-match", "\"x\"")], None).status, 200);
}

#[test]
fn everything_carries_the_headers_that_keep_browsers_safe() {
    let server = Server::start();
    let export = format!("/api/v1/export?format=text&q={}", escaped("method = ACK"));
    for path in ["/", "/health", "/api/v1/status", "/api/v1/no-such-thing", &export] {
        let answer = server.get(path);
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("no policy: {path}"));
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
        assert!(
            !policy.contains("unsafe-eval") && !policy.contains("script-src 'self' 'unsafe-inline'"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    }
    assert_eq!(server.get("/api/v1/status").header("cache-control"), Some("no-store"));
}
