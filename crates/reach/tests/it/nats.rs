use anyhow::{Context, Result, bail, ensure};
use reach::nats::{Connection, Event, Login, Message, Options, jetstream};
use reach::{Address, ReachError};
use testkit::brokers::Broker;

use crate::run;

fn options(broker: &Broker, login: Login) -> Result<Options> {
    let (tls, name) = (None, "test".to_owned());
    Ok(Options { address: Address::nats(&broker.url())?, login, tls, name, message_bytes_max: 1_000 })
}

async fn message(connection: &mut Connection) -> Result<Message> {
    loop {
        if let Event::Message(message) = connection.next().await? {
            return Ok(message);
        }
    }
}

#[test]
fn messages_come_whole_with_their_headers_and_large_ones_are_passed_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(broker) = Broker::nats(folder.path(), "")? else { return Ok(()) };
    run(async {
        let mut connection = Connection::open(&options(&broker, Login::Nobody)?).await?;
        ensure!(connection.has_headers() && connection.message_bytes_max() == 1 << 20);
        connection.subscribe("hep.>", None, 7);
        let binary: Vec<u8> = (0..=255).collect();
        connection.publish("hep.sip", None, &[], &binary);
        connection.publish("hep.rtcp", Some("answer"), &[("A", "1"), ("B", "two")], b"\r\n");
        connection.publish("hep.sip", None, &[], &[7; 1_001]);
        connection.publish("hep.sip", None, &[], b"");
        connection.ping();
        let first = message(&mut connection).await?;
        ensure!(
            first.subject == "hep.sip" && first.subscription == 7 && first.payload == binary,
            "{first:?}"
        );
        let second = message(&mut connection).await?;
        ensure!(second.reply.as_deref() == Some("answer") && second.payload == b"\r\n", "{second:?}");
        ensure!(message(&mut connection).await?.is_too_large);
        ensure!(message(&mut connection).await?.payload.is_empty());
        ensure!(connection.next().await? == Event::Pong);
        ensure!(connection.is_alive().await);
        Ok(())
    })
}

#[test]
fn who_is_not_let_in_is_told_so() -> Result<()> {
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    let folder = tempfile::tempdir()?;
    let users = format!(
        "authorization {{ users: [ {{ user: \"rhapsode\", password: \"secret\", \
         permissions: {{ publish: \"hep.>\", subscribe: \"_INBOX.>\" }} }}, {{ nkey: {PUBLIC} }} ] }}"
    );
    let Some(broker) = Broker::nats(folder.path(), &users)? else { return Ok(()) };
    let seed = folder.path().join("user.nk");
    std::fs::write(&seed, SEED)?;
    run(async {
        for login in [
            Login::Nobody,
            Login::Token("t".to_owned()),
            Login::User { user: "rhapsode".to_owned(), password: "wrong".to_owned() },
        ] {
            match Connection::open(&options(&broker, login.clone())?).await {
                Err(error @ ReachError::Login { .. }) => {
                    ensure!(error.to_string().contains("Authorization Violation"), "{error}");
                }
                other => bail!("{login:?} gives {other:?}"),
            }
        }
        let by_key = Connection::open(&options(&broker, Login::Nkey(seed))?).await?;
        ensure!(by_key.peer().port() == broker.port);
        let login = Login::User { user: "rhapsode".to_owned(), password: "secret".to_owned() };
        let mut connection = Connection::open(&options(&broker, login)?).await?;
        connection.publish("hep.sip", None, &[], b"x");
        connection.publish("other", None, &[], b"x");
        connection.ping();
        let error = connection.next().await.err().context("a complaint")?;
        ensure!(error.to_string().contains("Permissions Violation for Publish to \"other\""), "{error}");
        ensure!(connection.next().await? == Event::Pong, "it goes on");
        Ok(())
    })
}

#[test]
fn jetstream_answers_for_what_it_keeps_and_gives_it_until_it_is_acknowledged() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(broker) = Broker::nats(folder.path(), "")? else { return Ok(()) };
    run(async {
        let mut connection = Connection::open(&options(&broker, Login::Nobody)?).await?;
        connection.subscribe("_INBOX.a.*", None, 1);
        let headers = |id| [(jetstream::MESSAGE_ID, id), (jetstream::EXPECTED_STREAM, "HEP")];
        connection.publish("hep.sip", Some("_INBOX.a.1"), &headers("1"), b"one");
        let nobody = jetstream::published(&message(&mut connection).await?);
        ensure!(
            matches!(&nobody, jetstream::Published::Later(why) if why.contains("no stream")),
            "{nobody:?}"
        );
        let stream = br#"{"name":"HEP","subjects":["hep.>"],"max_msg_size":100}"#;
        connection.publish("$JS.API.STREAM.CREATE.HEP", Some("_INBOX.a.2"), &[], stream);
        message(&mut connection).await?;
        for id in ["1", "2", "1"] {
            connection.publish("hep.sip", Some("_INBOX.a.3"), &headers(id), id.as_bytes());
            let kept = jetstream::published(&message(&mut connection).await?);
            ensure!(kept == jetstream::Published::Kept, "{kept:?}");
        }
        connection.publish("hep.sip", Some("_INBOX.a.4"), &headers("3"), &[0; 200]);
        let large = jetstream::published(&message(&mut connection).await?);
        ensure!(matches!(large, jetstream::Published::Refused(_)), "{large:?}");
        let elsewhere = [(jetstream::EXPECTED_STREAM, "OTHER")];
        connection.publish("hep.sip", Some("_INBOX.a.5"), &elsewhere, b"x");
        let elsewhere = jetstream::published(&message(&mut connection).await?);
        ensure!(matches!(elsewhere, jetstream::Published::Later(_)), "{elsewhere:?}");

        let mut ask = async |subject: String, body: &[u8]| -> Result<jetstream::Known> {
            connection.publish(&subject, Some("_INBOX.a.6"), &[], body);
            Ok(jetstream::consumer(&message(&mut connection).await?))
        };
        let other = ask(jetstream::consumer_info("OTHER", "lake"), b"").await?;
        ensure!(
            matches!(&other, jetstream::Known::Unusable(what) if what.contains("no such stream")),
            "{other:?}"
        );
        ensure!(ask(jetstream::consumer_info("HEP", "lake"), b"").await? == jetstream::Known::Missing);
        let settings = jetstream::consumer_settings("HEP", "lake", "hep.>", 100);
        ensure!(ask(jetstream::consumer_create("HEP", "lake"), &settings).await? == jetstream::Known::Usable);
        ensure!(ask(jetstream::consumer_info("HEP", "lake"), b"").await? == jetstream::Known::Usable);

        let next = jetstream::next_messages("HEP", "lake");
        let wanted = jetstream::wanted(10, Some(1 << 20), std::time::Duration::from_millis(500));
        connection.publish(&next, Some("_INBOX.a.7"), &[], &wanted);
        let (one, two) = (message(&mut connection).await?, message(&mut connection).await?);
        ensure!(one.payload == b"1" && two.payload == b"2" && one.subject == "hep.sip", "{one:?} {two:?}");
        connection.publish(&two.reply.context("a place to answer")?, None, &[], jetstream::DONE);
        connection.publish(&one.reply.context("a place to answer")?, None, &[], b"-NAK");
        let again = message(&mut connection).await?;
        ensure!(again.payload == b"1", "what is not acknowledged comes again: {again:?}");
        let end = message(&mut connection).await?.status.context("a status")?;
        ensure!(end.code == 408, "the server says that the time is over: {end:?}");
        Ok(())
    })
}
