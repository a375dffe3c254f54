//! Inputs: brokers that packets are fetched from. We go there; what comes then goes the way of all packets.

mod intake;
mod mqtt;
mod nats;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reach::{Address, Backoff, ReachError, Tls};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::Hall;
use super::web::told;
use crate::alarms::Alarms;
use crate::config::{InputConfig, InputKind};
use crate::counters::Listener;
use crate::transport::Transport;

use intake::Intake;

/// Up while a broker cannot be fetched from.
const INPUT_ALARM: &str = "input";

/// First and longest pause between attempts: a broker that restarts is there again within seconds.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// A broker that has not let us in by then has not heard us.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// An answer to a request, or that there is none, comes within this time; what we say is taken within it. Less than a stop may
/// take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// So often a broker that is silent is asked for a sign of life; after as long again it is given up.
const SIGN_EVERY: Duration = Duration::from_secs(20);

/// Of one message: what a `POST /hep` may hold.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Messages that are stored by one fsync, at most.
const GATHERED_MAX: usize = 1_000;

/// The same in bytes: those of a block.
const GATHERED_BYTES_MAX: usize = 1 << 20;

/// One input, checked.
pub(crate) struct InputDoor {
    config: InputConfig,
    listener: Listener,
    tls: Option<Arc<Tls>>,
}

impl InputDoor {
    pub(crate) fn new(config: InputConfig, listener: Listener) -> Result<Self, String> {
        if let InputKind::Nats(nats) = &config.kind {
            nats.login.check()?;
        }
        let tls = config.tls.connector(&config.address)?;
        Ok(Self { config, listener, tls })
    }

    pub(crate) fn transport(&self) -> Transport {
        self.listener.transport
    }

    /// Fetches until told to stop, again and again. What was not stored by then is not acknowledged.
    pub(crate) async fn run(self, hall: Hall, away: Arc<Away>, mut stop: watch::Receiver<bool>) {
        let Self { config, listener, tls } = self;
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let mut intake = Intake::new(hall, listener, stop.clone());
        let name = format!("rhapsode input {}", config.name);
        loop {
            let mut is_in = false;
            let arrived = || {
                is_in = true;
                away.tell(&config.name, None);
            };
            let served = match &config.kind {
                InputKind::Nats(nats) => {
                    let options = nats::options(&config, nats, tls.clone(), name.clone());
                    nats::serve(nats, &options, &mut intake, &mut stop, arrived).await
                }
                InputKind::Mqtt(mqtt) => {
                    let options = mqtt::options(&config, mqtt, tls.clone());
                    mqtt::serve(mqtt, &options, &mut intake, &mut stop, arrived).await
                }
            };
            let Err(problem) = served else { break };
            away.tell(&config.name, Some(problem));
            if is_in {
                backoff.succeeded();
            }
            let pause = backoff.failed(None, fastrand::f64());
            intake.tell();
            if timeout(pause, told(&mut stop)).await.is_ok() {
                break;
            }
        }
        intake.end();
    }
}

/// The inputs that cannot be fetched from, and why: one alarm for all.
pub(crate) struct Away {
    alarms: Arc<Alarms>,
    problems: Mutex<BTreeMap<String, String>>,
}

impl Away {
    pub(crate) fn new(alarms: Arc<Alarms>) -> Self {
        Self { alarms, problems: Mutex::default() }
    }

    fn tell(&self, input: &str, problem: Option<String>) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        match problem {
            Some(problem) => problems.insert(input.to_owned(), problem),
            None => problems.remove(input),
        };
        if problems.is_empty() {
            self.alarms.clear(INPUT_ALARM);
        } else {
            let each =
                problems.iter().map(|(input, problem)| format!("the input {input} gets nothing: {problem}"));
            self.alarms.raise(INPUT_ALARM, each.collect::<Vec<_>>().join("; "));
        }
    }
}

