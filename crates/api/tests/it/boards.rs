//! Boards: kept, shared, changed by one at a time, and refused where something in them is wrong.

use serde_json::{Value, json};

use crate::authority::{as_user, user};
use crate::server::{Answer, Server};

fn board() -> Value {
    json!({
        "rhapsode_board": 1,
        "title": "Trunks",
        "from": "-1h",
        "refresh_seconds": 30,
        "panels": [
            {"title": "ASR", "x": 0, "y": 0, "w": 6, "h": 3, "chart": "number", "warn": 50.0, "bad": 35.0,
             "source": {"kind": "kpi", "of": "calls", "measures": ["asr"]}},
            {"title": "By status", "x": 6, "y": 0, "w": 6, "h": 3, "chart": "bar", "stacked": true, "top": 5,
             "source": {"kind": "search", "of": "calls", "q": "state = failed", "by": "status"}},
            {"title": "Asked", "x": 0, "y": 3, "w": 12, "h": 4, "chart": "line", "unit": "count",
             "source": {"kind": "sql", "sql": "SELECT ts, status FROM sip WHERE ts >= $from"}},
        ],
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut board = board();
    change(&mut board);
    board
}

fn logged_in() -> Server {
    Server::with_calls(&[]).logged_in()
}

#[track_caller]
fn made(answer: &Answer) -> Value {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

#[test]
fn a_board_comes_back_as_it_was_made_and_can_be_made_of_what_came() {
    let server = logged_in();
    let first = made(&server.post("/api/v1/boards", &board()));
    assert_eq!(
        (&first["owner"], &first["is_mine"], &first["shared"], &first["version"]),
        (&json!("admin"), &json!(true), &json!(false), &json!(1))
    );
    let id = first["id"].as_i64().expect("a number");
    let read = server.ask(&format!("/api/v1/boards/{id}"));
    assert_eq!(read, first);
    for (field, value) in board().as_object().expect("a board") {
        assert_eq!(&read[field], value, "{field}");
    }
    // What was read is a file that any server takes.
    let again = made(&server.post("/api/v1/boards", &read));
    assert_ne!(again["id"], read["id"]);
    assert_eq!(again["panels"], read["panels"]);
    let list = server.ask("/api/v1/boards");
    let told: Vec<Value> = list["boards"]
        .as_array()
        .expect("boards")
        .iter()
        .map(|one| json!([one["id"], one["title"], one["panels"]]))
        .collect();
    assert_eq!(told, [json!([id, "Trunks", 3]), json!([again["id"], "Trunks", 3])]);
    assert_eq!(server.send("DELETE", &format!("/api/v1/boards/{id}"), &[], None).status, 204);
    assert_eq!(server.get(&format!("/api/v1/boards/{id}")).code(), "not_found");
}

#[test]
fn of_two_changes_made_from_one_version_the_second_is_refused() {
    let server = logged_in();
    let first = made(&server.post("/api/v1/boards", &board()));
    let path = format!("/api/v1/boards/{}", first["id"]);
    let put = |body: &Value| server.send("PUT", &path, &[], Some(body));
    let mut mine = first.clone();
    mine["title"] = json!("Mine");
    let mut theirs = first;
    theirs["title"] = json!("Theirs");
    let changed = put(&mine);
    assert_eq!((changed.status, &changed.json()["version"]), (200, &json!(2)), "{}", changed.text());
    let refused = put(&theirs);
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
    assert!(
        refused.text().contains("version 2") && refused.text().contains("version 1"),
        "{}",
        refused.text()
    );
    assert_eq!(server.ask(&path)["title"], "Mine");
    let without = put(&board());
    assert!(without.status == 400 && without.text().contains("`version`"), "{}", without.text());
}

#[test]
fn a_shared_board_is_read_by_others_and_changed_by_its_owner() {
    let server = logged_in();
    let (erik, vera) = (user(&server, "erik", "engineer", None), user(&server, "vera", "viewer", None));
    let scoped = user(&server, "vito", "viewer", Some("node = a"));
    let mine = made(&as_user(&server, &vera, "POST", "/api/v1/boards", Some(&board())));
    let path = format!("/api/v1/boards/{}", mine["id"]);
    let titles = |who: &str| {
        let list = as_user(&server, who, "GET", "/api/v1/boards", None).json();
        list["boards"].as_array().expect("boards").len()
    };
    assert_eq!((titles(&vera), titles(&erik)), (1, 0), "not shared");
    assert_eq!(as_user(&server, &erik, "GET", &path, None).status, 404);
    let mut shared = mine;
    shared["shared"] = json!(true);
    assert_eq!(as_user(&server, &vera, "PUT", &path, Some(&shared)).status, 200);
    let seen = as_user(&server, &erik, "GET", &path, None).json();
    assert_eq!((&seen["owner"], &seen["is_mine"]), (&json!("vera"), &json!(false)));
    let refused = as_user(&server, &erik, "PUT", &path, Some(&seen));
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    assert!(refused.text().contains("vera"), "{}", refused.text());
    assert_eq!(as_user(&server, &erik, "DELETE", &path, None).status, 404);
    // Who may read a part is not told what others look for, and shares nothing.
    assert_eq!((titles(&scoped), as_user(&server, &scoped, "GET", &path, None).status), (0, 404));
    let own = made(&as_user(&server, &scoped, "POST", "/api/v1/boards", Some(&board())));
    assert_eq!(own["owner"], "vito");
    let sharing = with(|board| board["shared"] = json!(true));
    assert_eq!(as_user(&server, &scoped, "POST", "/api/v1/boards", Some(&sharing)).status, 403);
    // An admin removes them; with the user go all.
    assert_eq!(server.send("DELETE", &path, &[], None).status, 204);
    assert_eq!(server.send("DELETE", "/api/v1/users/vito", &[], None).status, 204);
    assert_eq!(server.send("DELETE", &format!("/api/v1/boards/{}", own["id"]), &[], None).status, 404);
    let log = server.ask("/api/v1/audit?action=boards").to_string();
    for said in ["boards: made 1 of vera", "boards: changed 1 of vera", "shared", "boards: removed 1 of vera"]
    {
        assert!(log.contains(said), "{said}: {log}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_panel_and_field() {
    let server = logged_in();
    let panel = |place: usize, field: &'static str, value: Value| {
        with(move |board| board["panels"][place][field] = value)
    };
    let source = |place: usize, field: &'static str, value: Value| {
        with(move |board| board["panels"][place]["source"][field] = value)
    };
    let cases = [
        (with(|board| board["rhapsode_board"] = json!(2)), "`rhapsode_board`: this server knows version 1"),
        (json!({"title": "x", "panels": []}), "`rhapsode_board`: is missing"),
        (json!([]), "a board is a JSON object"),
        (with(|board| board["title"] = json!(" ")), "`title`: must have 1 to 80"),
        (with(|board| board["titel"] = json!("x")), "titel"),
        (with(|board| board["from"] = json!("yesterday")), "`from`: must be a span"),
        (with(|board| board["refresh_seconds"] = json!(1)), "`refresh_seconds`: must be 5 to 3600"),
        (with(|board| board["shared"] = json!("yes")), "`shared`: must be true or false"),
        (
            with(|board| board["panels"] = json!(vec![board["panels"][0].clone(); 41])),
            "`panels`: 41 are more",
        ),
        (panel(1, "x", json!(7)), "panel 2 \\\"By status\\\": `x`: must be 0 to 6"),
        (panel(1, "x", json!(3)), "panel 2 \\\"By status\\\": `x`: it lies over panel 1"),
        (panel(0, "w", json!(0)), "panel 1 \\\"ASR\\\": `w`: must be 1 to 12"),
        (panel(0, "w", json!("wide")), "panel 1 \\\"ASR\\\": `w`: invalid type"),
        (panel(0, "h", json!(25)), "`h`: must be 1 to 24"),
        (panel(0, "y", json!(399)), "`y`: must be 0 to 397"),
        (panel(0, "colour", json!("red")), "panel 1 \\\"ASR\\\": `colour`: unknown field"),
        (panel(0, "chart", json!("pie")), "panel 1 \\\"ASR\\\": `chart`: unknown variant"),
        (panel(0, "bad", Value::Null), "`bad`: is missing"),
        (panel(0, "bad", json!(50.0)), "`bad`: must differ"),
        (panel(1, "warn", json!(5.0)), "panel 2 \\\"By status\\\": `warn`: is of numbers"),
        (panel(1, "top", json!(21)), "`top`: must be 1 to 20"),
        (panel(1, "unit", json!("bytes")), "`unit`: is of SQL sources"),
        (panel(0, "chart", json!("clock")), "panel 1 \\\"ASR\\\": `warn`"),
        (panel(2, "source", Value::Null), "panel 3 \\\"Asked\\\": `source`: is missing"),
        (
            source(0, "measures", json!(["asrr"])),
            "panel 1 \\\"ASR\\\": `source.measures[0]`: unknown variant",
        ),
        (source(0, "measures", json!(["ira"])), "`source.measures`: calls have no \\\"ira\\\""),
        (source(0, "measures", json!([])), "`source.measures`: names no figure"),
        (source(0, "by", json!("trunk")), "`source.by`: one number has no groups"),
        (source(0, "q", json!("statu = 3")), "panel 1 \\\"ASR\\\": `source.q`"),
        (source(0, "of", json!("messages")), "`source.of`: figures are of calls or registrations"),
        (
            source(1, "by", json!("colour")),
            "panel 2 \\\"By status\\\": `source.by`: no field `colour` in calls",
        ),
        (source(1, "value", json!("pdd")), "`source.value`: is of heat maps"),
        (source(1, "q", json!("state =")), "panel 2 \\\"By status\\\": `source.q`"),
        (source(2, "sql", json!(" ")), "panel 3 \\\"Asked\\\": `source.sql`: is missing"),
        (source(2, "q", json!("x")), "`source.q`: is of a source of kind kpi or search"),
    ];
    for (wrong, why) in cases {
        let refused = server.post("/api/v1/boards", &wrong);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "bad_request"),
            "{why}: {}",
            refused.text()
        );
        assert!(refused.text().contains(why), "{why}: {}", refused.text());
    }
    assert_eq!(server.ask("/api/v1/boards"), json!({"boards": []}), "nothing of it is kept");
}

#[test]
fn clocks_notes_and_heat_maps_have_fields_of_their_own() {
    let server = logged_in();
    let of = |panel: Value| {
        let mut panel = panel;
        for (field, value) in
            [("title", json!("p")), ("x", json!(0)), ("y", json!(0)), ("w", json!(4)), ("h", json!(4))]
        {
            panel[field] = value;
        }
        server.post("/api/v1/boards", &with(|board| board["panels"] = json!([panel])))
    };
    for good in [
        json!({"chart": "clock"}),
        json!({"chart": "clock", "zone": "America/Argentina/Buenos_Aires"}),
        json!({"chart": "note", "text": "Call the carrier first.\n+49 30 123"}),
        json!({"chart": "heat", "source": {"kind": "search", "of": "calls", "value": "pdd"}}),
        json!({"chart": "heat", "source": {"kind": "search", "of": "messages", "by": "method"}}),
        json!({"chart": "heat", "source": {"kind": "kpi", "of": "calls", "measures": ["asr"], "by": "trunk"}}),
        json!({"chart": "heat", "source": {"kind": "sql", "sql": "SELECT ts, size FROM sip"}}),
    ] {
        made(&of(good));
    }
    for (bad, why) in [
        (json!({"chart": "clock", "zone": "<b>"}), "`zone`"),
        (json!({"chart": "note", "zone": "UTC"}), "`zone`: is of clocks"),
        (
            json!({"chart": "clock", "source": {"kind": "sql", "sql": "SELECT 1"}}),
            "`source`: clocks and notes have none",
        ),
        (json!({"chart": "heat", "source": {"kind": "search", "of": "calls"}}), "`source.value`: is missing"),
        (
            json!({"chart": "heat", "source": {"kind": "search", "of": "calls", "value": "state"}}),
            "`state` is no number",
        ),
        (
            json!({"chart": "heat", "source": {"kind": "kpi", "of": "calls", "measures": ["asr"]}}),
            "`source.by`: is missing",
        ),
    ] {
        let refused = of(bad);
        assert!(refused.status == 400 && refused.text().contains(why), "{why}: {}", refused.text());
    }
}

#[test]
fn boards_are_bounded_in_number_and_size() {
    let server = logged_in();
    let small = json!({"rhapsode_board": 1, "title": "x", "panels": []});
    for _ in 0..100 {
        made(&server.post("/api/v1/boards", &small));
    }
    let refused = server.post("/api/v1/boards", &small);
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
    let vera = user(&server, "vera", "viewer", None);
    let large = with(|board| {
        let sql = format!("SELECT '{}'", "x".repeat(15_000));
        let panel = |place: usize| json!({"title": "p", "x": 0, "y": place, "w": 1, "h": 1, "chart": "table", "source": {"kind": "sql", "sql": sql}});
        board["panels"] = (0..10).map(panel).collect();
    });
    let refused = as_user(&server, &vera, "POST", "/api/v1/boards", Some(&large));
    assert_eq!((refused.status, refused.code().as_str()), (413, "too_large"), "{}", refused.text());
}

#[test]
fn what_the_web_ships_to_begin_with_is_taken() {
    let server = logged_in();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/src/lib/boards/templates");
    let files = std::fs::read_dir(folder).expect("templates").map(|file| file.expect("a file").path());
    let mut number = 0;
    for file in files.filter(|file| file.extension().is_some_and(|end| end == "json")) {
        let text = std::fs::read_to_string(&file).expect("read");
        let template: Value = serde_json::from_str(&text).expect("JSON");
        let answer = server.post("/api/v1/boards", &template);
        assert_eq!(answer.status, 201, "{}: {}", file.display(), answer.text());
        number += 1;
    }
    assert!(number >= 3, "{number} templates in {folder}");
}
