//! Links that show one call to whoever has them, and nothing else.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::access::routes;
use crate::authority::{as_user, user};
use crate::server::{ANSWERED, Answer, BUSY, PASSWORD, Server, escaped};
use crate::traffic;

/// Makes a link and returns its secret and what was said of it.
#[track_caller]
fn link(server: &Server, maker: &str, body: &Value) -> (String, Value) {
    let made = as_user(server, maker, "POST", "/api/v1/shares", Some(body));
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    (made["secret"].as_str().expect("a secret").to_owned(), made)
}

fn follow(server: &Server, secret: &str, path: &str) -> Answer {
    as_user(server, secret, "GET", path, None)
}

fn admin(server: &Server) -> String {
    server.token().expect("logged in").to_owned()
}

/// What the audit log has of an action, the latest first: who, how, what, status.
fn log(server: &Server, action: &str) -> Vec<(Value, Value, String, Value)> {
    let log = server.ask(&format!("/api/v1/audit?action={action}"));
    let entries = log["entries"].as_array().expect("entries").iter();
    entries
        .map(|entry| {
            let what = entry["what"].as_str().expect("a text").to_owned();
            (entry["user"].clone(), entry["token"].clone(), what, entry["status"].clone())
        })
        .collect()
}

#[test]
fn a_link_shows_its_call_to_whoever_has_it() {
    let server = Server::start();
    let body = json!({"call_id": ANSWERED, "redacted": false, "hours": 1, "note": " look at the BYE "});
    let (secret, made) = link(&server, &admin(&server), &body);
    assert_eq!(
        (&made["user"], &made["note"], &made["redacted"]),
        (&json!("admin"), &json!("look at the BYE"), &json!(false))
    );

    let answer = follow(&server, &secret, "/api/v1/shared");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        (answer.header("referrer-policy"), answer.header("cache-control")),
        (Some("no-referrer"), Some("no-store"))
    );
    let shown = answer.json();
    assert_eq!(
        (&shown["shared_by"], &shown["expires"], &shown["note"]),
        (&json!("admin"), &made["expires"], &json!("look at the BYE"))
    );
    // Exactly what the page of the call is.
    assert_eq!(shown["call"], server.ask(&format!("/api/v1/call/{}", escaped(ANSWERED))));

    let messages = shown["call"]["messages"].as_array().expect("messages").clone();
    for message in &messages {
        let id = message["id"].as_str().expect("an id");
        let seen = follow(&server, &secret, &format!("/api/v1/shared/messages/{id}"));
        assert_eq!((seen.status, seen.json()), (200, server.ask(&format!("/api/v1/messages/{id}"))));
    }
    for format in ["pcap", "text", "json", "hepjs"] {
        let file = follow(&server, &secret, &format!("/api/v1/shared/export?format={format}"));
        let own = server.get(&format!("/api/v1/export?format={format}&call_id={}", escaped(ANSWERED)));
        assert_eq!((file.status, &file.body), (200, &own.body), "{format}");
        assert_eq!(file.header("content-disposition"), own.header("content-disposition"));
    }
    let list = server.ask("/api/v1/shares");
    assert_eq!((&list["shares"][0]["opened"], &list["shares"][0]["call_id"]), (&json!(1), &json!(ANSWERED)));
    assert!(!list.to_string().contains(&secret), "told once");
}

#[test]
fn a_link_opens_nothing_else() {
    let server = Server::start();
    let (secret, _) = link(&server, &admin(&server), &json!({"call_id": ANSWERED}));
    let others = server.ask(&format!("/api/v1/call/{}", escaped(BUSY)));
    for message in others["messages"].as_array().expect("messages") {
        let id = message["id"].as_str().expect("an id");
        assert_eq!(
            follow(&server, &secret, &format!("/api/v1/shared/messages/{id}")).status,
            404,
            "of another call"
        );
    }
    for (method, path, filled) in
        routes().into_iter().filter(|(_, path, _)| !path.starts_with("/api/v1/shared"))
    {
        let answer = as_user(&server, &secret, &method, &filled, None);
        let is_public = ["/health", "/api/v1/login"].contains(&path.as_str());
        assert!(is_public || answer.status == 401, "{method} {path}: {}", answer.status);
    }
    let call = format!("/api/v1/call/{}", escaped(ANSWERED));
    assert_eq!(follow(&server, &secret, &call).status, 401, "its own call neither, by another door");
    let cookie = format!("rhapsode_session={secret}");
    assert_eq!(
        server.stranger("GET", "/api/v1/shared", &[("cookie", &cookie)], None).status,
        401,
        "no cookie opens it"
    );
    assert_eq!(server.stranger("GET", &format!("/api/v1/shared?token={secret}"), &[], None).status, 401);
    assert_eq!(follow(&server, &secret, "/api/v1/shared/export?format=pcap&call_id=x").status, 400);
    assert_eq!(follow(&server, &admin(&server), "/api/v1/shared").status, 401, "a session is no link");
}

