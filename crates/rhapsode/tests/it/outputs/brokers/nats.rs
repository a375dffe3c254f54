use anyhow::{Context, Result, ensure};
use reach::Address;
use reach::nats::{Connection, Event, Login, Message, Options};
use serde_json::json;
use testkit::brokers::Broker;
use testkit::server::{send_udp, wait};

use super::super::relay::recorded;
use super::super::{dropped, number, output, server, settled};
use super::{
    PATIENCE, POISON, alarm_is_over, alarm_says, all_arrived, listener, run, send, until_it_listens,
};

async fn open(broker: &Broker) -> Result<Connection> {
    let options = Options {
        address: Address::nats(&broker.url())?,
        login: Login::Nobody,
        tls: None,
        name: "test".to_owned(),
        message_bytes_max: 1 << 20,
    };
    Ok(Connection::open(&options).await?)
}

/// One message, and the server has dealt with it.
fn publish(broker: &Broker, subject: &str, payload: &[u8]) -> Result<()> {
    run(async {
        let mut connection = open(broker).await?;
        connection.publish(subject, None, &[], payload);
        connection.ping();
        while connection.next().await? != Event::Pong {}
        Ok(())
    })
}

/// What the server answers.
fn ask(broker: &Broker, subject: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
    run(async {
        let mut connection = open(broker).await?;
        connection.subscribe("_INBOX.test", None, 1);
        connection.publish(subject, Some("_INBOX.test"), &[], body.to_string().as_bytes());
        loop {
            if let Event::Message(Message { payload, .. }) = connection.next().await? {
                return Ok(serde_json::from_slice(&payload)?);
            }
        }
    })
}

#[test]
fn packets_pass_through_nats_byte_for_byte() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(broker) = Broker::nats(folder.path(), "")? else { return Ok(()) };
    let url = broker.url();
    let to = server(
        folder.path(),
        "to",
        &format!(
            "[[input]]\nname = \"bus\"\nkind = \"nats\"\nurl = {url:?}\nsubject = \"hep.>\"\nqueue_group = \"lake\"\n\
             [[input]]\nname = \"locked\"\nkind = \"nats\"\nurl = {url:?}\nsubject = \"hep.>\"\nkeys = [\"secret\"]\n"
        ),
    )?;
    let poison = until_it_listens(&to, "bus", || publish(&broker, "hep.x", POISON))?;
    until_it_listens(&to, "locked", || publish(&broker, "hep.x", POISON))?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"bus\"\nkind = \"nats\"\nurl = {url:?}\nsubject = \"hep.{{table}}.{{capture_id}}\"\n\
             [[output]]\nname = \"documents\"\nkind = \"nats\"\nurl = {url:?}\nsubject = \"json.{{table}}\"\nformat = \"json\"\n"
        ),
    )?;
    let datagrams = recorded()?;
    let count = datagrams.len() as u64;
    send_udp(&from.options.hep_udp, &datagrams)?;
    for name in ["bus", "documents"] {
        let output = settled(&from, name, count)?;
        ensure!(output["sent"] == count && output["state"] == "working", "{output}");
    }
    all_arrived(&from, &to, count)?;
    let totals = to.totals()?;
    ensure!(totals.is_conserved() && totals.dropped == 0, "{totals:?}");
    let bus = listener(&to, "bus")?;
    ensure!(bus["stored"] == count && number(&bus, "received") > count, "{bus}");
    ensure!(bus["address"] == format!("127.0.0.1:{}", broker.port), "{bus}");
    ensure!(poison > 0);
    // Without its key nothing comes in by the other.
    let mut locked = listener(&to, "locked")?;
    let are_refused = wait(PATIENCE, || {
        locked = listener(&to, "locked")?;
        Ok(locked["refused"]["key_missing"] == count)
    })?;
    ensure!(are_refused && locked["stored"] == 0, "{locked}");
    let came_by = to.sql("SELECT DISTINCT listener FROM sip")?;
    ensure!(came_by == [json!({"listener": "nats"})], "{came_by:?}");
    Ok(())
}

