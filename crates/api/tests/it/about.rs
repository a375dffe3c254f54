//! What can be asked: the catalogue and completion.

use serde_json::Value;

use crate::server::{Server, escaped};

fn options(server: &Server, query: &str) -> (u64, Vec<String>) {
    let answer = server.ask(&format!("/api/v1/complete?q={}", escaped(query)));
    let options = answer["options"].as_array().expect("options");
    let texts = options.iter().map(|option| option["text"].as_str().expect("a text").to_owned()).collect();
    (answer["from"].as_u64().expect("a place"), texts)
}

#[test]
fn the_catalogue_has_every_field_of_every_table() {
    let server = Server::start();
    let catalogue = server.ask("/api/v1/catalogue");
    let tables = catalogue["tables"].as_array().expect("tables");
    let expected = protocols::Protocols::built_in().tables();
    assert_eq!(tables.len(), expected.len());
    for (shown, table) in tables.iter().zip(expected) {
        assert_eq!(shown["name"], table.name);
        let names: Vec<&Value> =
            shown["fields"].as_array().expect("fields").iter().map(|field| &field["name"]).collect();
        let expected: Vec<&str> = table.columns().map(|field| field.name).collect();
        assert_eq!(names, expected);
        for field in shown["fields"].as_array().expect("fields") {
            assert!(field["doc"].as_str().is_some_and(|doc| !doc.is_empty()), "{field}");
        }
    }
    let flags = catalogue["flags"].as_array().expect("flags");
    assert!(flags.iter().any(|flag| flag["name"] == "bad_time"));
    let rules = catalogue["corrections"].as_array().expect("corrections");
    assert!(rules.iter().all(|rule| flags.iter().any(|flag| flag["name"] == rule["name"])));
    let shifted = rules.iter().find(|rule| rule["name"] == "shifted_capture_id").expect("the rule");
    assert_eq!(shifted["is_default"], true);
    assert!(shifted["senders"].as_str().is_some_and(|senders| senders.contains("sngrep")));
    let refusals = catalogue["refusals"].as_array().expect("refusals");
    assert!(
        refusals.iter().any(|refusal| refusal["name"] == "not_hep" && refusal["doc"].is_string()),
        "{refusals:?}"
    );
}

#[test]
fn completion_knows_names_operators_and_the_values_of_the_data() {
    let server = Server::start();
    let (from, names) = options(&server, "method = INVITE and stat");
    assert_eq!(from, 20);
    assert!(names.contains(&"status".to_owned()), "{names:?}");
    let (_, operators) = options(&server, "status ");
    assert!(operators.contains(&">=".to_owned()), "{operators:?}");
    let (from, nodes) = options(&server, "node = ");
    assert_eq!((from, nodes), (7, vec!["edge-1".to_owned()]), "seen in the data");
    let (_, addresses) = options(&server, "src_ip = 2001");
    assert_eq!(addresses, ["2001:db8::10", "2001:db8::20"]);
}

#[test]
fn the_cursor_may_stand_inside() {
    let server = Server::start();
    let answer = server.ask(&format!("/api/v1/complete?q={}&at=4", escaped("stat = 5")));
    assert_eq!(answer["from"], 0);
    assert!(
        answer["options"].as_array().is_some_and(|options| options.iter().any(|one| one["text"] == "status"))
    );
}