#[test]
fn what_is_redacted_is_so_in_every_answer() {
    let server = Server::with_calls(&[
        (600, traffic::answered_call(ANSWERED)),
        (300, traffic::busy_call("busy@example.org")),
    ]);
    for call_id in [ANSWERED, "busy@example.org"] {
        let (secret, made) = link(&server, &admin(&server), &json!({"call_id": call_id}));
        assert_eq!(made["redacted"], true, "unless it is said");
        let shown = follow(&server, &secret, "/api/v1/shared");
        assert_eq!(shown.status, 200, "{}", shown.text());
        let plain = server.ask(&format!("/api/v1/call/{}", escaped(call_id)));
        let call = shown.json()["call"].clone();
        let ids = |call: &Value, field: &str| -> Vec<Value> {
            call["messages"]
                .as_array()
                .expect("messages")
                .iter()
                .map(|message| message[field].clone())
                .collect()
        };
        for field in ["id", "ts", "label", "method", "status", "retransmission_of", "witness_of"] {
            assert_eq!(ids(&call, field), ids(&plain, field), "{field} stays");
        }
        assert_eq!(call["findings"].as_array().map(Vec::len), plain["findings"].as_array().map(Vec::len));
        assert_eq!(
            (&call["summary"]["state"], &call["hosts"].as_array().map(Vec::len)),
            (&plain["summary"]["state"], &plain["hosts"].as_array().map(Vec::len))
        );

        let mut answers = vec![shown.text()];
        for id in ids(&call, "id") {
            let message =
                follow(&server, &secret, &format!("/api/v1/shared/messages/{}", id.as_str().expect("an id")));
            assert_eq!(message.status, 200);
            let raw = message.json()["raw"].as_str().map(ToOwned::to_owned);
            if let Some(raw) = raw {
                use base64::Engine as _;
                let bytes = base64::engine::general_purpose::STANDARD.decode(raw).expect("base64");
                answers.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            answers.push(message.text());
        }
        for format in ["pcap", "text", "json", "hepjs"] {
            let file = follow(&server, &secret, &format!("/api/v1/shared/export?format={format}"));
            assert_eq!(file.status, 200, "{format}");
            answers.push(format!("{:?} {}", file.header("content-disposition"), file.text()));
        }
        // What the plain call has of people and places.
        let mut secrets = vec!["example.org".to_owned(), "4930123".to_owned()];
        for message in plain["messages"].as_array().expect("messages") {
            for field in ["from_user", "to_user", "src_ip", "dst_ip", "node", "sender"] {
                secrets.extend(message[field].as_str().map(str::to_owned));
            }
        }
        // Addresses of documentation are what stands for addresses, too.
        secrets.retain(|secret| !secret.starts_with("192.0.2."));
        // Three letters may stand in base64.
        secrets.iter_mut().filter(|secret| secret.len() <= 3).for_each(|secret| secret.push('@'));
        assert!(secrets.len() > 3, "{secrets:?}");
        for answer in &answers {
            for secret in &secrets {
                assert!(!answer.contains(secret.as_str()), "{secret}: {answer}");
            }
        }
        assert!(answers[0].contains("host-1.example"), "{}", answers[0]);
    }
}

#[test]
fn a_link_ends_when_it_expires_or_is_taken_back() {
    let server = Server::start();
    let erik = user(&server, "erik", "engineer", None);
    let emma = user(&server, "emma", "engineer", None);
    let (secret, made) = link(&server, &erik, &json!({"call_id": ANSWERED, "hours": 2}));
    let id = made["id"].as_i64().expect("a number");
    let settings = Connection::open(server.dir.path().join("settings.sqlite")).expect("opened");
    let expires: i64 =
        settings.query_row("SELECT expires - created FROM share", [], |row| row.get(0)).expect("a row");
    assert_eq!(expires, 2 * 3_600_000_000);
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 200);
    settings.execute("UPDATE share SET expires = created", []).expect("written");
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 401, "its time is over");
    settings.execute("UPDATE share SET expires = created + 7200000000", []).expect("written");

    assert_eq!(
        as_user(&server, &emma, "DELETE", &format!("/api/v1/shares/{id}"), None).status,
        404,
        "not hers"
    );
    assert_eq!(as_user(&server, &emma, "GET", "/api/v1/shares", None).json()["shares"], json!([]));
    assert_eq!(as_user(&server, &emma, "GET", "/api/v1/shares?all=true", None).status, 403);
    assert_eq!(server.ask("/api/v1/shares?all=true")["shares"][0]["user"], "erik");
    assert_eq!(
        server.ask(&format!("/api/v1/shares?all=true&call_id={}", escaped(BUSY)))["shares"],
        json!([])
    );
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 200);
    assert_eq!(as_user(&server, &erik, "DELETE", &format!("/api/v1/shares/{id}"), None).status, 204);
    for path in ["/api/v1/shared", "/api/v1/shared/export?format=json"] {
        assert_eq!(follow(&server, &secret, path).status, 401, "{path}");
    }
    let (secret, made) = link(&server, &erik, &json!({"call_id": ANSWERED}));
    assert_eq!(
        server.send("DELETE", &format!("/api/v1/shares/{}", made["id"]), &[], None).status,
        204,
        "by an admin"
    );
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 401);
}

