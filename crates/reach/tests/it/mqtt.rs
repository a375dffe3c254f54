use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reach::mqtt::{Connection, Login, Options, Packet, Publish, Quality};
use reach::{Address, ReachError};
use testkit::brokers::Broker;

use crate::run;

fn options(broker: &Broker, client_id: &str) -> Result<Options> {
    Ok(Options {
        address: Address::mqtt(&broker.url())?,
        login: None,
        client_id: client_id.to_owned(),
        tls: None,
        session: None,
        keep_alive: Some(Duration::from_secs(60)),
        receive_max: 10,
        packet_bytes_max: 100_000,
    })
}

async fn subscribed(connection: &mut Connection, filter: &str) -> Result<Option<String>> {
    connection.subscribe(1, filter, Quality::AtLeastOnce);
    loop {
        if let Packet::Subscribed { id: 1, granted } = connection.next().await? {
            ensure!(granted != Ok(Quality::AtMostOnce), "asked for at QoS 1");
            return Ok(granted.err());
        }
    }
}

async fn published(connection: &mut Connection) -> Result<Publish> {
    loop {
        if let Packet::Publish(publish) = connection.next().await? {
            return Ok(publish);
        }
    }
}

#[test]
fn messages_come_whole_and_are_kept_until_they_are_acknowledged() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(mut broker) = Broker::mosquitto(folder.path(), "allow_anonymous true")? else { return Ok(()) };
    run(async {
        let stays = Options { session: Some(Duration::from_secs(600)), ..options(&broker, "takes")? };
        let mut takes = Connection::open(&stays).await?;
        ensure!(subscribed(&mut takes, "hep/#").await?.is_none());
        // The broker finds a name for us.
        let mut gives = Connection::open(&options(&broker, "")?).await?;
        ensure!(gives.takes_at_least_once() && gives.receive_max() >= 10);
        let binary: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        gives.publish("hep/sip", &binary, Some(7));
        gives.publish("hep/sip", b"second", Some(8));
        gives.publish("hep/rtcp", b"at most once", None);
        gives.ping();
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(gives.next().await?);
        }
        for id in [7, 8] {
            ensure!(answers.contains(&Packet::Acknowledged { id, refusal: None }), "{answers:?}");
        }
        ensure!(answers.contains(&Packet::Pong), "{answers:?}");
        let first = published(&mut takes).await?;
        ensure!(first.topic == "hep/sip" && first.payload == binary, "of {} bytes", first.payload.len());
        takes.acknowledge(first.id.context("it asks to be acknowledged")?);
        takes.flush().await?;
        ensure!(published(&mut takes).await?.payload == b"second");
        ensure!(published(&mut takes).await?.id.is_none());
        drop(takes);
        gives.publish("hep/sip", b"third", Some(9));
        ensure!(gives.next().await? == Packet::Acknowledged { id: 9, refusal: None });
        broker.stop()?;
        ensure!(!gives.is_alive().await, "it sees that the broker is gone");
        broker.start()?;
        let mut takes = Connection::open(&stays).await?;
        let again = [published(&mut takes).await?.payload, published(&mut takes).await?.payload];
        ensure!(again == [b"second".to_vec(), b"third".to_vec()], "{again:?}");
        Ok(())
    })
}

#[test]
fn who_is_not_let_in_is_told_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let passwords = || Broker::mosquitto_passwords(folder.path(), "rhapsode", "secret");
    if testkit::programs::find("mosquitto")?.is_none() {
        return Ok(());
    }
    let acl = folder.path().join("acl");
    std::fs::write(&acl, "user rhapsode\ntopic readwrite hep/#\n")?;
    let lines = format!(
        "allow_anonymous false\npassword_file {}\nacl_file {}",
        passwords()?.display(),
        acl.display()
    );
    let Some(broker) = Broker::mosquitto(folder.path(), &lines)? else { return Ok(()) };
    run(async {
        let login =
            |password: &str| Some(Login { user: "rhapsode".to_owned(), password: Some(password.to_owned()) });
        for login in [None, login("wrong")] {
            let error = Connection::open(&Options { login, ..options(&broker, "a")? }).await;
            let error = error.err().context("refused")?;
            ensure!(matches!(error, ReachError::Login { .. }), "{error}");
            ensure!(error.to_string().contains("not authorized (0x87)"), "{error}");
        }
        let mut connection =
            Connection::open(&Options { login: login("secret"), ..options(&broker, "a")? }).await?;
        connection.publish("other", b"x", Some(1));
        let answer = connection.next().await?;
        let Packet::Acknowledged { refusal: Some(refusal), .. } = &answer else {
            anyhow::bail!("{answer:?}")
        };
        ensure!(refusal.reason.contains("not authorized") && !refusal.is_final, "{refusal:?}");
        Ok(())
    })
}
