use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use alerts::What;
use anyhow::{Context, Result, ensure};
use outputs::notify::{Email, Encryption, Kind};
use serde_json::{Value, json};
use testkit::programs::{Program, find};
use testkit::server::{free_tcp_port, wait};

use super::{BASE, Told, alert, event, over};

const LIMIT: Duration = Duration::from_secs(60);

const TO: [&str; 2] = ["ops@example.com", "Night Shift <night@example.com>"];

fn email(port: u16, encryption: Encryption, to: &[&str]) -> Result<Email> {
    let address = |text: &str| Email::address(text).map_err(anyhow::Error::msg);
    Ok(Email {
        host: "localhost".to_owned(),
        port,
        encryption,
        tls_ca: None,
        login: None,
        from: address("Rhapsode <rhapsode@example.com>")?,
        to: to.iter().map(|text| address(text)).collect::<Result<_>>()?,
    })
}

/// A real mail server, that prints what it gets.
struct Mailbox(Program);

impl Mailbox {
    fn open(port: u16, folder: &tempfile::TempDir, rest: &[&str]) -> Result<Option<Self>> {
        let Some(_) = find("aiosmtpd")? else { return Ok(None) };
        // The interpreter of the system is the one that the package is for.
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-u", "-c", include_str!("smtp.py"), &port.to_string()]).args(rest);
        let server = Program::start("aiosmtpd", command, folder.path())?;
        ensure!(wait(LIMIT, || Ok(server.printed().contains("ready")))?, "{}", server.printed());
        Ok(Some(Self(server)))
    }

    fn mails(&self) -> Vec<Value> {
        self.0.printed().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// Its certificate and key, and who signs: itself.
fn certificate(folder: &tempfile::TempDir) -> Result<(PathBuf, PathBuf)> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let (certificate, key) = (folder.path().join("mail.pem"), folder.path().join("mail.key"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    Ok((certificate, key))
}

#[test]
fn a_mail_says_what_and_where_to_look() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_tcp_port()?;
    // It is told before it is there: that is tried again.
    let told = Told::by(Kind::Email(email(port, Encryption::None, &TO)?))?;
    told.notifiers.tell(&[event(What::Firing, alert("sender_silent", "10.0.0.1"))]);
    ensure!(wait(LIMIT, || Ok(told.counters().failures > 0))?);
    let Some(mailbox) = Mailbox::open(port, &folder, &[])? else { return Ok(()) };
    let counters = told.settled(LIMIT)?;
    ensure!((counters.taken, counters.sent) == (1, 1), "{counters:?}");
    told.notifiers.tell(&[over(alert("sender_silent", "10.0.0.1"))]);
    ensure!(told.settled(LIMIT)?.sent == 2);
    let mails = mailbox.mails();
    ensure!(
        mails.len() == 2 && mails[0]["to"] == json!(["ops@example.com", "night@example.com"]),
        "{mails:?}"
    );
    let mail = mails[0]["mail"].as_str().context("a mail")?;
    for words in [
        "Subject: [rhapsode] firing: sender_silent",
        "To: ops@example.com",
        "Night Shift",
        "sender: 10.0.0.1",
        "last heard a while ago",
        &format!("{BASE}/#/senders"),
    ] {
        ensure!(mail.contains(words), "no {words:?} in\n{mail}");
    }
    let mail = mails[1]["mail"].as_str().context("a mail")?;
    ensure!(mail.contains("Subject: [rhapsode] resolved: sender_silent"), "{mail}");
    Ok(())
}

#[test]
fn a_login_goes_over_an_encrypted_connection_and_one_wrong_address_does_not_silence_the_others() -> Result<()>
{
    for mechanism in ["PLAIN", "LOGIN"] {
        let folder = tempfile::tempdir()?;
        let port = free_tcp_port()?;
        let (certificate, key) = certificate(&folder)?;
        let rest = [certificate.to_string_lossy(), key.to_string_lossy(), mechanism.into()];
        let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
        let Some(mailbox) = Mailbox::open(port, &folder, &rest)? else { return Ok(()) };
        let good = Email {
            tls_ca: Some(certificate.clone()),
            login: Some(("rhapsode".to_owned(), "secret".to_owned())),
            ..email(port, Encryption::StartTls, &["gone@example.com", "ops@example.com"])?
        };
        let wrong = Email { login: Some(("rhapsode".to_owned(), "wrong".to_owned())), ..good.clone() };
        let told = Told::by(Kind::Email(wrong))?;
        told.notifiers.tell(&[event(What::Firing, alert("sender_silent", "10.0.0.1"))]);
        let counters = told.settled(LIMIT)?;
        ensure!((counters.sent, counters.given_up) == (0, 1), "{counters:?}");
        ensure!(counters.error.as_deref().is_some_and(|error| error.contains("535")), "{counters:?}");

        // A certificate that nobody we trust has signed is no reason to send it in the clear.
        let told = Told::by(Kind::Email(Email { tls_ca: None, ..good.clone() }))?;
        told.notifiers.tell(&[event(What::Firing, alert("sender_silent", "10.0.0.1"))]);
        let counters = told.settled(LIMIT)?;
        ensure!((counters.sent, counters.given_up) == (0, 1), "{counters:?}");
        ensure!(mailbox.mails().is_empty(), "{:?}", mailbox.mails());

        let told = Told::by(Kind::Email(good))?;
        told.notifiers.tell(&[event(What::Firing, alert("sender_silent", "10.0.0.1"))]);
        let counters = told.settled(LIMIT)?;
        ensure!((counters.sent, counters.failures) == (1, 0), "{counters:?}");
        let mails = mailbox.mails();
        let mail = mails.first().context("a mail")?;
        let expected = (&json!(["ops@example.com"]), &json!("rhapsode"), &json!(true));
        ensure!((&mail["to"], &mail["login"], &mail["encrypted"]) == expected, "{mail}");
    }
    Ok(())
}

#[test]
fn without_the_encryption_that_was_asked_nothing_is_sent() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_tcp_port()?;
    let Some(mailbox) = Mailbox::open(port, &folder, &[])? else { return Ok(()) };
    let told = Told::by(Kind::Email(email(port, Encryption::StartTls, &TO)?))?;
    told.notifiers.tell(&[event(What::Firing, alert("sender_silent", "10.0.0.1"))]);
    let counters = told.settled(LIMIT)?;
    ensure!((counters.sent, counters.given_up) == (0, 1), "{counters:?}");
    ensure!(counters.error.context("a reason")?.contains("no STARTTLS"));
    ensure!(mailbox.mails().is_empty(), "{:?}", mailbox.mails());
    Ok(())
}