#[test]
fn a_link_is_never_more_than_its_maker() {
    let server = Server::start();
    let emma = user(&server, "emma", "engineer", Some("node = edge-1"));
    let vera = user(&server, "vera", "viewer", None);
    let body = json!({"call_id": ANSWERED, "redacted": false});
    assert_eq!(
        as_user(&server, &vera, "POST", "/api/v1/shares", Some(&body)).status,
        403,
        "a viewer makes none"
    );
    let (secret, _) = link(&server, &emma, &body);
    let all = follow(&server, &secret, "/api/v1/shared").json()["call"]["messages"].as_array().map(Vec::len);
    assert!(all.is_some_and(|all| all > 0));

    // A narrower scope holds for the link at once; one that leaves nothing of the call leaves nothing.
    let change = |change: Value| {
        let changed = server.send("PATCH", "/api/v1/users/emma", &[], Some(&change));
        assert_eq!(changed.status, 204, "{}", changed.text());
    };
    change(json!({"scope": "node = edge-1 and cseq_method = BYE"}));
    let cut = follow(&server, &secret, "/api/v1/shared").json()["call"]["messages"].as_array().map(Vec::len);
    assert!(cut.is_some_and(|cut| cut > 0) && cut < all, "{cut:?} of {all:?}");
    change(json!({"scope": "node = elsewhere"}));
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 404);
    change(json!({"scope": null}));
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 200);
    change(json!({"role": "viewer"}));
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 401, "she may not share any more");
    change(json!({"role": "engineer"}));
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 401, "and it stays ended");

    let session =
        server.post("/api/v1/login", &json!({"user": "emma", "password": "correct horse battery"})).json();
    let (secret, _) = link(&server, session["token"].as_str().expect("a token"), &body);
    assert_eq!(server.send("DELETE", "/api/v1/users/emma", &[], None).status, 204);
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 401, "who made it is gone");
    assert_eq!(server.ask("/api/v1/shares?all=true")["shares"], json!([]));
}

