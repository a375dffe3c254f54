//! Who may do what: every route, asked by every kind of caller; and what a scope leaves to be seen.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::access::routes;
use crate::server::{Server, escaped};
use crate::traffic::{self, Captured};

/// What each route needs, said once more: a route that is not here fails the test.
const NEEDS: &[(&str, &[&str])] = &[
    ("public", &["GET /health", "POST /api/v1/login"]),
    (
        "own",
        &[
            "GET /api/v1/me",
            "PUT /api/v1/me/password",
            "POST /api/v1/logout",
            "GET /api/v1/tokens",
            "POST /api/v1/tokens",
            "DELETE /api/v1/tokens/{id}",
            "GET /api/v1/catalogue",
            "GET /api/v1/openapi.json",
        ],
    ),
    (
        "search",
        &[
            "GET /api/v1/complete",
            "GET /api/v1/messages",
            "GET /api/v1/messages/{id}",
            "GET /api/v1/tail",
            "GET /api/v1/calls",
            "GET /api/v1/call/{call_id}",
            "GET /api/v1/registrations",
            "GET /api/v1/kpi",
            "GET /api/v1/kpi/registrations",
            "GET /api/v1/signatures",
            "GET /api/v1/facets",
            "GET /api/v1/counts",
            "GET /api/v1/differences",
            "GET /api/v1/aliases",
        ],
    ),
    (
        "boards",
        &[
            "GET /api/v1/boards",
            "POST /api/v1/boards",
            "GET /api/v1/boards/{id}",
            "PUT /api/v1/boards/{id}",
            "DELETE /api/v1/boards/{id}",
        ],
    ),
    ("aliases", &["POST /api/v1/aliases", "DELETE /api/v1/aliases/{id}"]),
    ("export", &["GET /api/v1/export"]),
    ("share", &["GET /api/v1/shares", "POST /api/v1/shares", "DELETE /api/v1/shares/{id}"]),
    // The secret of a link opens these, and nothing else does: `share.rs`.
    ("shared", &["GET /api/v1/shared", "GET /api/v1/shared/messages/{id}", "GET /api/v1/shared/export"]),
    ("sql", &["POST /api/v1/sql"]),
    (
        "server",
        &[
            "GET /api/v1/status",
            "GET /api/v1/storage",
            "GET /api/v1/senders",
            "GET /api/v1/alerts",
            "GET /api/v1/alerts/history",
            "GET /metrics",
        ],
    ),
    ("silence", &["POST /api/v1/alerts/{id}/silence", "DELETE /api/v1/alerts/{id}/silence"]),
    (
        "users",
        &[
            "GET /api/v1/users",
            "POST /api/v1/users",
            "PATCH /api/v1/users/{name}",
            "DELETE /api/v1/users/{name}",
        ],
    ),
    ("audit", &["GET /api/v1/audit"]),
];

/// What each kind of caller may.
const MAY: &[(&str, &[&str])] = &[
    ("nobody", &["public"]),
    ("viewer", &["public", "own", "search", "boards", "server"]),
    (
        "engineer",
        &["public", "own", "search", "boards", "server", "export", "share", "sql", "aliases", "silence"],
    ),
    (
        "admin",
        &[
            "public", "own", "search", "boards", "server", "export", "share", "sql", "aliases", "silence",
            "users", "audit",
        ],
    ),
    ("scoped viewer", &["public", "own", "search", "boards"]),
    ("scoped engineer", &["public", "own", "search", "boards", "export", "share"]),
    ("token of an admin, as a viewer", &["public", "own", "search", "boards", "server"]),
    // Nor has one without a scope links; boards it would have.
    ("token of an admin, scoped", &["public", "own", "search", "export"]),
];

const SECRET: &str = "correct horse battery";

fn need_of(method: &str, path: &str) -> &'static str {
    let route = format!("{method} {path}");
    let known = NEEDS.iter().find(|(_, routes)| routes.contains(&route.as_str()));
    known.unwrap_or_else(|| panic!("what does {route} need?")).0
}

