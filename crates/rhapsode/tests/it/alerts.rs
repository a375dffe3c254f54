//! Alerts of the built server: what is measured, who hears of it, and what a restart and a wrong file leave as it was.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::hook::{Hook, Manner};
use testkit::server::{Options, Server, options_packet, send_udp, wait};

use crate::{BINARY, options};

const LIMIT: Duration = Duration::from_secs(60);

/// Hears of everything; a sender is silent after four seconds; messages are counted.
fn configuration(hook: &Hook) -> String {
    format!(
        "[alerts]\nurl = \"https://voice.example.com\"\n\
         [[notifier]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n\
         [[alert]]\nname = \"sender_silent\"\nabove = 4\nheard_for = \"1s\"\nevery = \"1s\"\n\
         [[alert]]\nname = \"options\"\nquery = \"sip.method = OPTIONS\"\nby = \"src_ip\"\nabove = 5\nwindow = \"1h\"\n\
         every = \"1s\"\nlabels = {{ team = \"core\" }}\n",
        hook.url()
    )
}

fn configured(folder: &tempfile::TempDir, text: &str) -> Result<Options> {
    let path = folder.path().join("rhapsode.toml");
    std::fs::write(&path, text)?;
    Ok(options(folder)?.argument("--config").argument(&path.to_string_lossy()))
}

fn send(server: &Server, name: &str) -> Result<()> {
    for number in 0..15 {
        send_udp(&server.options.hep_udp, &[options_packet(&format!("{name}-{number}@test"))])?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn of<'a>(alerts: &'a [Value], rule: &str) -> Vec<&'a Value> {
    alerts.iter().filter(|alert| alert["rule"] == rule).collect()
}

#[test]
fn a_sender_that_falls_silent_is_told_and_so_is_its_return() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hook = Hook::start(Manner::Answer(200))?;
    let server = Server::start(configured(&folder, &configuration(&hook))?)?;
    send(&server, "first")?;
    let alerts = hook.wait_for(LIMIT, |alerts| !of(alerts, "sender_silent").is_empty())?;
    let silent = of(&alerts, "sender_silent")[0];
    ensure!(silent["status"] == "firing" && silent["labels"]["sender"] == "127.0.0.1", "{silent}");
    ensure!(silent["value"].as_f64() > Some(4.0) && silent["severity"] == "warning", "{silent}");
    ensure!(silent["link"] == "https://voice.example.com/#/senders", "{silent}");

    // What was counted is found by the link.
    let counted = of(&alerts, "options");
    ensure!(
        counted.len() == 1 && counted[0]["labels"] == json!({"src_ip": "10.0.0.1", "team": "core"}),
        "{counted:?}"
    );
    let link = counted[0]["link"].as_str().context("a link")?;
    let query = link.split_once("#/search?tab=messages&").context("a search")?.1;
    let found = server.get(&format!("/api/v1/messages?{query}"))?;
    let found = found["messages"].as_array().map_or(0, Vec::len);
    ensure!(counted[0]["value"].as_f64() <= Some(found as f64) && found > 5, "{found} found, {counted:?}");

    let status = server.get("/api/v1/status")?;
    let firing = status["alerts"]["firing"].as_array().context("what fires")?;
    ensure!(firing.iter().any(|alert| alert["rule"] == "sender_silent"), "{status:#}");
    let listed = Command::new(BINARY).args(["alerts", "--data"]).arg(&server.options.data).output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    ensure!(listed.contains("sender_silent") && listed.contains("sender=127.0.0.1"), "{listed}");

    send(&server, "second")?;
    let alerts = hook.wait_for(LIMIT, |alerts| of(alerts, "sender_silent").len() >= 2)?;
    let back = of(&alerts, "sender_silent")[1];
    ensure!(back["status"] == "resolved" && back["reason"] == "over" && back["id"] == silent["id"], "{back}");
    let history = server.get("/api/v1/alerts/history")?;
    let what: Vec<&Value> = history["changes"]
        .as_array()
        .context("changes")?
        .iter()
        .filter(|change| change["alert"]["id"] == silent["id"])
        .map(|change| &change["what"])
        .collect();
    ensure!(what.ends_with(&[&json!("resolved"), &json!("firing")]), "{what:?}");
    let answer = server.get("/api/v1/alerts")?;
    let told = &answer["notifiers"][0];
    let number = |name: &str| told[name].as_u64().unwrap_or_default();
    let parts = number("sent") + number("given_up") + number("dropped") + number("waiting");
    ensure!(number("taken") == parts && number("sent") >= 3, "{told}");
    Ok(())
}

