//! The committed description of the API is the one the handlers make.

use serde_json::Value;

use crate::server::Server;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_committed_description_is_up_to_date() {
    let made = api::openapi_document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).expect("a folder");
        std::fs::write(COMMITTED, &made).expect("written");
        return;
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed == made,
        "docs/openapi.json is out of date: run this test with UPDATE=1 and commit the file"
    );
}

#[test]
fn the_server_hands_it_out() {
    let server = Server::with(&[]);
    assert_eq!(server.get("/api/v1/openapi.json").text(), api::openapi_document());
}

#[test]
fn every_route_is_described_for_people() {
    let document: Value = serde_json::from_str(&api::openapi_document()).expect("JSON");
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
            assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{method} {path}");
            let is_public = operation.get("security").is_some();
            assert_eq!(is_public, ["/health", "/api/v1/login"].contains(&path.as_str()), "{method} {path}");
        }
    }
}