/// Makes a user and logs in.
pub(crate) fn user(server: &Server, name: &str, role: &str, scope: Option<&str>) -> String {
    let body = json!({"name": name, "role": role, "scope": scope, "password": SECRET});
    let made = server.post("/api/v1/users", &body);
    assert_eq!(made.status, 201, "{}", made.text());
    session(server, name)
}

fn session(server: &Server, name: &str) -> String {
    let answer = server.post("/api/v1/login", &json!({"user": name, "password": SECRET}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["token"].as_str().expect("a token").to_owned()
}

fn token(server: &Server, body: &Value) -> String {
    let made = server.post("/api/v1/tokens", body);
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["token"].as_str().expect("a token").to_owned()
}

/// Asks as somebody.
pub(crate) fn as_user(
    server: &Server,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> crate::server::Answer {
    let bearer = format!("Bearer {token}");
    server.stranger(method, path, &[("authorization", &bearer)], body)
}

#[test]
fn every_route_lets_in_who_may_and_nobody_else() {
    let mut server = Server::with_calls(&[(300, traffic::busy_call("busy@example.org"))]);
    server.set_token(Some(&session_of_admin(&server)));
    let scope = "capture_id = 2001";
    let mut callers: BTreeMap<&str, Option<String>> = BTreeMap::from([("nobody", None)]);
    for (kind, name, role, scope) in [
        ("viewer", "vera", "viewer", None),
        ("engineer", "erik", "engineer", None),
        ("admin", "anna", "admin", None),
        ("scoped viewer", "vito", "viewer", Some(scope)),
        ("scoped engineer", "emma", "engineer", Some(scope)),
    ] {
        callers.insert(kind, Some(user(&server, name, role, scope)));
    }
    let as_viewer = json!({"name": "t", "role": "viewer"});
    callers.insert("token of an admin, as a viewer", Some(token(&server, &as_viewer)));
    let scoped = json!({"name": "t", "scope": scope});
    callers.insert("token of an admin, scoped", Some(token(&server, &scoped)));

    let document: Value = serde_json::from_str(&api::openapi_document(Default::default)).expect("JSON");
    for (kind, may) in MAY {
        // Logging out would end the others' turn: it is asked last.
        let mut all = routes();
        all.sort_by_key(|(_, path, _)| path.contains("logout"));
        for (method, path, filled) in all {
            let need = need_of(&method, &path);
            let told = &document["paths"][&path][method.to_lowercase()]["x-permission"];
            assert_eq!(told.as_str().unwrap_or("public"), need, "{method} {path}");
            let answer = match &callers[kind] {
                Some(token) => as_user(&server, token, &method, &filled, None),
                None => server.stranger(&method, &filled, &[], None),
            };
            // Links that open nothing are slowed down.
            let status = if need == "shared" && answer.status == 429 { 401 } else { answer.status };
            let is_let_in = !matches!(status, 401 | 403);
            let at = format!("{kind}: {method} {path}: {} {}", answer.status, answer.text());
            assert_eq!(is_let_in, may.contains(&need), "{at}");
            if !is_let_in {
                let expected = if *kind == "nobody" || need == "shared" { 401 } else { 403 };
                assert_eq!(status, expected, "{at}");
            }
        }
    }
    // What is there is what is known here.
    let known: usize = NEEDS.iter().map(|(_, routes)| routes.len()).sum();
    assert_eq!(routes().len(), known);
}

fn session_of_admin(server: &Server) -> String {
    let body = json!({"user": "admin", "password": crate::server::PASSWORD});
    server.post("/api/v1/login", &body).json()["token"].as_str().expect("a token").to_owned()
}

/// The same traffic, of another tenant: everything that tells them apart has this word in it.
const OTHER: &str = "zaphod";

fn of_another(story: Vec<Captured>) -> Vec<Captured> {
    let other = story.into_iter().map(|captured| {
        let text = String::from_utf8_lossy(&captured.payload)
            .replace("bob", OTHER)
            .replace("4930123", "zaphod4930")
            .replace("media timeout", "zaphod timeout");
        Captured { node: "edge-zaphod", payload: text.into_bytes(), ..captured }
    });
    other.collect()
}

const OWN_CALL: &str = "own@example.org";
const OTHER_CALL: &str = "zaphod@example.org";

fn two_tenants() -> Server {
    let stories = [
        (600, traffic::answered_call(OWN_CALL)),
        (590, of_another(traffic::answered_call(OTHER_CALL))),
        (300, traffic::busy_call("own-busy@example.org")),
        (290, of_another(traffic::busy_call("zaphod-busy@example.org"))),
        (200, traffic::registration("own-registered@example.org")),
        (190, of_another(traffic::registration("zaphod-registered@example.org"))),
    ];
    let mut server = Server::with_minutes(&stories, &[]);
    server.set_token(Some(&session_of_admin(&server)));
    server
}

/// What may be asked, and would show the other tenant.
fn questions(server: &Server) -> Vec<String> {
    let found = server.ask(&format!("/api/v1/messages?q={}", escaped(&format!("call_id = {OTHER_CALL}"))));
    let id = found["messages"][0]["id"].as_str().expect("an id").to_owned();
    let q = |text: &str| escaped(text);
    vec![
        "/api/v1/messages".to_owned(),
        "/api/v1/messages?table=calls".to_owned(),
        "/api/v1/messages?table=registrations".to_owned(),
        format!("/api/v1/messages?q={}", q("node = edge-zaphod or node = edge-1")),
        format!("/api/v1/messages?q={}", q("not node = edge-1")),
        format!("/api/v1/messages?q={}", q("state = failed")),
        format!("/api/v1/messages/{id}"),
        format!("/api/v1/messages/{id}?format=hepjs"),
        "/api/v1/calls".to_owned(),
        format!("/api/v1/calls?q={}", q("state = failed")),
        format!("/api/v1/calls?q={}", q("method = INVITE")),
        format!("/api/v1/call/{}", q(OTHER_CALL)),
        "/api/v1/registrations".to_owned(),
        "/api/v1/signatures".to_owned(),
        "/api/v1/kpi?by=ruri_host".to_owned(),
        "/api/v1/counts?by=node".to_owned(),
        "/api/v1/counts?table=calls&by=ruri_host".to_owned(),
        "/api/v1/differences?inside_from=-8m".to_owned(),
        "/api/v1/kpi/registrations".to_owned(),
        format!("/api/v1/export?format=json&call_id={}", q(OTHER_CALL)),
        "/api/v1/export?format=json".to_owned(),
        "/api/v1/export?format=text".to_owned(),
        "/api/v1/export?format=hepjs".to_owned(),
        "/api/v1/export?format=pcap".to_owned(),
        format!("/api/v1/complete?q={}", q("node = ")),
        "/api/v1/catalogue".to_owned(),
        "/api/v1/status".to_owned(),
        "/api/v1/storage".to_owned(),
        "/api/v1/senders".to_owned(),
        "/api/v1/users".to_owned(),
        "/api/v1/audit".to_owned(),
    ]
}

#[test]
fn a_scope_leaves_nothing_of_others_in_any_answer() {
    let server = two_tenants();
    let has_other = |answer: &crate::server::Answer| answer.text().contains(OTHER);
    let questions = questions(&server);
    let shown = questions.iter().filter(|path| has_other(&server.get(path))).count();
    assert!(shown >= 17, "the admin sees the other in {shown} answers");

    for scope in [
        "node = edge-1",
        "not node = edge-zaphod",
        "node = edge-1 and capture_id = 2001",
        // Names of which rows of calls know nothing.
        "node = edge-1 and transport = udp and exists cseq_method",
        "from_user = \"+4930123*\"",
    ] {
        let name = format!("u{}", scope.len());
        let session = user(&server, &name, "engineer", Some(scope));
        let body = json!({"name": "t", "scope": scope});
        for holder in [session, token(&server, &body)] {
            for path in &questions {
                let answer = as_user(&server, &holder, "GET", path, None);
                // What is not found is named as it was asked for.
                let is_leak = answer.status != 404 && has_other(&answer);
                assert!(!is_leak, "{scope}: {path}: {}", answer.text());
            }
            let sql = json!({"sql": "SELECT call_id FROM sip"});
            let refused = as_user(&server, &holder, "POST", "/api/v1/sql", Some(&sql));
            assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
            // And their own is there.
            let own = as_user(&server, &holder, "GET", &format!("/api/v1/call/{}", escaped(OWN_CALL)), None);
            assert_eq!(own.status, 200, "{scope}");
            let calls = as_user(&server, &holder, "GET", "/api/v1/calls", None).json();
            let ids: Vec<&str> = calls["calls"]
                .as_array()
                .expect("calls")
                .iter()
                .filter_map(|call| call["call_id"].as_str())
                .collect();
            assert!(ids.contains(&OWN_CALL) && ids.contains(&"own-busy@example.org"), "{scope}: {ids:?}");
            let exported = as_user(&server, &holder, "GET", "/api/v1/export?format=json", None);
            assert!(exported.text().contains(OWN_CALL), "{scope}");
        }
    }
}

#[test]
fn figures_of_a_scope_are_of_its_calls_or_refused() {
    let server = two_tenants();
    assert_eq!(server.ask("/api/v1/kpi")["all"]["total"]["attempts"], 4);
    let own = user(&server, "own", "viewer", Some("node = edge-1"));
    let kpi = as_user(&server, &own, "GET", "/api/v1/kpi", None).json();
    assert_eq!(kpi["all"]["total"]["attempts"], 2);
    // Figures of minutes are of all calls, whatever they were grouped by.
    let of_source = user(&server, "source", "viewer", Some("src_ip = 192.0.2.0/24"));
    let refused = as_user(&server, &of_source, "GET", "/api/v1/messages?table=kpi_1m", None);
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "{}", refused.text());
    let blind = user(&server, "blind", "viewer", Some("cseq_method != BYE and node = edge-1"));
    for path in ["/api/v1/kpi", "/api/v1/signatures", "/api/v1/registrations", "/api/v1/messages?table=calls"]
    {
        let refused = as_user(&server, &blind, "GET", path, None);
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "{path}");
        assert!(refused.text().contains("cseq_method"), "{}", refused.text());
    }
    for (name, scope, hidden) in
        [("contrary", "not table = sip", "INVITE"), ("exact", "table = sip and node = edge-1", OTHER)]
    {
        let of_tables = user(&server, name, "viewer", Some(scope));
        for path in ["/api/v1/kpi", "/api/v1/signatures", "/api/v1/messages?table=calls"] {
            let refused = as_user(&server, &of_tables, "GET", path, None);
            assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "{scope}: {path}");
        }
        let calls = as_user(&server, &of_tables, "GET", "/api/v1/calls", None);
        assert!(calls.status == 200 && !calls.text().contains(hidden), "{scope}: {}", calls.text());
    }
    // What the scope leaves out of a call is not counted either.
    let calls = as_user(&server, &blind, "GET", "/api/v1/calls", None).json();
    let call = calls["calls"].as_array().expect("calls").iter().find(|call| call["call_id"] == OWN_CALL);
    assert_eq!(call.expect("their call")["state"], "answered", "its BYE is not shown");
}