#[test]
fn silences_and_what_fires_outlive_a_restart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hook = Hook::start(Manner::Answer(200))?;
    let server = Server::start(configured(&folder, &configuration(&hook))?)?;
    let path = "/api/v1/alerts/sender_silent/silence";
    let silenced = post(&server, path, &json!({"until": "+2h", "comment": "works"}))?;
    ensure!(silenced["by"] == "admin" && silenced["of"] == "sender_silent", "{silenced}");
    send(&server, "before")?;
    hook.wait_for(LIMIT, |alerts| !of(alerts, "options").is_empty())?;
    wait_until_silenced(&server)?;
    // Which senders were heard is written every few seconds.
    std::thread::sleep(Duration::from_secs(6));
    let options = server.options.clone();
    let (code, _, printed) = server.terminate()?;
    ensure!(code == Some(0), "{printed}");

    let server = Server::start(options)?;
    wait_until_silenced(&server)?;
    // Some looks later.
    let looks = |server: &Server| -> Result<u64> {
        let answer = server.get("/api/v1/alerts")?;
        let rules = answer["rules"].as_array().context("rules")?;
        Ok(rules
            .iter()
            .find(|rule| rule["name"] == "sender_silent")
            .and_then(|rule| rule["looks"].as_u64())
            .unwrap_or(0))
    };
    ensure!(wait(LIMIT, || Ok(looks(&server)? > 3))?, "it is not looked at");
    wait_until_silenced(&server)?;
    let alerts = hook.alerts();
    ensure!(of(&alerts, "options").len() == 1, "what people knew was told again: {alerts:#?}");
    ensure!(of(&alerts, "sender_silent").is_empty(), "what is silenced was told: {alerts:#?}");
    let history = server.get("/api/v1/alerts/history")?;
    let changes = history["changes"].as_array().context("changes")?;
    let silent = changes.iter().filter(|change| change["alert"]["rule"] == "sender_silent").count();
    ensure!(silent == 1, "it began once: {history:#}");
    Ok(())
}

fn wait_until_silenced(server: &Server) -> Result<()> {
    let silent = wait(LIMIT, || {
        let answer = server.get("/api/v1/alerts")?;
        let alerts = answer["alerts"].as_array().context("alerts")?;
        Ok(alerts.iter().any(|alert| {
            alert["rule"] == "sender_silent"
                && alert["state"] == "firing"
                && !alert["silenced_until"].is_null()
        }))
    })?;
    ensure!(silent, "{:#}", server.get("/api/v1/alerts")?);
    Ok(())
}

#[test]
fn a_wrong_file_leaves_the_rules_there_are() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hook = Hook::start(Manner::Answer(200))?;
    // What is over is told at once.
    let good = configuration(&hook) + "[[alert]]\nname = \"own_alarm\"\nkeep_firing = \"0s\"\n";
    let server = Server::start(configured(&folder, &good)?)?;
    let path = folder.path().join("rhapsode.toml");
    let reload = |text: &str| -> Result<()> {
        std::fs::write(&path, text)?;
        let status = Command::new("kill").args(["-HUP", &server.process_id().to_string()]).status()?;
        ensure!(status.success(), "kill -HUP failed");
        Ok(())
    };
    reload(&format!("{good}[[alert]]\nname = \"half\"\nquery = \"sip.methd = OPTIONS\"\nabove = 1\n"))?;
    let line = good.lines().count() + 3;
    let refused = wait(LIMIT, || {
        let status = server.get("/api/v1/status")?;
        let alarms = status["alarms"].as_array().context("alarms")?;
        Ok(alarms.iter().any(|alarm| {
            let message = alarm["message"].as_str().unwrap_or_default();
            alarm["name"] == "configuration"
                && message.contains(&format!("rhapsode.toml:{line}"))
                && message.contains("methd")
        }))
    })?;
    ensure!(refused, "{:#}", server.get("/api/v1/status")?["alarms"]);
    // Our own alarms go the same way as all others, and the rules so far go on.
    hook.wait_for(LIMIT, |alerts| {
        of(alerts, "own_alarm").iter().any(|alert| alert["labels"]["alarm"] == "configuration")
    })?;
    send(&server, "still")?;
    hook.wait_for(LIMIT, |alerts| !of(alerts, "options").is_empty())?;

    reload(&good.replace("name = \"options\"", "name = \"other\""))?;
    let alerts = hook.wait_for(LIMIT, |alerts| {
        of(alerts, "options").iter().any(|alert| alert["reason"] == "rule_gone")
            && !of(alerts, "other").is_empty()
    })?;
    ensure!(of(&alerts, "other")[0]["status"] == "firing", "{alerts:#?}");
    hook.wait_for(LIMIT, |alerts| of(alerts, "own_alarm").iter().any(|alert| alert["status"] == "resolved"))?;
    Ok(())
}

fn post(server: &Server, path: &str, body: &Value) -> Result<Value> {
    let mut answer = ureq::post(server.url(path))
        .header("Authorization", &format!("Bearer {}", server.token()))
        .send_json(body)
        .with_context(|| format!("POST {path}"))?;
    Ok(answer.body_mut().read_json()?)
}