#[test]
fn a_stream_of_jetstream_loses_nothing_while_its_server_is_away() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(mut broker) = Broker::nats(folder.path(), "")? else { return Ok(()) };
    let url = broker.url();
    let to = server(
        folder.path(),
        "to",
        &format!(
            "[[input]]\nname = \"stream\"\nkind = \"nats\"\nurl = {url:?}\nsubject = \"hep.>\"\nstream = \"HEP\"\n\
             durable = \"lake\"\n"
        ),
    )?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"stream\"\nkind = \"nats\"\nurl = {url:?}\nsubject = \"hep.{{table}}\"\n\
             stream = \"HEP\"\nretry_seconds_max = 1\n"
        ),
    )?;
    // Nothing is lost of what comes before there is a stream.
    alarm_says(&to, "input", "no such stream")?;
    send(&from, "first", 300)?;
    alarm_says(&from, "output_stream", "no stream of JetStream keeps this subject")?;
    let stream = json!({"name": "HEP", "subjects": ["hep.>"]});
    let made = ask(&broker, "$JS.API.STREAM.CREATE.HEP", &stream)?;
    ensure!(made["error"].is_null(), "{made}");
    settled(&from, "stream", 300)?;
    all_arrived(&from, &to, 300)?;
    alarm_is_over(&to, "input")?;

    broker.stop()?;
    send(&from, "second", 300)?;
    alarm_says(&to, "input", "cannot connect")?;
    alarm_says(&from, "output_stream", "cannot connect")?;
    broker.start()?;
    let output = settled(&from, "stream", 600)?;
    ensure!(output["sent"] == 600 && dropped(&output) == 0 && number(&output, "retries") > 0, "{output}");
    all_arrived(&from, &to, 600)?;
    alarm_is_over(&to, "input")?;
    alarm_is_over(&from, "output_stream")?;

    // What is no HEP is counted, done with, and keeps nothing up.
    publish(&broker, "hep.sip", POISON)?;
    send(&from, "third", 10)?;
    all_arrived(&from, &to, 610)?;
    let input = listener(&to, "stream")?;
    ensure!(input["received"] == 611 && input["stored"] == 610, "{input}");
    let mut last = json!(null);
    let is_done = wait(PATIENCE, || {
        last = ask(&broker, "$JS.API.CONSUMER.INFO.HEP.lake", &json!({}))?;
        Ok(last["num_ack_pending"] == 0 && last["num_pending"] == 0)
    })?;
    ensure!(is_done && last["num_redelivered"] == 0, "all is acknowledged: {last}");
    Ok(())
}

#[test]
fn who_is_not_let_in_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let users = "authorization { users: [ { user: rhapsode, password: secret, permissions: { publish: \"hep.>\" } } ] }";
    let Some(broker) = Broker::nats(folder.path(), users)? else { return Ok(()) };
    let url = broker.url();
    let login = |password: &str| format!("url = {url:?}\nuser = \"rhapsode\"\npassword = {password:?}\n");
    let server = server(
        folder.path(),
        "server",
        &format!(
            "[[output]]\nname = \"stranger\"\nkind = \"nats\"\n{}subject = \"hep\"\n\
             [[output]]\nname = \"guest\"\nkind = \"nats\"\n{}subject = \"other.{{table}}\"\n\
             [[output]]\nname = \"friend\"\nkind = \"nats\"\n{}subject = \"hep.{{table}}\"\n\
             [[input]]\nname = \"fetch\"\nkind = \"nats\"\n{}subject = \"hep.>\"\n",
            login("not so secret"),
            login("secret"),
            login("secret"),
            login("not so secret"),
        ),
    )?;
    send(&server, "call", 5)?;
    alarm_says(&server, "output_stranger", "does not let us in: Authorization Violation")?;
    alarm_says(&server, "output_guest", "Permissions Violation for Publish to \"other.sip\"")?;
    alarm_says(&server, "input", "the input fetch gets nothing: ")?;
    alarm_says(&server, "input", "does not let us in: Authorization Violation")?;
    settled(&server, "friend", 5)?;
    for name in ["stranger", "guest"] {
        let output = output(&server, name)?;
        ensure!(output["sent"] == 0 && output["waiting"] == 5 && dropped(&output) == 0, "{output}");
    }
    ensure!(!server.printed().contains("not so secret"));
    server.terminate().context("it ends though nothing gets through")?;
    Ok(())
}
