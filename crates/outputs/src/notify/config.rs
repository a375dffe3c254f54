use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;

use crate::http::Endpoint;

/// One way to tell people.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub name: String,
    pub kind: Kind,
}

#[derive(Clone, PartialEq)]
pub enum Kind {
    /// `POST` of JSON for each change.
    Webhook(Endpoint),
    /// `POST /api/v2/alerts` below this address, again and again while something fires.
    Alertmanager(Endpoint),
    Email(Email),
}

#[derive(Clone, PartialEq)]
pub struct Email {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    /// PEM: who signs its certificate; without it, whom the system trusts.
    pub tls_ca: Option<PathBuf>,
    /// User and password.
    pub login: Option<(String, String)>,
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte on (RFC 8314 3.3).
    Tls,
    /// After STARTTLS (RFC 3207), without which nothing is sent.
    StartTls,
    None,
}

/// How long things take; the same for all notifiers.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// One attempt: what has not answered by then is down.
    pub attempt_max: Duration,
    /// First and longest pause after a failure.
    pub retry: (Duration, Duration),
    /// News older than this helps nobody, and what comes after waits behind it.
    pub give_up_after: Duration,
    /// Alertmanager is told so often what fires: it takes for over what it has not heard of for four times as long.
    pub resend: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            attempt_max: Duration::from_secs(10),
            retry: (Duration::from_secs(1), Duration::from_secs(60)),
            give_up_after: Duration::from_secs(15 * 60),
            resend: Duration::from_secs(60),
        }
    }
}

impl Email {
    /// An address as `ops@example.com` or `Operations <ops@example.com>`.
    pub fn address(text: &str) -> Result<Mailbox, String> {
        text.parse().map_err(|error| format!("{text:?} is no mail address: {error}"))
    }
}

impl Kind {
    /// As the configuration names it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
            Self::Email(_) => "email",
        }
    }
}

/// Without what is secret in it: whoever has the address of some webhooks may post to them.
impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
