//! What is asked of calls and registrations, and answered from their rows.

use serde_json::{Value, json};

use crate::server::{ANSWERED, BUSY, REGISTERED, Server, escaped};
use crate::traffic;

fn server() -> Server {
    Server::with_calls(&[
        (600, traffic::answered_call(ANSWERED)),
        (300, traffic::busy_call(BUSY)),
        (200, traffic::registration(REGISTERED)),
        (100, vec![traffic::opaque()]),
    ])
}

fn call_ids(list: &Value) -> Vec<&str> {
    let calls = list["calls"].as_array().expect("calls");
    calls.iter().map(|call| call["call_id"].as_str().expect("an id")).collect()
}

#[test]
fn a_list_of_calls_reads_their_rows() {
    let server = server();
    let list = server.ask("/api/v1/calls");
    assert_eq!(call_ids(&list), [BUSY, ANSWERED], "a registration is no call");
    let answered = json!({
        "call_id": ANSWERED, "first": server.time(600, 0), "last": server.time(600, 32_050), "duration_ms": 32_050,
        "method": "INVITE", "from_user": "+4930123", "to_user": "bob", "src": traffic::PHONE, "dst": traffic::PROXY,
        "src_alias": null, "dst_alias": null,
        "status": 200, "state": "ended", "setup_ms": 2_000, "pdd_ms": 700, "talk_ms": 30_000, "messages": 9,
        "witnesses": 0, "tables": {"sip": 9}, "findings": ["WHO_HUNG_UP"], "severity": "info", "is_open": false,
    });
    assert_eq!(list["calls"][1], answered);
    let page = server.ask("/api/v1/calls?limit=1");
    assert_eq!(call_ids(&page), [BUSY]);
    let next = escaped(page["next"].as_str().expect("there is more"));
    assert_eq!(call_ids(&server.ask(&format!("/api/v1/calls?limit=1&before={next}"))), [ANSWERED]);
}

#[test]
fn calls_are_found_by_what_became_of_them() {
    let server = server();
    for (query, found) in [
        ("finding = who_hung_up", vec![ANSWERED]),
        ("call.state = failed", vec![BUSY]),
        ("pdd > 500ms and talk >= 30s", vec![ANSWERED]),
        ("talk > 31s", vec![]),
        ("status = 486", vec![BUSY]),
        ("call.from = +4930*", vec![BUSY, ANSWERED]),
        ("not exists finding", vec![BUSY]),
        ("severity = info or state = failed", vec![BUSY, ANSWERED]),
    ] {
        let list = server.ask(&format!("/api/v1/calls?q={}", escaped(query)));
        assert_eq!(call_ids(&list), found, "{query}");
    }
    // About messages: then a call is all records that share its Call-ID.
    let list = server.ask(&format!("/api/v1/calls?q={}", escaped("sip.method = BYE")));
    assert_eq!((call_ids(&list), &list["calls"][0]["messages"]), (vec![ANSWERED], &json!(11)));
    let list =
        server.ask(&format!("/api/v1/calls?q={}", escaped("finding = WHO_HUNG_UP and sip.method = BYE")));
    assert_eq!(call_ids(&list), [ANSWERED]);
    let list = server.ask(&format!("/api/v1/calls?q={}", escaped("state = failed and sip.method = BYE")));
    assert_eq!(call_ids(&list), Vec::<&str>::new());
}

#[test]
fn messages_are_found_by_what_became_of_their_call() {
    let server = server();
    let count = |query: &str| {
        let list = server.ask(&format!("/api/v1/messages?q={}", escaped(query)));
        list["messages"].as_array().expect("messages").len()
    };
    assert_eq!(count("finding = WHO_HUNG_UP"), 11);
    assert_eq!(count("finding = WHO_HUNG_UP and sip.method = INVITE"), 6);
    assert_eq!(count("call.state = failed"), 3);
    assert_eq!(count("finding = ACK_MISSING"), 0);
    assert_eq!(count(""), 17, "rows of calls are no messages");
    let refused = server.get(&format!("/api/v1/messages?q={}", escaped("talk > 3s or sip.method = BYE")));
    assert_eq!((refused.status, refused.code().as_str()), (400, "bad_query"));
    assert!(refused.text().contains("`talk` is of calls"), "{}", refused.text());
    let pcap = server.get(&format!("/api/v1/export?format=json&q={}", escaped("call.state = failed")));
    assert_eq!(pcap.status, 200, "{}", pcap.text());
    assert!(pcap.text().contains(BUSY) && !pcap.text().contains(ANSWERED));
}

