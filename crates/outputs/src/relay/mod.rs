//! HEP to other collectors: packets as they were received, or as version 3 with other chunks.

mod chunks;
mod connection;
mod make;
mod target;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reach::{Backoff, Tls};
use tokio::time::timeout;

use crate::config::Config;
use crate::queue::Item;
use crate::send::{Failure, Reply};

pub use chunks::{ChunkValue, chunk_name};
pub use target::{Target, TargetError};

pub(crate) use make::{Packets, RelayMaker};

use connection::Connection;
use target::Scheme;

/// Where to, and what is different there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    pub targets: Vec<Target>,
    pub balance: Balance,
    pub form: Form,
    /// PEM: who signs the certificates of collectors; without it, whom the system trusts.
    pub tls_ca: Option<PathBuf>,
    /// PEM: our certificate and its key, for collectors that ask for one.
    pub tls_identity: Option<(PathBuf, PathBuf)>,
}

/// Which of several targets has a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// The first that works, in their order.
    Failover,
    /// Each that works in its turn.
    RoundRobin,
}

/// What a packet is sent as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it was received. Over TCP and TLS versions 1 and 2 become version 3, since nothing in them says where they end.
    AsReceived,
    /// As version 3, without its key and with these edits.
    Hep3 { delete: Vec<(u16, u16)>, set: Vec<ChunkValue> },
}

/// How long a collector has for what is on its way to it when the server stops.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

/// The targets of one relay.
pub(crate) struct RelaySink {
    targets: Vec<Goal>,
    balance: Balance,
    next: usize,
    tls: Option<Arc<Tls>>,
    /// Of one target.
    time_max: Duration,
    /// Why the last attempt failed.
    problem: String,
}

struct Goal {
    target: Target,
    connection: Option<Connection>,
    backoff: Backoff,
    /// It failed, and is left alone until then.
    rests_until: Option<Instant>,
}

impl RelaySink {
    pub(crate) fn new(relay: &Relay, config: &Config) -> Result<Self, String> {
        let encrypted = relay.targets.iter().any(|target| target.scheme() == Scheme::Tls);
        let tls = if encrypted {
            Some(Arc::new(Tls::new(relay.tls_ca.as_deref(), relay.tls_identity.as_ref())?))
        } else {
            None
        };
        let goal = |target: &Target| Goal {
            target: target.clone(),
            connection: None,
            backoff: Backoff::new(config.retry.0, config.retry.1),
            rests_until: None,
        };
        Ok(Self {
            targets: relay.targets.iter().map(goal).collect(),
            balance: relay.balance,
            next: 0,
            tls,
            time_max: config.time_max,
            problem: String::new(),
        })
    }

    /// To the first that takes it. A batch that a connection broke under is sent again as a whole.
    pub(crate) async fn send(&mut self, batch: &[Arc<Item>]) -> Reply {
        let mut problems = Vec::new();
        for step in 0..self.targets.len() {
            let place = match self.balance {
                Balance::Failover => step,
                Balance::RoundRobin => (self.next + step) % self.targets.len(),
            };
            let goal = &mut self.targets[place];
            if goal.rests_until.is_some_and(|until| Instant::now() < until) {
                continue;
            }
            let attempt = timeout(self.time_max, goal.send(batch, self.tls.as_ref())).await;
            match attempt.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())) {
                Ok(reply) => {
                    if goal.connection.is_some() {
                        goal.backoff.succeeded();
                        goal.rests_until = None;
                    } else {
                        // It took a part and then broke: the rest may go elsewhere.
                        if let Reply::Each { problem: Some(problem), .. } = &reply {
                            self.problem = format!("{}: {problem}", goal.target);
                        }
                        goal.rest();
                    }
                    self.next = (place + 1) % self.targets.len();
                    return reply;
                }
                Err(error) => {
                    goal.rest();
                    problems.push(format!("{}: {error}", goal.target));
                }
            }
        }
        // Without one all rest after what went wrong before.
        if !problems.is_empty() {
            self.problem = problems.join("; ");
        }
        let soonest = self.targets.iter().filter_map(|goal| goal.rests_until).min();
        let after = soonest.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        Reply::Failed(Failure::Down { problem: self.problem.clone(), after: Some(after) })
    }

    /// Says good-bye where there is a connection. One that is dropped with something unread in it takes along what the
    /// other side has not received yet.
    pub(crate) async fn close(&mut self) {
        let open = self.targets.iter_mut().filter_map(|goal| goal.connection.take());
        // Late or not, it is over.
        let _ = timeout(CLOSE_TIME_MAX, futures::future::join_all(open.map(Connection::close))).await;
    }
}

impl Goal {
    async fn send(&mut self, batch: &[Arc<Item>], tls: Option<&Arc<Tls>>) -> std::io::Result<Reply> {
        // Taken out meanwhile: a connection that is cut in the middle of a packet is of no more use.
        let mut connection = self.connection.take();
        if let Some(open) = &mut connection
            && !open.is_alive().await
        {
            connection = None;
        }
        let connection = match connection {
            Some(connection) => connection,
            None => Connection::open(&self.target, tls).await?,
        };
        let (connection, reply) = connection.send(batch).await?;
        self.connection = connection;
        Ok(reply)
    }

    fn rest(&mut self) {
        let pause = self.backoff.failed(None, fastrand::f64());
        self.rests_until = Some(Instant::now() + pause);
    }
}
