use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reach::Address;
use reach::mqtt::{Connection, Options, Packet, Publish, Quality};
use testkit::brokers::Broker;
use testkit::server::{send_udp, wait};

use super::super::relay::recorded;
use super::super::{dropped, number, output, server, settled};
use super::{
    PATIENCE, POISON, alarm_is_over, alarm_says, all_arrived, listener, run, send, until_it_listens,
};

async fn open(broker: &Broker, client_id: &str) -> Result<Connection> {
    let options = Options {
        address: Address::mqtt(&broker.url())?,
        login: None,
        client_id: client_id.to_owned(),
        tls: None,
        // What is for it is kept until it comes again.
        session: Some(Duration::from_secs(600)),
        keep_alive: None,
        receive_max: 1_000,
        packet_bytes_max: 1 << 20,
    };
    Ok(Connection::open(&options).await?)
}

fn publish(broker: &Broker, topic: &str, payload: &[u8]) -> Result<()> {
    run(async {
        let mut connection = open(broker, "publisher").await?;
        connection.publish(topic, payload, Some(1));
        while !matches!(connection.next().await?, Packet::Acknowledged { .. }) {}
        Ok(())
    })
}

fn subscribe(broker: &Broker, topic: &str) -> Result<()> {
    run(async {
        let mut connection = open(broker, "reader").await?;
        connection.subscribe(1, topic, Quality::AtLeastOnce);
        while !matches!(
            connection.next().await?,
            Packet::Subscribed { granted: Ok(Quality::AtLeastOnce), .. }
        ) {}
        Ok(())
    })
}

/// So many messages of those that were kept for the reader.
fn read(broker: &Broker, count: usize) -> Result<Vec<Publish>> {
    run(async {
        let mut connection = open(broker, "reader").await?;
        let mut messages = Vec::new();
        while messages.len() < count {
            if let Packet::Publish(publish) = connection.next().await? {
                publish.id.into_iter().for_each(|id| connection.acknowledge(id));
                messages.push(publish);
            }
        }
        connection.flush().await?;
        Ok(messages)
    })
}

#[test]
fn packets_pass_through_mqtt_byte_for_byte_though_the_broker_restarts() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(mut broker) = Broker::mosquitto(folder.path(), "allow_anonymous true")? else { return Ok(()) };
    let url = broker.url();
    let to = server(
        folder.path(),
        "to",
        &format!(
            "[[input]]\nname = \"bus\"\nkind = \"mqtt\"\nurl = {url:?}\ntopic = \"hep/#\"\nclient_id = \"to\"\n\
             [[input]]\nname = \"shared\"\nkind = \"mqtt\"\nurl = {url:?}\ntopic = \"$share/lake/hep/#\"\n\
             client_id = \"one of many\"\nkeys = [\"secret\"]\n"
        ),
    )?;
    until_it_listens(&to, "shared", || publish(&broker, "hep/x", POISON))?;
    until_it_listens(&to, "bus", || publish(&broker, "hep/x", POISON))?;
    // What was published for one reaches the other, too, and may be on its way.
    let both = || -> Result<(u64, u64)> {
        Ok((number(&listener(&to, "bus")?, "received"), number(&listener(&to, "shared")?, "received")))
    };
    let mut seen = both()?;
    let is_still = wait(PATIENCE, || {
        let before = std::mem::replace(&mut seen, both()?);
        Ok(before == seen && seen.0 >= seen.1)
    })?;
    ensure!(is_still, "{seen:?}");
    let poison = seen.0;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"bus\"\nkind = \"mqtt\"\nurl = {url:?}\ntopic = \"hep/{{table}}/{{capture_id}}\"\n\
             retry_seconds_max = 1\n\
             [[output]]\nname = \"quick\"\nkind = \"mqtt\"\nurl = {url:?}\ntopic = \"quick\"\nqos = 0\n"
        ),
    )?;
    let datagrams = recorded()?;
    let mut count = datagrams.len() as u64;
    send_udp(&from.options.hep_udp, &datagrams)?;
    send(&from, "first", 1_500)?;
    count += 1_500;
    for name in ["bus", "quick"] {
        let output = settled(&from, name, count)?;
        ensure!(output["sent"] == count && output["state"] == "working", "{output}");
    }
    all_arrived(&from, &to, count)?;
    // Without its key nothing comes in by the other, and that holds up nothing.
    let mut shared = listener(&to, "shared")?;
    let are_refused = wait(PATIENCE, || {
        shared = listener(&to, "shared")?;
        Ok(shared["refused"]["key_missing"] == count)
    })?;
    ensure!(are_refused && shared["stored"] == 0, "{shared}");

    broker.stop()?;
    send(&from, "second", 500)?;
    count += 500;
    alarm_says(&to, "input", "cannot connect")?;
    alarm_says(&from, "output_bus", "cannot connect")?;
    broker.start()?;
    // The session of the input is there again before it is, and what is for it waits.
    let output = settled(&from, "bus", count)?;
    ensure!(output["sent"] == count && dropped(&output) == 0 && number(&output, "retries") > 0, "{output}");
    all_arrived(&from, &to, count)?;
    alarm_is_over(&to, "input")?;

    // What is no HEP is counted, done with, and keeps nothing up.
    publish(&broker, "hep/x", POISON)?;
    send(&from, "third", 10)?;
    count += 10;
    all_arrived(&from, &to, count)?;
    let bus = listener(&to, "bus")?;
    ensure!(bus["received"] == count + poison + 1 && bus["stored"] == count, "{bus}");
    Ok(())
}