#[test]
fn registrations_have_a_list() {
    let server = server();
    let list = server.ask("/api/v1/registrations");
    let all = list["registrations"].as_array().expect("registrations");
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0]["call_id"], &all[0]["state"]), (&json!(REGISTERED), &json!("done")));
    assert_eq!((&all[0]["status"], &all[0]["src"]), (&json!(200), &json!("[2001:db8::10]:5062")));
    let refused = server.get("/api/v1/registrations?q=pdd%3E1s");
    assert!(refused.text().contains("registrations have no `pdd`"), "{}", refused.text());
    let refused = server.get(&format!("/api/v1/registrations?q={}", escaped("from_user = alice")));
    assert!(refused.text().contains("registrations have no `from_user`"), "{}", refused.text());
}

/// Of what a word may be among calls only some is there.
#[test]
fn a_bare_word_asks_who_registers() {
    let server = server();
    let user = server.ask("/api/v1/registrations")["registrations"][0]["user"].clone();
    let user = user.as_str().expect("a user");
    for (word, found) in [(user, 1), (REGISTERED, 1), ("nobody", 0)] {
        for path in ["registrations?", "facets?table=registrations&"] {
            let answer = server.ask(&format!("/api/v1/{path}q={}", escaped(word)));
            let rows =
                answer["registrations"].as_array().map_or(answer["rows"].clone(), |all| json!(all.len()));
            assert_eq!(rows, json!(found), "{path} {word}: {answer}");
        }
        let figures = server.ask(&format!("/api/v1/kpi/registrations?q={}&from=-1d&every=1h", escaped(word)));
        assert_eq!(figures["total"]["attempts"], json!(found), "{word}: {figures}");
    }
}