#[test]
fn a_scope_that_is_none_is_told_why() {
    let server = Server::with_calls(&[]);
    for (scope, why) in [
        ("", "names nothing"),
        ("node = ", "at"),
        ("nodee = x", "node"),
        ("\"some words\"", "payloads"),
        ("extra ~ x", "payloads"),
        ("state = failed", "of calls"),
    ] {
        let body = json!({"name": "x", "role": "viewer", "scope": scope, "password": SECRET});
        let refused = server.post("/api/v1/users", &body);
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{scope}");
        assert!(refused.text().contains(why), "{scope}: {}", refused.text());
        let refused = server.post("/api/v1/tokens", &json!({"name": "x", "scope": scope}));
        assert_eq!(refused.status, 400, "{scope}");
    }
}

#[test]
fn users_are_made_changed_and_removed() {
    let server = Server::with(&[]);
    let made = server.post("/api/v1/users", &json!({"name": "vera", "role": "viewer"}));
    let password = made.json()["password"].as_str().expect("a random one").to_owned();
    assert_eq!((made.status, password.len()), (201, 26));
    let again = server.post("/api/v1/users", &json!({"name": "vera", "role": "viewer"}));
    assert_eq!((again.status, again.code().as_str()), (409, "conflict"));
    for body in [
        json!({"name": "", "role": "viewer"}),
        json!({"name": "a b", "role": "viewer"}),
        json!({"name": "x".repeat(255), "role": "viewer"}),
        json!({"name": "x", "role": "owner"}),
        json!({"name": "x", "role": "viewer", "password": "short"}),
        json!({"name": "x", "role": "admin", "scope": "node = a"}),
        json!({"name": "x", "role": "viewer", "scop": "node = a"}),
    ] {
        let refused = server.post("/api/v1/users", &body);
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{body}");
    }
    let login = |password: &str| {
        let answer = server.post("/api/v1/login", &json!({"user": "vera", "password": password}));
        answer.json()["token"].as_str().map(str::to_owned)
    };
    let patch = |body: &Value| server.send("PATCH", "/api/v1/users/vera", &[], Some(body)).status;
    let me = |token: &str| as_user(&server, token, "GET", "/api/v1/me", None);

    let first = login(&password).expect("logged in");
    assert_eq!(me(&first).json()["permissions"], json!(["own", "search", "boards", "server"]));
    assert_eq!(patch(&json!({"role": "engineer", "scope": "node = a"})), 204);
    assert_eq!(me(&first).status, 401, "what changed ends the session");
    let second = login(&password).expect("logged in");
    let told = me(&second).json();
    assert_eq!((&told["role"], &told["scope"]), (&json!("engineer"), &json!("node = a")));
    assert_eq!(told["permissions"], json!(["own", "search", "boards", "export", "share"]));
    assert_eq!(patch(&json!({"role": "admin"})), 400, "an admin has no scope");
    assert_eq!(patch(&json!({"scope": null})), 204);
    let third = login(&password).expect("logged in");
    assert_eq!(me(&third).json()["scope"], Value::Null);
    assert_eq!(patch(&json!({"password": SECRET})), 204);
    assert_eq!((me(&third).status, login(&password)), (401, None));

    let users = server.ask("/api/v1/users");
    let names: Vec<&Value> =
        users["users"].as_array().expect("users").iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["admin", "vera"]);
    assert!(!users.to_string().contains("argon2"), "{users}");

    let fourth = login(SECRET).expect("logged in");
    let api = as_user(&server, &fourth, "POST", "/api/v1/tokens", Some(&json!({"name": "t"})));
    let api = api.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(server.send("DELETE", "/api/v1/users/vera", &[], None).status, 204);
    assert_eq!((me(&fourth).status, me(&api).status, login(SECRET)), (401, 401, None));
    assert_eq!(server.send("DELETE", "/api/v1/users/vera", &[], None).code(), "not_found");
    let last = server.send("DELETE", "/api/v1/users/admin", &[], None);
    assert_eq!((last.status, last.code().as_str()), (409, "conflict"));
    let last = server.send("PATCH", "/api/v1/users/admin", &[], Some(&json!({"role": "viewer"})));
    assert_eq!(last.status, 409);
}

