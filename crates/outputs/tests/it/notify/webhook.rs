use std::net::TcpListener;
use std::time::Duration;

use alerts::What;
use anyhow::{Result, ensure};
use outputs::Endpoint;
use outputs::notify::{Config, Kind, Prepared};
use testkit::hook::{Hook, Manner};

use super::{BASE, Told, adds_up, alert, event, over};

const LIMIT: Duration = Duration::from_secs(30);

fn webhook(url: &str) -> Kind {
    Kind::Webhook(Endpoint { url: url.to_owned(), token: Some("secret".to_owned()), ..Endpoint::default() })
}

#[test]
fn changes_of_one_rule_are_one_request_with_what_to_look_at() -> Result<()> {
    let hook = Hook::start(Manner::Answer(204))?;
    let told = Told::by(webhook(&hook.url()))?;
    let fires = |about: &str| event(What::Firing, alert("sender_silent", about));
    let mut untold = fires("10.0.0.9");
    untold.tell = false;
    told.notifiers.tell(&[
        fires("10.0.0.1"),
        fires("10.0.0.2"),
        untold,
        event(What::Firing, alert("disk", "x")),
    ]);
    told.notifiers.tell(&[over(alert("sender_silent", "10.0.0.1"))]);
    let counters = told.settled(LIMIT)?;
    ensure!((counters.taken, counters.sent, counters.failures) == (3, 3, 0), "{counters:?}");
    let requests = hook.came();
    ensure!(requests.iter().all(|came| came.authorization.as_deref() == Some("Bearer secret")));
    let numbers: Vec<usize> =
        requests.iter().map(|request| request.body["alerts"].as_array().map_or(0, Vec::len)).collect();
    ensure!(numbers == [2, 1, 1], "{numbers:?}");
    let first = &requests[0].body["alerts"][0];
    ensure!(first["status"] == "firing" && first["ended"].is_null(), "{first}");
    ensure!(
        first["link"] == format!("{BASE}/#/senders") && first["labels"]["sender"] == "10.0.0.1",
        "{first}"
    );
    let last = &requests[2].body["alerts"][0];
    ensure!(last["status"] == "resolved" && last["reason"] == "over" && !last["ended"].is_null(), "{last}");
    Ok(())
}

#[test]
fn a_receiver_that_is_down_gets_all_when_it_is_up_in_order() -> Result<()> {
    let place = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let told = Told::by(webhook(&format!("http://{place}/hook")))?;
    for number in 0..3 {
        told.notifiers.tell(&[event(What::Firing, alert("rule", &number.to_string()))]);
    }
    testkit::server::wait(LIMIT, || Ok(told.counters().failures >= 2))?;
    let counters = told.counters();
    ensure!(counters.waiting == 3 && counters.error.is_some(), "{counters:?}");
    ensure!(!counters.error.unwrap_or_default().contains("/hook"), "the address may be the secret");
    let hook = Hook::on(TcpListener::bind(place)?, Manner::Answer(200))?;
    let counters = told.settled(LIMIT)?;
    ensure!((counters.sent, counters.given_up, counters.dropped) == (3, 0, 0), "{counters:?}");
    ensure!(counters.error.is_none(), "{counters:?}");
    let order: Vec<_> = hook.alerts().iter().map(|alert| alert["labels"]["sender"].clone()).collect();
    ensure!(order == ["0", "1", "2"], "{order:?}");
    Ok(())
}

#[test]
fn what_is_refused_is_given_up_at_once_and_what_asks_for_later_is_tried_again() -> Result<()> {
    let hook = Hook::start(Manner::Answer(400))?;
    let told = Told::by(webhook(&hook.url()))?;
    told.notifiers.tell(&[event(What::Firing, alert("rule", "a"))]);
    let counters = told.settled(LIMIT)?;
    ensure!((counters.given_up, counters.failures, hook.came().len()) == (1, 1, 1), "{counters:?}");
    hook.behave(Manner::Answer(429));
    told.notifiers.tell(&[event(What::Firing, alert("rule", "b"))]);
    testkit::server::wait(LIMIT, || Ok(hook.came().len() >= 3))?;
    hook.behave(Manner::Answer(200));
    let counters = told.settled(LIMIT)?;
    ensure!((counters.given_up, counters.sent) == (1, 1), "{counters:?}");
    Ok(())
}

#[test]
fn one_that_never_answers_is_given_up_in_the_end_and_keeps_nobody_waiting() -> Result<()> {
    let slow = Hook::start(Manner::Silent(Duration::from_secs(60)))?;
    let good = Hook::start(Manner::Answer(200))?;
    let told = Told::by(webhook(&slow.url()))?;
    let both = vec![
        Config { name: "ops".to_owned(), kind: webhook(&slow.url()) },
        Config { name: "good".to_owned(), kind: webhook(&good.url()) },
    ];
    told.notifiers.replace(Prepared::new(&both, BASE)?);
    told.notifiers.tell(&[event(What::Firing, alert("rule", "a"))]);
    good.wait_for(LIMIT, |alerts| alerts.len() == 1)?;
    let counters = told.settled(LIMIT)?;
    ensure!((counters.given_up, counters.sent) == (1, 0) && counters.failures >= 2, "{counters:?}");
    Ok(())
}

#[test]
fn beyond_its_queue_news_is_dropped_and_counted() -> Result<()> {
    let hook = Hook::start(Manner::Silent(Duration::from_secs(60)))?;
    let told = Told::by(webhook(&hook.url()))?;
    for number in 0..400 {
        told.notifiers.tell(&[event(What::Firing, alert("rule", &number.to_string()))]);
    }
    let counters = told.counters();
    ensure!(counters.taken == 400 && counters.dropped >= 400 - 257 && adds_up(&counters), "{counters:?}");
    Ok(())
}

#[test]
fn an_alert_goes_only_to_those_it_is_for() -> Result<()> {
    let (ops, other) = (Hook::start(Manner::Answer(200))?, Hook::start(Manner::Answer(200))?);
    let told = Told::by(webhook(&ops.url()))?;
    let configs = vec![
        Config { name: "ops".to_owned(), kind: webhook(&ops.url()) },
        Config { name: "other".to_owned(), kind: webhook(&other.url()) },
    ];
    told.notifiers.replace(Prepared::new(&configs, BASE)?);
    let mut mine = alert("rule", "a");
    mine.to = vec!["other".to_owned()];
    told.notifiers.tell(&[event(What::Firing, mine), event(What::Firing, alert("all", "b"))]);
    other.wait_for(LIMIT, |alerts| alerts.len() == 2)?;
    let came = ops.wait_for(LIMIT, |alerts| alerts.len() == 1)?;
    ensure!(came[0]["rule"] == "all", "{came:?}");
    Ok(())
}

#[test]
fn what_waits_is_told_before_the_end_and_what_cannot_be_keeps_nobody() -> Result<()> {
    let hook = Hook::start(Manner::Answer(200))?;
    let told = Told::by(webhook(&hook.url()))?;
    for number in 0..20 {
        told.notifiers.tell(&[event(What::Firing, alert("rule", &number.to_string()))]);
    }
    told.notifiers.stop(LIMIT);
    ensure!(hook.alerts().len() == 20, "{:?}", hook.came());

    let silent = Hook::start(Manner::Silent(Duration::from_secs(60)))?;
    let told = Told::by(webhook(&silent.url()))?;
    told.notifiers.tell(&[event(What::Firing, alert("rule", "a"))]);
    told.notifiers.stop(Duration::from_millis(100));
    ensure!(silent.came().len() <= 1 && told.notifiers.counters().is_empty());
    Ok(())
}