#[test]
fn wrong_requests_are_told_why() {
    let server = Server::start();
    for (body, status) in [
        (json!({}), 400),
        (json!({"call_id": ANSWERED, "hours": 0}), 400),
        (json!({"call_id": ANSWERED, "hours": 721}), 400),
        (json!({"call_id": ANSWERED, "note": "x".repeat(501)}), 400),
        (json!({"call_id": ANSWERED, "scope": "x"}), 400),
        (json!({"call_id": "nobody@nowhere"}), 404),
    ] {
        let refused = server.post("/api/v1/shares", &body);
        assert_eq!(refused.status, status, "{body}: {}", refused.text());
    }
    let made = server.post("/api/v1/tokens", &json!({"name": "t"})).json();
    let token = made["token"].as_str().expect("a token");
    let refused = as_user(&server, token, "POST", "/api/v1/shares", Some(&json!({"call_id": ANSWERED})));
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "a token makes no links");
    assert_eq!(as_user(&server, token, "GET", "/api/v1/shares", None).status, 403, "nor lists them");
    assert_eq!(server.send("DELETE", "/api/v1/shares/999", &[], None).status, 404);
    for _ in 0..50 {
        link(&server, &admin(&server), &json!({"call_id": ANSWERED}));
    }
    let refused = server.post("/api/v1/shares", &json!({"call_id": ANSWERED}));
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "one user has enough");
}

#[test]
fn making_opening_and_taking_back_is_written_down_and_no_secret_is() {
    let server = Server::start();
    let (secret, made) = link(&server, &admin(&server), &json!({"call_id": ANSWERED}));
    let id = &made["id"];
    let name = json!(format!("link {id}"));
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 200);
    assert_eq!(follow(&server, &secret, "/api/v1/shared/export?format=json").status, 200);
    let message = follow(&server, &secret, "/api/v1/shared/messages/1");
    assert_eq!(message.status, 404);
    assert_eq!(server.send("DELETE", &format!("/api/v1/shares/{id}"), &[], None).status, 204);
    assert_eq!(follow(&server, &secret, "/api/v1/shared").status, 401);

    let expires = made["expires"].as_str().expect("a time");
    let admin = json!("admin");
    let said = log(&server, "shares");
    assert_eq!(
        said[0],
        (
            admin.clone(),
            Value::Null,
            format!("shares: took back link {id} of admin to call {ANSWERED}"),
            json!(204)
        )
    );
    assert_eq!(
        said[1],
        (
            admin.clone(),
            Value::Null,
            format!("shares: link {id} to call {ANSWERED} until {expires}, redacted"),
            json!(201)
        )
    );
    let mut said = log(&server, "shared");
    let expected = [
        (Value::Null, Value::Null, "a link that opens nothing".to_owned(), json!(401)),
        (admin.clone(), name.clone(), format!("shared/messages/1 of call {ANSWERED}"), json!(404)),
        (admin.clone(), name.clone(), format!("shared/export?format=json of call {ANSWERED}"), json!(200)),
        (admin.clone(), name.clone(), format!("shared of call {ANSWERED}"), json!(200)),
    ];
    // A file is written down after its last piece.
    while said.len() < expected.len() {
        std::thread::yield_now();
        said = log(&server, "shared");
    }
    assert_eq!(said.len(), expected.len(), "{said:?}");
    assert!(expected.iter().all(|entry| said.contains(entry)), "{said:?}");
    let entries = server.ask("/api/v1/audit?action=shared");
    assert!(entries["entries"].as_array().expect("entries").iter().any(|entry| entry["kind"] == "link"));
    let all = server.ask("/api/v1/audit?limit=10000").to_string();
    assert!(!all.contains(&secret) && !all.contains(&secret[9..]));
    for file in ["settings.sqlite", "settings.sqlite-wal"] {
        let kept = std::fs::read(server.dir.path().join(file)).expect("read");
        assert!(!String::from_utf8_lossy(&kept).contains(&secret[9..]), "{file}: only its hash is kept");
    }
}

#[test]
fn guessing_links_is_slowed_down_and_logins_are_not() {
    let server = Server::start();
    let (secret, _) = link(&server, &admin(&server), &json!({"call_id": ANSWERED}));
    let guess = format!("rhapsode_{}", "A".repeat(43));
    let answers: Vec<u16> = (0..12).map(|_| follow(&server, &guess, "/api/v1/shared").status).collect();
    assert_eq!(answers[..10], [401; 10]);
    assert_eq!(answers[10..], [429; 2]);
    let refused = follow(&server, &secret, "/api/v1/shared");
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_attempts"), "even the right one");
    assert!(refused.header("retry-after").is_some());
    let login = server.post("/api/v1/login", &json!({"user": "admin", "password": PASSWORD}));
    assert_eq!(login.status, 200, "who follows an old link keeps nobody from logging in");
}
