//! The description of the API is whole, and handed out. That it is the committed one is tested with the program, which
//! knows what else is described in it.

use serde_json::Value;

use crate::server::Server;

#[test]
fn the_server_hands_it_out() {
    let server = Server::with(&[]);
    assert_eq!(server.get("/api/v1/openapi.json").text(), api::openapi_document(Default::default));
}

#[test]
fn every_route_is_described_for_people() {
    let document: Value = serde_json::from_str(&api::openapi_document(Default::default)).expect("JSON");
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
            assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{method} {path}");
            let expected = match path.as_str() {
                "/health" | "/api/v1/login" => Some(serde_json::json!([{}])),
                path if path.split('/').nth(3) == Some("shared") => Some(serde_json::json!([{"link": []}])),
                _ => None,
            };
            assert_eq!(operation.get("security"), expected.as_ref(), "{method} {path}");
        }
    }
}