#[test]
fn figures_are_those_of_the_calls() {
    let server = server();
    let kpi = server.ask("/api/v1/kpi?from=-900s&every=5m");
    let total = &kpi["all"]["total"];
    assert_eq!((&total["attempts"], &total["answered"], &total["open"]), (&json!(2), &json!(1), &json!(0)));
    assert_eq!((&total["asr"], &total["ner"], &total["seer"]), (&json!(50.0), &json!(100.0), &json!(100.0)));
    assert_eq!(total["acd_seconds"], 30.0);
    let pdd = total["pdd"]["p50_ms"].as_f64().expect("a number");
    assert!((693.0..=707.0).contains(&pdd), "{pdd} is 700 within a percent");
    let points = kpi["all"]["points"].as_array().expect("points");
    assert_eq!(points.iter().map(|point| point["attempts"].as_u64().expect("a number")).sum::<u64>(), 2);
    assert!(
        points.iter().any(|point| point["attempts"] == 0 && point["asr"].is_null()),
        "no data is not zero"
    );
    let talking: f64 =
        points.iter().map(|point| point["concurrent"].as_f64().expect("a number") * 300.0).sum();
    assert!((talking - 30.0).abs() < 0.001, "{talking} seconds of conversation");

    let by = server.ask("/api/v1/kpi?from=-900s&every=1h&by=status");
    let groups: Vec<(&Value, &Value)> = by["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| (&group["key"], &group["total"]["attempts"]))
        .collect();
    assert_eq!(groups, [(&json!("200"), &json!(1)), (&json!("486"), &json!(1))]);
    for by in ["src", "dst", "trunk", "from_host", "ruri_host", "prefix", "user_agent", "answered_by"] {
        let kpi = server.ask(&format!("/api/v1/kpi?from=-900s&every=1h&by={by}&digits=3"));
        let groups = kpi["groups"].as_array().expect("groups");
        let sum: u64 =
            groups.iter().map(|group| group["total"]["attempts"].as_u64().expect("a number")).sum();
        assert_eq!(sum, 2, "{by}: {groups:?}");
    }
    assert_eq!(server.get("/api/v1/kpi?from=-10d&every=1s").status, 400);
    let kpi = server.ask("/api/v1/kpi/registrations?from=-900s&every=1h");
    assert_eq!((&kpi["total"]["attempts"], &kpi["total"]["ira"]), (&json!(1), &json!(0.0)));
}

/// Minutes and rows say the same, whichever are read.
#[test]
fn figures_of_minutes_are_those_of_rows() {
    let mut stories: Vec<(i64, Vec<traffic::Captured>)> = Vec::new();
    for place in 0..20_i64 {
        let (ago, call_id) = (200 + place * 170, format!("{place}@example.org"));
        stories.push(match place % 4 {
            0 => (ago, traffic::busy_call(&call_id)),
            1 => (ago, traffic::refused_call(&call_id, 503)),
            _ => (ago, traffic::answered_call(&call_id)),
        });
    }
    // Of some minutes more was told since, in the middle and where the series ends.
    for stale in [vec![], vec![stories[3].0, stories[7].0], stories.iter().map(|story| story.0).collect()] {
        let server = Server::with_minutes(&stories, &stale);
        server.post("/api/v1/aliases", &json!({"name": "phones", "match": "192.0.2.0/28"}));
        let all = ["every=1m", "every=5m", "every=1h", "every=1h&digits=3", "every=2m&digits=1"];
        let groups =
            ["", "src", "dst", "trunk", "prefix", "user_agent", "answered_by", "status", "ruri_host"];
        for every in all {
            for by in groups {
                let by = if by.is_empty() { String::new() } else { format!("&by={by}") };
                // Times that stay the same while the clock goes on.
                let (from, to) = (escaped(&server.time(3_000, 0)), escaped(&server.time(100, 0)));
                let asked = format!("/api/v1/kpi?from={from}&to={to}&{every}{by}");
                let mut of_minutes = server.ask(&asked);
                // With a condition, though all calls fulfil it, rows are read.
                let mut of_rows = server.ask(&format!("{asked}&q={}", escaped("exists state")));
                for answer in [&mut of_minutes, &mut of_rows] {
                    answer["elapsed_ms"] = Value::Null;
                }
                assert!(of_rows["all"]["total"]["attempts"].as_u64() > Some(10), "{of_rows}");
                assert_eq!(of_minutes, of_rows, "{asked} with {} stale", stale.len());
            }
        }
    }
}

/// What is in neither minutes nor rows is no data, and no zero.
#[test]
fn figures_of_minutes_without_calls_are_no_data() {
    let server = Server::with_minutes(&[(600, traffic::busy_call(BUSY))], &[]);
    let kpi = server.ask("/api/v1/kpi?from=-1200s&every=1m");
    let points = kpi["all"]["points"].as_array().expect("points");
    let told: Vec<&Value> = points.iter().filter(|point| !point["asr"].is_null()).collect();
    assert_eq!((told.len(), &told[0]["asr"], &told[0]["attempts"]), (1, &json!(0.0), &json!(1)));
    // They are there to be asked by SQL, and are no messages and no calls.
    let sql = "SELECT attempts FROM kpi_1m WHERE grouped_by = 'all' ORDER BY received DESC LIMIT 1";
    let answer = server.post("/api/v1/sql", &json!({"sql": sql}));
    assert_eq!(answer.json()["rows"], json!([[1]]), "{}", answer.text());
    assert_eq!(server.get("/api/v1/calls?q=is_other%3Dtrue").status, 400);
}

#[test]
fn what_was_found_is_counted_by_its_fields() {
    let server = Server::with_calls(&[
        (60, traffic::busy_call("one")),
        (50, traffic::busy_call("two")),
        (40, traffic::refused_call("three", 503)),
        (30, traffic::answered_call("good")),
    ]);
    server.post("/api/v1/aliases", &json!({"name": "carrier", "match": "192.0.2.0/24"}));
    let facet = |path: &str, field: &str| {
        let told = server.ask(path);
        let facets = told["facets"].as_array().expect("facets").clone();
        facets.into_iter().find(|facet| facet["field"] == field)
    };
    let calls = "/api/v1/facets?table=calls";
    assert_eq!(server.ask(calls)["rows"], 4);
    let status = facet(calls, "status").expect("calls differ in it");
    let told: Vec<Value> = status["values"]
        .as_array()
        .expect("values")
        .iter()
        .map(|it| json!([it["value"], it["count"], it["only"], it["without"]]))
        .collect();
    let expected = [("486", 2), ("200", 1), ("503", 1)].map(|(status, count)| {
        json!([status, count, format!("status = {status}"), format!("not status = {status}")])
    });
    assert_eq!((told.as_slice(), &status["none"]), (expected.as_slice(), &json!(0)));
    // What it says is found is found.
    for (field, q) in
        [("status", ""), ("state", "status = 486"), ("finding", ""), ("sender", ""), ("src_ip", "")]
    {
        for value in facet(&format!("{calls}&q={}", escaped(q)), field).iter().flat_map(values) {
            let only = value["only"].as_str().expect("a condition");
            let found = server.ask(&format!("/api/v1/calls?q={}", escaped(only)));
            assert_eq!(
                found["calls"].as_array().map(Vec::len),
                value["count"].as_u64().map(|count| count as usize),
                "{only}"
            );
        }
    }
    assert_eq!(facet(&format!("{calls}&q=status%20%3D%20503"), "status"), None, "all are alike in it");
    let messages = facet("/api/v1/facets", "method").expect("messages differ in it");
    let found = server.ask("/api/v1/messages?q=method%20%3D%20BYE");
    let byes = values(&messages).find(|value| value["value"] == "BYE").expect("BYE").clone();
    assert_eq!(
        found["messages"].as_array().map(Vec::len),
        byes["count"].as_u64().map(|count| count as usize)
    );
    assert_eq!((byes["only"].as_str(), byes["alias"].as_str()), (Some("method = \"BYE\""), None));
    let source = facet("/api/v1/facets", "src_ip").expect("messages differ in it");
    assert!(values(&source).any(|value| value["alias"] == "carrier"), "{source}");
    let of_messages = server.ask("/api/v1/facets?table=calls&q=sip.method%20%3D%20BYE");
    assert_eq!((&of_messages["of"], &of_messages["rows"]), (&json!("messages"), &byes["count"]));
    assert_eq!(server.get("/api/v1/facets?table=registrations&q=sip.method%20%3D%20BYE").status, 400);
    assert_eq!(server.get("/api/v1/facets?table=nothing").status, 400);
}

#[test]
fn what_is_found_is_counted_over_time() {
    let server = Server::with_calls(&[
        (3_000, traffic::busy_call("one")),
        (50, traffic::busy_call("two")),
        (40, traffic::refused_call("three", 503)),
        (30, traffic::answered_call("good")),
    ]);
    server.post("/api/v1/aliases", &json!({"name": "carrier", "match": "192.0.2.0/24"}));
    let counts = |rest: &str| server.ask(&format!("/api/v1/counts?table=calls&every=10m{rest}"));
    let sum =
        |points: &Value| points.as_array().expect("points").iter().filter_map(Value::as_u64).sum::<u64>();
    let all = counts("");
    assert_eq!(
        (&all["of"], &all["all"]["total"], &all["partial"]),
        (&json!("calls"), &json!(4), &Value::Null)
    );
    let points = all["all"]["points"].as_array().expect("points");
    assert!((6..=8).contains(&points.len()) && sum(&all["all"]["points"]) == 4, "{all}");
    assert!(points.iter().all(Value::is_u64) && points.iter().any(|point| point == 0), "all was read: {all}");

    let told = |answer: &Value| -> Vec<Value> {
        let groups = answer["groups"].as_array().expect("groups").iter();
        groups.map(|group| json!([group["value"], group["total"], group["only"], group["alias"]])).collect()
    };
    let by_status = counts("&by=status&top=2");
    assert_eq!(
        told(&by_status),
        [json!(["486", 2, "status = 486", null]), json!(["200", 1, "status = 200", null])]
    );
    assert_eq!(by_status["others"]["total"], 1);
    for group in by_status["groups"].as_array().expect("groups") {
        assert_eq!(Some(sum(&group["points"])), group["total"].as_u64());
    }
    let source = counts("&by=src_ip");
    assert_eq!((&source["groups"][0]["alias"], &source["others"]), (&json!("carrier"), &Value::Null));
    assert_eq!(counts("&q=status%20%3D%20486")["all"]["total"], 2);

    // In ranges: the answered one alone has talked, for 30 s.
    let talk = counts("&value=talk");
    let ranges = talk["ranges"].as_array().expect("ranges");
    assert_eq!((&talk["unit"], &talk["none"], ranges.len()), (&json!("us"), &json!(3), 1));
    assert_eq!((&ranges[0]["low"], &ranges[0]["high"]), (&json!(20_000_000.0), &json!(50_000_000.0)));
    assert_eq!(ranges[0]["total"], 1);

    // Messages, of all tables and by what is in lists.
    let messages = server.ask("/api/v1/counts?every=1h&by=method");
    let facets = server.ask("/api/v1/facets");
    assert_eq!((&messages["of"], &messages["all"]["total"]), (&json!("messages"), &facets["rows"]));
    assert_eq!(counts("&by=finding")["of"], "calls");
    for wrong in [
        "&by=colour",
        "&by=answered",
        "&value=state",
        "&by=status&value=talk",
        "&top=51",
        "&q=statu%20%3D%201",
        "&every=1ms",
    ] {
        let refused = server
            .get(&format!("/api/v1/counts?table=calls&every=10m{wrong}").replace("every=10m&every", "every"));
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
    }
}

#[test]
fn what_is_inside_of_a_box_is_compared_with_what_is_outside() {
    let server = Server::with_calls(&[
        (2_000, traffic::busy_call("one")),
        (1_900, traffic::busy_call("two")),
        (40, traffic::refused_call("three", 503)),
        (30, traffic::refused_call("four", 503)),
        (20, traffic::answered_call("good")),
    ]);
    let told = server.ask("/api/v1/differences?table=calls&inside_from=-10m");
    assert_eq!((&told["of"], &told["inside"], &told["outside"]), (&json!("calls"), &json!(3), &json!(2)));
    let fields = told["fields"].as_array().expect("fields");
    let status = fields.iter().find(|field| field["field"] == "status").expect("they differ in it");
    let values: Vec<Value> = values(status)
        .map(|value| {
            json!([value["value"], value["inside"], value["outside"], value["only"], value["without"]])
        })
        .collect();
    // What is all of the outside and none of the inside differs most.
    assert_eq!(
        values,
        [
            json!(["486", 0, 2, "status = 486", "not status = 486"]),
            json!(["503", 2, 0, "status = 503", "not status = 503"]),
            json!(["200", 1, 0, "status = 200", "not status = 200"]),
        ]
    );
    let most: Vec<f64> = fields.iter().map(|field| field["difference"].as_f64().expect("a number")).collect();
    assert!(
        most.is_sorted_by(|a, b| a >= b) && most[0] <= 1.0 && most.iter().all(|one| *one > 0.0),
        "{most:?}"
    );

    // By a range of a number: the one that talked, 30 s.
    let talked = server.ask("/api/v1/differences?table=calls&value=talk&low=20000000&high=50000000");
    assert_eq!((&talked["inside"], &talked["outside"]), (&json!(1), &json!(4)));
    let both =
        server.ask("/api/v1/differences?table=calls&value=talk&low=20000000&high=50000000&inside_to=-10m");
    assert_eq!((&both["inside"], &both["fields"]), (&json!(0), &json!([])));
    for wrong in ["low=1", "value=state&low=1", "value=talk", "inside_from=yesterday", "value=colour&low=1"] {
        let refused = server.get(&format!("/api/v1/differences?table=calls&{wrong}"));
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
    }
}

fn values(facet: &Value) -> impl Iterator<Item = &Value> {
    facet["values"].as_array().expect("values").iter()
}

#[test]
fn failures_that_are_alike_are_one_signature() {
    let days = 24 * 3_600;
    let server = Server::with_calls(&[
        (9 * days, traffic::busy_call("long ago")),
        (3 * days, traffic::refused_call("before", 503)),
        (60, traffic::busy_call("one")),
        (50, traffic::busy_call("two")),
        (40, traffic::refused_call("three", 503)),
        (30, traffic::answered_call("good")),
    ]);
    let list = server.ask("/api/v1/signatures");
    let told: Vec<Value> = list["signatures"]
        .as_array()
        .expect("signatures")
        .iter()
        .map(|it| json!([it["status"], it["calls"], it["is_new"], it["is_back"], it["examples"]]))
        .collect();
    assert_eq!(
        told,
        [json!([486, 2, true, false, ["two", "one"]]), json!([503, 1, false, true, ["three"]])],
        "{list}"
    );
    let trend = list["signatures"][0]["trend"].as_array().expect("a trend");
    assert_eq!((trend.len(), trend.iter().filter_map(Value::as_u64).sum::<u64>()), (24, 2));
}