#[test]
fn what_is_sent_while_a_server_is_away_waits_for_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(broker) = Broker::mosquitto(folder.path(), "allow_anonymous true")? else { return Ok(()) };
    let url = broker.url();
    let input = format!(
        "[[input]]\nname = \"bus\"\nkind = \"mqtt\"\nurl = {url:?}\ntopic = \"hep/#\"\nclient_id = \"to\"\n"
    );
    let to = server(folder.path(), "to", &input)?;
    until_it_listens(&to, "bus", || publish(&broker, "hep/x", POISON))?;
    to.terminate()?;
    let from = server(
        folder.path(),
        "from",
        &format!("[[output]]\nname = \"bus\"\nkind = \"mqtt\"\nurl = {url:?}\ntopic = \"hep/{{node}}\"\n"),
    )?;
    send(&from, "meanwhile", 300)?;
    settled(&from, "bus", 300)?;
    let to = server(folder.path(), "to", &input)?;
    all_arrived(&from, &to, 300)?;
    let bus = listener(&to, "bus")?;
    ensure!(bus["received"] == 300 && bus["stored"] == 300, "{bus}");
    Ok(())
}

#[test]
fn documents_are_published_and_what_finds_no_room_is_counted() -> Result<()> {
    const COUNT: u64 = 2_000;
    let folder = tempfile::tempdir()?;
    let Some(mut broker) = Broker::mosquitto(folder.path(), "allow_anonymous true")? else { return Ok(()) };
    subscribe(&broker, "json/#")?;
    broker.stop()?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"bus\"\nkind = \"mqtt\"\nurl = {:?}\ntopic = \"json/{{table}}\"\nformat = \"json\"\n\
             queue_bytes_max = \"64 KiB\"\nretry_seconds_max = 1\n",
            broker.url()
        ),
    )?;
    send(&from, "call", COUNT)?;
    from.wait_for_count("SELECT count(*) AS n FROM sip", COUNT)?;
    alarm_says(&from, "output_bus", "cannot connect")?;
    broker.start()?;
    let output = settled(&from, "bus", COUNT)?;
    let (sent, lost) = (number(&output, "sent"), number(&output["dropped"], "queue_full"));
    ensure!(sent > 0 && lost > 0 && sent + lost == COUNT, "{output}");
    send(&from, "later", 3)?;
    settled(&from, "bus", COUNT + 3)?;
    // What counts as sent is there.
    let messages = read(&broker, usize::try_from(sent)? + 3)?;
    let last = messages.last().context("three messages")?;
    let document: serde_json::Value = serde_json::from_slice(&last.payload)?;
    ensure!(last.topic == "json/sip" && document["table"] == "sip", "{document}");
    ensure!(document["method"] == "OPTIONS" && document["@timestamp"].is_string(), "{document}");
    let payload = document["payload"].as_str().context("a payload")?;
    ensure!(payload.starts_with("OPTIONS sip:test@10.0.0.2 SIP/2.0\r\n"), "{payload}");
    Ok(())
}

#[test]
fn who_is_not_let_in_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    if testkit::programs::find("mosquitto")?.is_none() {
        return Ok(());
    }
    let passwords = Broker::mosquitto_passwords(folder.path(), "rhapsode", "secret")?;
    let lines = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let Some(broker) = Broker::mosquitto(folder.path(), &lines)? else { return Ok(()) };
    let login = format!("url = {:?}\nuser = \"rhapsode\"\npassword = \"not so secret\"\n", broker.url());
    let server = server(
        folder.path(),
        "server",
        &format!(
            "[[output]]\nname = \"stranger\"\nkind = \"mqtt\"\n{login}topic = \"hep\"\n\
             [[input]]\nname = \"fetch\"\nkind = \"mqtt\"\n{login}topic = \"hep\"\nclient_id = \"a\"\n"
        ),
    )?;
    send(&server, "call", 5)?;
    alarm_says(&server, "output_stranger", "does not let us in: not authorized (0x87)")?;
    alarm_says(&server, "input", "does not let us in: not authorized (0x87)")?;
    let output = output(&server, "stranger")?;
    ensure!(output["sent"] == 0 && output["waiting"] == 5 && dropped(&output) == 0, "{output}");
    ensure!(!server.printed().contains("not so secret"));
    Ok(())
}
