use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alerts::{Alert, Event};
use reqwest::header::HeaderMap;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::config::{Config, Kind, Timing};
use super::counters::{Counters, Counts};
use super::delivery::{Errand, News};
use super::smtp::Mailer;
use super::{alertmanager, mail, webhook};
use crate::http::{Endpoint, Post};

/// News that waits for one notifier: an hour of a change every 15 s, some hundred kilobytes.
const QUEUE_NEWS_MAX: usize = 256;

/// All ways to tell people, each with a task of its own.
pub struct Notifiers {
    runtime: Handle,
    timing: Timing,
    running: Mutex<Vec<Running>>,
    firing: watch::Sender<Vec<Alert>>,
}

/// Notifiers that can be used, and are not yet.
pub struct Prepared {
    base: String,
    ways: Vec<(Config, Way)>,
}

/// How the other side is reached.
enum Way {
    Webhook(Post),
    Alertmanager(Post),
    Email(Mailer),
}

/// Why a notifier cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("notifier {notifier:?}: {what}")]
pub struct NotifyError {
    notifier: String,
    what: String,
}

struct Running {
    config: Config,
    base: String,
    queue: mpsc::Sender<News>,
    counts: Arc<Counts>,
    /// Of Alertmanager: what fires and is for it.
    firing: Option<watch::Sender<Vec<Alert>>>,
    task: JoinHandle<()>,
}

impl Prepared {
    /// Reads what these need. `base` is where the web is, for links.
    pub fn new(configs: &[Config], base: &str) -> Result<Self, NotifyError> {
        let ways = configs.iter().map(|config| {
            let way = Way::new(&config.kind);
            let way = way.map_err(|what| NotifyError { notifier: config.name.clone(), what })?;
            Ok((config.clone(), way))
        });
        Ok(Self { base: base.to_owned(), ways: ways.collect::<Result<_, _>>()? })
    }
}

impl Way {
    fn new(kind: &Kind) -> Result<Self, String> {
        let post =
            |endpoint: &Endpoint, path: &str| Post::new(endpoint, path, "application/json", HeaderMap::new());
        Ok(match kind {
            Kind::Webhook(endpoint) => Self::Webhook(post(endpoint, "")?),
            Kind::Alertmanager(endpoint) => Self::Alertmanager(post(endpoint, alertmanager::PATH)?),
            Kind::Email(email) => Self::Email(Mailer::new(email)?),
        })
    }
}

impl Notifiers {
    /// None, until [`Notifiers::replace`].
    pub fn new(runtime: Handle, timing: Timing) -> Self {
        Self { runtime, timing, running: Mutex::default(), firing: watch::Sender::new(Vec::new()) }
    }

    /// From now on these and no others. Those that were there and have not changed go on with what waits; others end once
    /// they are rid of it.
    pub fn replace(&self, prepared: Prepared) {
        let Prepared { base, ways } = prepared;
        let mut running = self.lock();
        let mut before = std::mem::take(&mut *running);
        for (config, way) in ways {
            let known = before.iter().position(|known| known.config == config && known.base == base);
            running.push(match known {
                Some(place) => before.swap_remove(place),
                None => self.start(config, way, &base),
            });
        }
        let told = self.firing.borrow().clone();
        running.iter().for_each(|one| one.fires(&told));
    }

    /// Hands out what is to be told. Never waits.
    pub fn tell(&self, events: &[Event]) {
        for one in &*self.lock() {
            let wanted = events.iter().filter(|event| event.tell && one.is_for(&event.alert));
            let mut events: Vec<Event> = wanted.cloned().collect();
            // Of one rule a piece of news each.
            while let Some(first) = events.first().map(|event| event.alert.rule.clone()) {
                let (same, others) = events.into_iter().partition(|event: &Event| event.alert.rule == first);
                events = others;
                one.counts.taken();
                if one.queue.try_send(News { events: same }).is_err() {
                    one.counts.dropped();
                    let notifier = &one.config.name;
                    tracing::error!(notifier, "too much waits to be told: news was dropped");
                }
            }
        }
    }

    /// All that fires and people were told of.
    pub fn firing(&self, alerts: Vec<Alert>) {
        self.lock().iter().for_each(|one| one.fires(&alerts));
        self.firing.send_replace(alerts);
    }

    pub fn counters(&self) -> Vec<Counters> {
        let running = self.lock();
        running.iter().map(|one| one.counts.read(&one.config.name, one.config.kind.name())).collect()
    }

    /// Takes nothing more, and returns when all that waits is told or that has taken too long. Blocks.
    pub fn stop(&self, time_max: Duration) {
        let running = std::mem::take(&mut *self.lock());
        let (tasks, counts): (Vec<_>, Vec<_>) =
            running.into_iter().map(|one| (one.task, (one.config, one.counts))).unzip();
        let all = futures::future::join_all(tasks);
        let is_late = self.runtime.block_on(async { tokio::time::timeout(time_max, all).await }).is_err();
        for (config, counts) in counts.iter().filter(|_| is_late) {
            let waiting = counts.read(&config.name, config.kind.name()).waiting;
            if waiting > 0 {
                tracing::error!(notifier = config.name, waiting, "news of alerts is left untold");
            }
        }
    }

    fn start(&self, config: Config, way: Way, base: &str) -> Running {
        let (queue, waiting) = mpsc::channel(QUEUE_NEWS_MAX);
        let counts = Arc::new(Counts::default());
        let errand = Errand {
            name: config.name.clone(),
            base: base.to_owned(),
            timing: self.timing,
            counts: Arc::clone(&counts),
        };
        let mut firing = None;
        let task = match way {
            Way::Webhook(post) => self.runtime.spawn(webhook::run(errand, post, waiting)),
            Way::Alertmanager(post) => {
                let (sender, told) = watch::channel(Vec::new());
                firing = Some(sender);
                self.runtime.spawn(alertmanager::run(errand, post, waiting, told))
            }
            Way::Email(mailer) => self.runtime.spawn(mail::run(errand, mailer, waiting)),
        };
        Running { config, base: base.to_owned(), queue, counts, firing, task }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn is_for(&self, alert: &Alert) -> bool {
        alert.to.is_empty() || alert.to.contains(&self.config.name)
    }

    fn fires(&self, alerts: &[Alert]) {
        if let Some(firing) = &self.firing {
            firing.send_replace(alerts.iter().filter(|alert| self.is_for(alert)).cloned().collect());
        }
    }
}

impl std::fmt::Debug for Notifiers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifiers").field("running", &self.lock().len()).finish_non_exhaustive()
    }
}