#[test]
fn ones_own_password_needs_the_one_so_far() {
    let server = Server::with(&[]);
    let own = user(&server, "vera", "viewer", None);
    let other = session(&server, "vera");
    let put = |token: &str, current: &str, new: &str| {
        let body = json!({"current": current, "new": new});
        as_user(&server, token, "PUT", "/api/v1/me/password", Some(&body)).status
    };
    assert_eq!(put(&own, "a wrong one, this", "another good one"), 403);
    assert_eq!(put(&own, SECRET, "short"), 400);
    assert_eq!(put(&own, SECRET, "another good one"), 204);
    let me = |token: &str| as_user(&server, token, "GET", "/api/v1/me", None).status;
    assert_eq!((me(&own), me(&other)), (200, 401), "the others end");
    // Guessing is slowed down like a login.
    let guesses: Vec<u16> = (0..12).map(|_| put(&own, "a guess of somebody", "another good one")).collect();
    assert_eq!((guesses[0], guesses[11]), (403, 429), "{guesses:?}");
    let token = token(&server, &json!({"name": "t"}));
    assert_eq!(put(&token, crate::server::PASSWORD, "another good one"), 403, "not with a token");
}

#[test]
fn tokens_are_no_more_than_who_makes_them_and_only_from_where_they_may() {
    let server = Server::with(&[]);
    let engineer = user(&server, "erik", "engineer", None);
    let make = |holder: &str, body: &Value| as_user(&server, holder, "POST", "/api/v1/tokens", Some(body));
    let above = make(&engineer, &json!({"name": "t", "role": "admin"}));
    assert_eq!((above.status, above.code().as_str()), (403, "forbidden"));
    for addresses in [json!(["x"]), json!(["10.0.0.0/33"]), json!(vec!["10.0.0.1"; 33])] {
        let refused = make(&engineer, &json!({"name": "t", "addresses": addresses}));
        assert_eq!(refused.status, 400, "{addresses}");
    }
    let here = make(&engineer, &json!({"name": "here", "addresses": ["127.0.0.0/8", "192.0.2.1"]})).json();
    let here = here["token"].as_str().expect("a token").to_owned();
    let away = make(&engineer, &json!({"name": "away", "addresses": ["192.0.2.0/24"]})).json();
    let away = away["token"].as_str().expect("a token").to_owned();
    assert_eq!(as_user(&server, &here, "GET", "/api/v1/me", None).status, 200);
    let refused = as_user(&server, &away, "GET", "/api/v1/me", None);
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    assert!(refused.text().contains("127.0.0.1"), "{}", refused.text());
    assert_eq!(make(&here, &json!({"name": "t"})).status, 403, "a token makes no token");

    let listed = as_user(&server, &engineer, "GET", "/api/v1/tokens", None).json();
    assert_eq!(listed["tokens"][0]["addresses"], json!(["127.0.0.0/8", "192.0.2.1/32"]));
    assert!(listed["tokens"][0]["last_used"].is_string() && listed["tokens"][1]["last_used"].is_null());
    let id = listed["tokens"][0]["id"].as_i64().expect("a number");
    assert_eq!(as_user(&server, &engineer, "GET", "/api/v1/tokens?all=true", None).status, 403);
    let all = server.ask("/api/v1/tokens?all=true");
    assert_eq!(all["tokens"][0]["user"], "erik");
    assert_eq!(server.send("DELETE", &format!("/api/v1/tokens/{id}"), &[], None).status, 204, "by an admin");
    assert_eq!(as_user(&server, &here, "GET", "/api/v1/me", None).status, 401);
}

#[test]
fn a_cookie_over_tls_is_for_tls_only() {
    let server = Server::with(&[]);
    let body = json!({"user": "admin", "password": crate::server::PASSWORD});
    let cookie = |origin: &str| {
        let answer = server.send("POST", "/api/v1/login", &[("origin", origin)], Some(&body));
        answer.header("set-cookie").expect("a cookie").to_owned()
    };
    assert!(cookie("https://voice.example").ends_with("; Secure"));
    assert!(!cookie("http://voice.example").contains("Secure"));
}
