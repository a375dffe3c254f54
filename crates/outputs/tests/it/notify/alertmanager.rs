use std::process::Command;
use std::time::Duration;

use alerts::What;
use anyhow::{Context, Result, ensure};
use outputs::Endpoint;
use outputs::notify::Kind;
use serde_json::Value;
use testkit::programs::{Program, find};
use testkit::server::{free_tcp_port, wait};

use super::{BASE, Told, alert, event, over};

const LIMIT: Duration = Duration::from_secs(60);

fn alerts(url: &str, filter: &str) -> Result<Vec<Value>> {
    let mut answer = ureq::get(format!("{url}/api/v2/alerts?{filter}")).call()?;
    Ok(answer.body_mut().read_json()?)
}

#[test]
fn alertmanager_hears_what_fires_for_as_long_as_it_does_and_when_it_is_over() -> Result<()> {
    let Some(program) = find("prometheus-alertmanager")? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("alertmanager.yml");
    std::fs::write(&config, "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n")?;
    let address = format!("127.0.0.1:{}", free_tcp_port()?);
    let url = format!("http://{address}");
    // It is told before it is there: that is tried again.
    let told = Told::by(Kind::Alertmanager(Endpoint { url: url.clone(), ..Endpoint::default() }))?;
    let (first, mut second) = (alert("sender_silent", "10.0.0.1"), alert("disk", "10.0.0.2"));
    second.labels.insert("odd-name".to_owned(), String::new());
    told.notifiers.firing(vec![first.clone(), second.clone()]);
    told.notifiers.tell(&[event(What::Firing, first.clone()), event(What::Firing, second.clone())]);
    wait(LIMIT, || Ok(told.counters().failures > 0))?;

    let mut command = Command::new(program);
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.path().display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=");
    let _alertmanager = Program::start("alertmanager", command, folder.path())?;
    let counters = told.settled(LIMIT)?;
    ensure!((counters.taken, counters.sent) == (2, 2), "{counters:?}");
    let shown = alerts(&url, "")?;
    ensure!(shown.len() == 2, "{shown:#?}");
    let silent = shown.iter().find(|alert| alert["labels"]["alertname"] == "sender_silent");
    let silent = silent.context("it is there")?;
    ensure!(
        silent["labels"]["sender"] == "10.0.0.1" && silent["labels"]["severity"] == "critical",
        "{silent}"
    );
    ensure!(silent["generatorURL"] == format!("{BASE}/#/senders"), "{silent}");

    // Told every half second with an end two seconds ahead: after five it is there by repetition alone.
    std::thread::sleep(Duration::from_secs(5));
    ensure!(alerts(&url, "")?.len() == 2, "what fires was forgotten");

    told.notifiers.firing(vec![second]);
    told.notifiers.tell(&[over(first)]);
    let ended = wait(LIMIT, || {
        let shown = alerts(&url, "")?;
        Ok(shown.len() == 1 && shown[0]["labels"]["alertname"] == "disk")
    })?;
    ensure!(ended, "{:#?}", alerts(&url, "")?);
    ensure!(told.settled(LIMIT)?.sent == 3);
    Ok(())
}
