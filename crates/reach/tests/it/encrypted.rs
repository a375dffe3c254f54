use std::path::Path;

use anyhow::{Context, Result, ensure};
use reach::{Address, ReachError, TlsFiles, mqtt, nats};
use testkit::brokers::Broker;

use crate::run;

/// A certificate for this machine and its key, in PEM.
fn certificate(folder: &Path) -> Result<(String, String)> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    Ok((certificate.display().to_string(), key.display().to_string()))
}

#[test]
fn nats_is_spoken_over_tls_where_the_certificate_is_trusted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (certificate, key) = certificate(folder.path())?;
    let lines = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}");
    let Some(broker) = Broker::nats(folder.path(), &lines)? else { return Ok(()) };
    let address = Address::nats(&format!("tls://127.0.0.1:{}", broker.port))?;
    let options = |tls: TlsFiles, address: &Address| -> Result<nats::Options> {
        let tls = tls.connector(address).map_err(anyhow::Error::msg)?;
        let (login, name) = (nats::Login::Nobody, "test".to_owned());
        Ok(nats::Options { address: address.clone(), login, tls, name, message_bytes_max: 1_000 })
    };
    let trusting = TlsFiles { ca: Some(certificate.into()), identity: None };
    run(async {
        let mut connection = nats::Connection::open(&options(trusting.clone(), &address)?).await?;
        connection.ping();
        ensure!(connection.next().await? == nats::Event::Pong);
        let error = nats::Connection::open(&options(TlsFiles::default(), &address)?).await;
        let error = error.err().context("nobody signed it whom the system trusts")?;
        ensure!(matches!(error, ReachError::Connect { .. }), "{error}");
        let plain = Address::nats(&broker.url())?;
        let error = nats::Connection::open(&options(TlsFiles::default(), &plain)?).await;
        let error = error.err().context("the server asks for TLS")?.to_string();
        ensure!(error.contains("asks for TLS; write tls://"), "{error}");
        // With files for it, it is given what it asks for.
        nats::Connection::open(&options(trusting, &plain)?).await?;
        Ok(())
    })
}

#[test]
fn mqtt_is_spoken_over_tls_where_the_certificate_is_trusted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (certificate, key) = certificate(folder.path())?;
    let lines = format!("certfile {certificate}\nkeyfile {key}\nallow_anonymous true");
    let Some(broker) = Broker::mosquitto(folder.path(), &lines)? else { return Ok(()) };
    let address = Address::mqtt(&format!("mqtts://127.0.0.1:{}", broker.port))?;
    let options = |tls: TlsFiles| -> Result<mqtt::Options> {
        Ok(mqtt::Options {
            address: address.clone(),
            login: None,
            client_id: "test".to_owned(),
            tls: tls.connector(&address).map_err(anyhow::Error::msg)?,
            session: None,
            keep_alive: None,
            receive_max: 1,
            packet_bytes_max: 1_000,
        })
    };
    run(async {
        let trusting = TlsFiles { ca: Some(certificate.into()), identity: None };
        let mut connection = mqtt::Connection::open(&options(trusting)?).await?;
        connection.ping();
        ensure!(connection.next().await? == mqtt::Packet::Pong);
        let error = mqtt::Connection::open(&options(TlsFiles::default())?).await;
        let error = error.err().context("nobody signed it whom the system trusts")?;
        ensure!(matches!(error, ReachError::Connect { .. }), "{error}");
        Ok(())
    })
}
