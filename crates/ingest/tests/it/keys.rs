//! The HEP key: checked when configured, never stored.

use std::collections::BTreeMap;

use crate::server::{Server, keyed, legacy, packet};

const KEY: &[u8] = b"correct horse";

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn with_no_key_configured_any_is_accepted_and_none_is_kept() {
    let server = Server::start();
    server.send(&[&keyed("with", Some(KEY)), &packet("without")]);
    assert_eq!(server.quiet(2).stored, 2);
    let frames = server.frames();
    assert_eq!(frames[0].len(), keyed("with", Some(KEY)).len(), "only the key is overwritten");
    assert!(!holds(&frames[0], KEY));
    assert_eq!(frames[1], packet("without"));
}

#[test]
fn with_keys_configured_others_are_refused_by_cause() {
    let server = Server::start_with(|config| config.keys = vec![b"second".to_vec(), KEY.to_vec()]);
    let long = vec![b'k'; 60_000];
    server.send(&[
        &keyed("good", Some(KEY)),
        &keyed("other good", Some(b"second")),
        &packet("none"),
        &keyed("empty", Some(b"")),
        &keyed("wrong", Some(b"correct horsf")),
        &keyed("shorter", Some(b"correct hors")),
        &keyed("longer", Some(b"correct horse\0")),
        &keyed("not text", Some(b"\xff\xfe")),
        &keyed("60 KB", Some(&long)),
        &legacy("old", 1),
    ]);
    let total = server.quiet(10);
    assert_eq!(total.stored, 2);
    assert_eq!(total.refused, BTreeMap::from([("key_missing", 2), ("key_wrong", 6)]));
    assert_eq!(server.count("SELECT count(*) FROM messages WHERE call_id LIKE '%good'"), 2);
    for file in walk(server.folder.path()) {
        let bytes = std::fs::read(&file).expect("a file of the store");
        assert!(!holds(&bytes, KEY), "{} holds the key", file.display());
    }
}

#[test]
fn keys_are_checked_on_streams_too() {
    let server = Server::start_with(|config| config.keys = vec![KEY.to_vec()]);
    server.stream(&[&packet("none"), &keyed("good", Some(KEY)), &keyed("wrong", Some(b"x"))]);
    let total = server.quiet(3);
    assert_eq!(total.stored, 1);
    assert_eq!(total.refused, BTreeMap::from([("key_missing", 1), ("key_wrong", 1)]));
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
