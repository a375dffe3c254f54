//! Handing a mail to a server: SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the first byte on, and a login by AUTH
//! PLAIN or LOGIN (RFC 4954). One mail a connection.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reach::Tls;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;

use super::config::{Email, Encryption};
use crate::send::Failure;

/// Longest line of a reply (RFC 5321 4.5.3.1.5), generously.
const LINE_BYTES_MAX: u64 = 2_000;

/// Lines of one reply: servers list a dozen extensions.
const LINES_MAX: usize = 100;

/// Sends by one server.
pub(super) struct Mailer {
    email: Email,
    encryption: Encrypted,
}

enum Encrypted {
    No,
    AtOnce(Tls),
    AfterStartTls(Tls),
}

impl Mailer {
    pub(super) fn new(email: &Email) -> Result<Self, String> {
        let tls = || Tls::new(email.tls_ca.as_deref(), None);
        let encryption = match email.encryption {
            Encryption::None => Encrypted::No,
            Encryption::Tls => Encrypted::AtOnce(tls()?),
            Encryption::StartTls => Encrypted::AfterStartTls(tls()?),
        };
        Ok(Self { email: email.clone(), encryption })
    }

    pub(super) fn email(&self) -> &Email {
        &self.email
    }

    pub(super) async fn send(&self, mail: &[u8]) -> Result<(), Failure> {
        let host = self.email.host.as_str();
        let stream = TcpStream::connect((host, self.email.port)).await.map_err(Failure::down)?;
        let us = literal(stream.local_addr().map_err(Failure::down)?.ip());
        let us = us.as_str();
        match &self.encryption {
            Encrypted::No => {
                let mut session = Session::new(stream);
                session.greet().await?;
                session.mail(&self.email, us, mail).await
            }
            Encrypted::AtOnce(tls) => {
                let stream = tls.connect(host, stream).await.map_err(Failure::down)?;
                let mut session = Session::new(stream);
                session.greet().await?;
                session.mail(&self.email, us, mail).await
            }
            Encrypted::AfterStartTls(tls) => {
                let mut session = Session::new(stream);
                session.greet().await?;
                if !offers(&session.hello(us).await?, "STARTTLS") {
                    return Err(refused("the server offers no STARTTLS"));
                }
                session.say("STARTTLS", 220).await?;
                let stream = tls.connect(host, session.into_plain()?).await.map_err(Failure::down)?;
                // What was offered before may have been anybody's word (RFC 3207 4.2): it is asked again.
                Session::new(stream).mail(&self.email, us, mail).await
            }
        }
    }
}

/// How we introduce ourselves: by our address, as one that has no name it is known by (RFC 5321 4.1.3).
fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

struct Session<S> {
    stream: BufReader<S>,
}

struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    async fn greet(&mut self) -> Result<(), Failure> {
        let greeting = self.reply().await?;
        greeting.expect(220).map(drop)
    }

    /// The extensions it has.
    async fn hello(&mut self, us: &str) -> Result<Vec<String>, Failure> {
        Ok(self.say(&format!("EHLO {us}"), 250).await?.lines)
    }

    async fn mail(&mut self, email: &Email, us: &str, mail: &[u8]) -> Result<(), Failure> {
        let extensions = self.hello(us).await?;
        if let Some((user, password)) = &email.login {
            self.log_in(&extensions, user, password).await?;
        }
        self.say(&format!("MAIL FROM:<{}>", email.from.email), 250).await?;
        let mut refusals = Vec::new();
        for to in &email.to {
            match self.say(&format!("RCPT TO:<{}>", to.email), 250).await {
                Ok(_) => {}
                // The others are to hear of it.
                Err(Failure::Refused { refusal }) => refusals.push(format!("{}: {refusal}", to.email)),
                Err(failure) => return Err(failure),
            }
        }
        if refusals.len() == email.to.len() {
            return Err(refused(refusals.join("; ")));
        }
        for refusal in refusals {
            tracing::error!(refusal, "a mail about an alert does not go to everybody");
        }
        self.say("DATA", 354).await?;
        self.write(&stuffed(mail)).await?;
        self.reply().await?.expect(250)?;
        // It has taken the mail; whether and when it says goodbye is of no account.
        let _ = self.write(b"QUIT\r\n").await;
        Ok(())
    }

    async fn log_in(&mut self, extensions: &[String], user: &str, password: &str) -> Result<(), Failure> {
        let methods: Vec<&str> = extensions
            .iter()
            .filter_map(|line| line.strip_prefix("AUTH "))
            .flat_map(str::split_whitespace)
            .collect();
        let offers = |method: &str| methods.iter().any(|known| known.eq_ignore_ascii_case(method));
        if offers("PLAIN") {
            let words = STANDARD.encode(format!("\0{user}\0{password}"));
            return self.say(&format!("AUTH PLAIN {words}"), 235).await.map(drop);
        }
        if offers("LOGIN") {
            self.say("AUTH LOGIN", 334).await?;
            self.say(&STANDARD.encode(user), 334).await?;
            return self.say(&STANDARD.encode(password), 235).await.map(drop);
        }
        Err(refused("the server offers no AUTH PLAIN or LOGIN here"))
    }

    async fn say(&mut self, line: &str, expected: u16) -> Result<Reply, Failure> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await?.expect(expected)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).await.map_err(Failure::down)?;
        self.stream.flush().await.map_err(Failure::down)
    }

    /// Lines `250-...`, the last one `250 ...` (RFC 5321 4.2.1).
    async fn reply(&mut self) -> Result<Reply, Failure> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut self.stream).take(LINE_BYTES_MAX);
            limited.read_until(b'\n', &mut line).await.map_err(Failure::down)?;
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            let code = text.get(..3).and_then(|code| code.parse::<u16>().ok());
            let (Some(code), true) = (code, line.ends_with(b"\n") && lines.len() < LINES_MAX) else {
                return Err(Failure::down(format!("the server did not answer in SMTP: {text:?}")));
            };
            lines.push(text.get(4..).unwrap_or_default().to_owned());
            if text.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, lines });
            }
        }
    }

    /// What the server has said beyond its last reply was not asked for, and may be somebody else's (RFC 3207 6).
    fn into_plain(self) -> Result<S, Failure> {
        if !self.stream.buffer().is_empty() {
            return Err(Failure::down("the server spoke before TLS had begun"));
        }
        Ok(self.stream.into_inner())
    }
}

impl Reply {
    fn expect(self, code: u16) -> Result<Self, Failure> {
        // Any 2yz is success, as 251 for an address that is elsewhere now (RFC 5321 4.2.1, 4.3.2).
        if self.code == code || code / 100 == 2 && self.code / 100 == 2 {
            return Ok(self);
        }
        let words = format!("the server said {} {}", self.code, self.lines.join(" "));
        // RFC 5321 4.2.1: 5yz is for good, 4yz for now.
        Err(if self.code >= 500 { refused(words) } else { Failure::down(words) })
    }
}

fn offers(extensions: &[String], name: &str) -> bool {
    extensions
        .iter()
        .any(|line| line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(name)))
}

/// With the end mark, and lines that begin with a point protected from being taken for it (RFC 5321 4.5.2).
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(mail.len() + 8);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

fn refused(why: impl Into<String>) -> Failure {
    Failure::Refused { refusal: why.into() }
}