/// The connection, once we are let in; `None`: we are told to stop.
async fn opened<C>(
    address: &Address,
    opening: impl Future<Output = Result<C, ReachError>>,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<C>, String> {
    tokio::select! {
        () = told(stop) => Ok(None),
        opened = timeout(CONNECT_TIME_MAX, opening) => match opened {
            Ok(opened) => opened.map(Some).map_err(|error| error.to_string()),
            Err(_) => Err(format!("{address} has not let us in in time")),
        },
    }
}

/// What came, and why nothing more does.
struct Gathered<T> {
    all: Vec<T>,
    end: Option<ReachError>,
}

/// With the first what has come by now.
async fn gather<T>(
    first: Result<T, ReachError>,
    mut next: impl AsyncFnMut() -> Result<T, ReachError>,
    bytes_of: impl Fn(&T) -> usize,
) -> Gathered<T> {
    let mut gathered = Gathered { all: Vec::new(), end: None };
    let (mut come, mut bytes) = (Some(first), 0);
    while let Some(one) = come.take() {
        match one {
            Ok(one) => {
                bytes += bytes_of(&one);
                gathered.all.push(one);
            }
            Err(error) => {
                gathered.end = Some(error);
                break;
            }
        }
        if gathered.all.len() < GATHERED_MAX && bytes < GATHERED_BYTES_MAX {
            come = timeout(Duration::ZERO, next()).await.ok();
        }
    }
    gathered
}

/// What we say is taken in time.
async fn taken(flush: impl Future<Output = Result<(), ReachError>>) -> Result<(), String> {
    match timeout(ANSWER_TIME_MAX, flush).await {
        Ok(flushed) => flushed.map_err(|error| error.to_string()),
        Err(_) => Err(SILENT.to_owned()),
    }
}

/// Whether a broker that is silent still lives.
struct Heart {
    every: Duration,
    due: Instant,
    is_asked: bool,
}

/// What to do about it.
#[derive(Debug, PartialEq, Eq)]
enum Silence {
    Ask,
    GiveUp,
}

impl Heart {
    fn new(every: Duration) -> Self {
        Self { every, due: Instant::now() + every, is_asked: false }
    }

    /// It has said something.
    fn beat(&mut self) {
        self.is_asked = false;
    }

    /// If the time has come. It is asked also while it talks: some want to hear from us.
    fn look(&mut self, now: Instant) -> Option<Silence> {
        if now < self.due {
            return None;
        }
        self.due = now + self.every;
        let was_asked = std::mem::replace(&mut self.is_asked, true);
        Some(if was_asked { Silence::GiveUp } else { Silence::Ask })
    }
}

/// What is said of a broker that does not answer.
const SILENT: &str = "the broker gives no sign of life";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_given_up_that_does_not_answer() {
        let every = Duration::from_secs(20);
        let mut heart = Heart::new(every);
        let start = heart.due;
        assert_eq!(heart.look(start - every / 2), None);
        assert_eq!(heart.look(start), Some(Silence::Ask));
        heart.beat();
        assert_eq!(heart.look(start + every), Some(Silence::Ask), "also while it talks");
        assert_eq!(heart.look(start + 2 * every), Some(Silence::GiveUp));
    }

    #[test]
    fn one_alarm_tells_of_all_inputs_that_are_away() {
        let alarms = Arc::new(Alarms::default());
        let away = Away::new(Arc::clone(&alarms));
        let message = || alarms.list().first().map(|alarm| alarm.message.clone());
        away.tell("a", Some("refused".to_owned()));
        away.tell("b", Some("late".to_owned()));
        let both = "the input a gets nothing: refused; the input b gets nothing: late";
        assert_eq!(message().as_deref(), Some(both));
        away.tell("a", None);
        assert_eq!(message().as_deref(), Some("the input b gets nothing: late"));
        away.tell("b", None);
        assert_eq!(message(), None);
    }
}
