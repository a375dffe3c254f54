//! Rules of alerts: what they measure of what is kept, and who may silence them.

use std::time::{Duration, Instant};

use alerts::{Baseline, Condition, Figure, Labels, Rule, Severity};
use model::Micros;
use serde_json::{Value, json};

use crate::authority::{as_user, user};
use crate::server::{Server, escaped};
use crate::traffic;

fn rule(name: &str, figure: Figure, condition: Condition) -> Rule {
    Rule {
        name: name.to_owned(),
        summary: name.to_owned(),
        figure,
        query: None,
        by: None,
        alarms: Vec::new(),
        window: 10 * Micros::MINUTE,
        attempts_min: 10,
        heard_for: 0,
        condition,
        every: Micros::SECOND,
        hold: 0,
        keep: 0,
        severity: Severity::Warning,
        labels: Labels::new(),
        to: Vec::new(),
    }
}

/// On each of the last seven days twelve calls were answered at this time; today twelve were busy.
fn unusual() -> Server {
    let mut stories = Vec::new();
    for call in 0..12 {
        for day in 1..=7 {
            let story = traffic::answered_call(&format!("day-{day}-{call}@example.org"));
            stories.push((day * 86_400 + 60 + call, story));
        }
        stories.push((60 + call, traffic::busy_call(&format!("today-{call}@example.org"))));
    }
    let above = |bound| Condition { above: Some(bound), ..Condition::default() };
    let baseline = Baseline { days: 7, rises_percent: None, falls_percent: Some(30.0) };
    let falls = Condition { baseline: Some(baseline), ..Condition::default() };
    let rises = Baseline { rises_percent: Some(30.0), falls_percent: None, ..baseline };
    let rules = [
        rule("asr_drop", Figure::Asr, falls),
        Rule {
            query: Some("state = failed".to_owned()),
            by: Some("src_ip".to_owned()),
            ..rule("failed", Figure::CallRows, above(5.0))
        },
        Rule {
            query: Some("status = 486".to_owned()),
            by: Some("trunk".to_owned()),
            ..rule("busy_share", Figure::Share, above(90.0))
        },
        rule("new_failure", Figure::NewSignature, above(5.0)),
        rule("alarms", Figure::Alarm, above(0.0)),
        // As many calls as ever, and no answer at all.
        rule("rush", Figure::Attempts, Condition { baseline: Some(rises), ..Condition::default() }),
        rule("answered", Figure::Answered, above(0.0)),
        // What this is about is wholly gone today.
        Rule {
            query: Some("status = 200".to_owned()),
            by: Some("trunk".to_owned()),
            ..rule("gone", Figure::Attempts, falls)
        },
    ];
    Server::with_rules(&stories, &rules)
}

/// What fires, once that is so much and every rule was looked at.
fn firing(server: &Server, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let answer = server.ask("/api/v1/alerts");
        let rules = answer["rules"].as_array().expect("rules");
        let alerts = answer["alerts"].as_array().expect("alerts");
        let all: Vec<Value> = alerts.iter().filter(|alert| alert["state"] == "firing").cloned().collect();
        if rules.iter().all(|rule| rule["looks"].as_u64() > Some(0)) && all.len() == count {
            assert!(rules.iter().all(|rule| rule["error"].is_null()), "{rules:#?}");
            return all;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{answer:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_unusual_is_found_and_leads_to_what_it_is_about() {
    let server = unusual();
    let alerts = firing(&server, 6);
    let find = |rule: &str| alerts.iter().find(|alert| alert["rule"] == rule).expect(rule);

    let drop = find("asr_drop");
    assert_eq!((&drop["value"], &drop["usual"]), (&json!(0.0), &json!(100.0)), "{drop:#}");
    assert_eq!(drop["condition"], "30 % below the same time on the last 7 days");

    let failed = find("failed");
    assert_eq!((&failed["value"], &failed["labels"]), (&json!(12.0), &json!({"src_ip": "192.0.2.10"})));
    let gone = find("gone");
    assert_eq!((&gone["value"], &gone["usual"]), (&json!(0.0), &json!(12.0)), "{gone:#}");
    assert_eq!(gone["labels"], json!({"trunk": "192.0.2.10 > 192.0.2.20"}));
    let share = find("busy_share");
    assert_eq!(
        (&share["value"], &share["labels"]),
        (&json!(100.0), &json!({"trunk": "192.0.2.10 > 192.0.2.20"}))
    );
    let new = find("new_failure");
    assert_eq!((&new["value"], &new["labels"]["status"]), (&json!(12.0), &json!("486")), "{new:#}");
    assert_eq!(find("alarms")["labels"], json!({"alarm": "kernel_drops"}));
    for alert in [failed, share, new] {
        let evidence = &alert["evidence"];
        let text = |name: &str| escaped(evidence[name].as_str().expect(name));
        let found =
            server.ask(&format!("/api/v1/calls?q={}&from={}&to={}", text("q"), text("from"), text("to")));
        assert_eq!(found["calls"].as_array().map(Vec::len), Some(12), "{evidence}: {found:#}");
    }

    let summary = &server.ask("/api/v1/status")["alerts"];
    assert_eq!(summary["firing"].as_array().map(Vec::len), Some(6), "{summary:#}");
    let history = server.ask("/api/v1/alerts/history");
    let changes = history["changes"].as_array().expect("changes");
    assert!(
        changes.len() == 6
            && changes.iter().all(|change| change["what"] == "firing" && change["told"] == true)
    );
}

#[test]
fn an_engineer_silences_and_that_is_written_down() {
    let server = unusual();
    firing(&server, 6);
    let (vera, erik) = (user(&server, "vera", "viewer", None), user(&server, "erik", "engineer", None));
    let path = "/api/v1/alerts/failed/silence";
    let body = json!({"until": "+2h", "comment": "moving the rack"});
    assert_eq!(as_user(&server, &vera, "POST", path, Some(&body)).status, 403);
    for (path, body, expected) in [
        ("/api/v1/alerts/faild/silence", json!({"until": "+2h"}), 404),
        (path, json!({"until": "-2h"}), 400),
        (path, json!({"until": "+9000h"}), 400),
        (path, json!({"until": "soon"}), 400),
    ] {
        assert_eq!(as_user(&server, &erik, "POST", path, Some(&body)).status, expected, "{path} {body}");
    }
    let silenced = as_user(&server, &erik, "POST", path, Some(&body));
    assert_eq!((silenced.status, &silenced.json()["by"]), (200, &json!("erik")), "{}", silenced.text());
    let answer = server.ask("/api/v1/alerts");
    for alert in answer["alerts"].as_array().expect("alerts") {
        assert_eq!(alert["silenced_until"].is_null(), alert["rule"] != "failed", "{alert}");
    }
    assert_eq!(server.ask("/api/v1/status")["alerts"]["silenced"], 1);
    let audit = server.ask("/api/v1/audit?user=erik&action=silence&limit=1");
    let what = audit["entries"][0]["what"].as_str().expect("an entry");
    assert!(what.contains("failed until") && what.contains("moving the rack"), "{what}");

    assert_eq!(as_user(&server, &vera, "DELETE", path, None).status, 403);
    assert_eq!(as_user(&server, &erik, "DELETE", path, None).status, 204);
    assert_eq!(as_user(&server, &erik, "DELETE", path, None).status, 404);
    assert_eq!(server.ask("/api/v1/status")["alerts"]["silenced"], 0);
}
