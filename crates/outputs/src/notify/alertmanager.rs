//! Alertmanager's API, version 2: what fires is told again and again, what has ended once.

use std::collections::BTreeMap;
use std::time::Duration;

use alerts::{Alert, What};
use model::Micros;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::delivery::{Errand, News};
use crate::http::Post;
use crate::outputs::now;

/// Where it takes alerts, below its address.
pub(super) const PATH: &str = "/api/v2/alerts";

/// Ends that Alertmanager has not taken yet: beyond it the oldest are left, which it finds out itself.
const ENDED_MAX: usize = 1_000;

/// As Prometheus does: it must miss several before Alertmanager takes an alert for over.
const ENDS_AFTER_RESENDS: u32 = 4;

pub(super) async fn run(
    errand: Errand,
    post: Post,
    mut queue: mpsc::Receiver<News>,
    firing: watch::Receiver<Vec<Alert>>,
) {
    let timing = errand.timing;
    let mut ended: BTreeMap<String, (Alert, Micros)> = BTreeMap::new();
    // News that no post has carried yet, and since when.
    let mut waiting = 0;
    let mut waiting_since = Instant::now();
    let mut backoff = errand.backoff();
    let mut is_down = false;
    let mut next = Instant::now();
    let mut is_open = true;
    while is_open || waiting > 0 {
        tokio::select! {
            news = queue.recv(), if is_open => {
                let Some(news) = news else { is_open = false; continue };
                if waiting == 0 {
                    waiting_since = Instant::now();
                    // While it is down, news waits for the next attempt like everything else.
                    next = if is_down { next } else { waiting_since };
                }
                waiting += 1;
                for event in news.events {
                    match event.what {
                        What::Resolved(_) => ended.insert(event.alert.id.clone(), (event.alert, event.at)),
                        What::Firing | What::Unsilenced => ended.remove(&event.alert.id),
                    };
                }
                while ended.len() > ENDED_MAX {
                    ended.pop_first();
                }
            }
            () = sleep_until(next) => {
                let told = firing.borrow().clone();
                if told.is_empty() && ended.is_empty() {
                    errand.counts.sent(std::mem::take(&mut waiting));
                    next = Instant::now() + timing.resend;
                    continue;
                }
                let body = body(&errand, &told, &ended, timing.resend * ENDS_AFTER_RESENDS);
                let pause = match errand.attempt(post.send(body)).await {
                    Ok(_) => {
                        errand.counts.sent(std::mem::take(&mut waiting));
                        ended.clear();
                        backoff.succeeded();
                        is_down = false;
                        timing.resend
                    }
                    Err(failure) => {
                        let pause = errand.failed(failure, &mut backoff);
                        is_down = pause.is_some();
                        if !is_down || waiting_since.elapsed() > timing.give_up_after {
                            errand.given_up(std::mem::take(&mut waiting));
                            ended.clear();
                        }
                        pause.unwrap_or(timing.resend)
                    }
                };
                next = Instant::now() + pause;
            }
        }
    }
}

fn body(
    errand: &Errand,
    firing: &[Alert],
    ended: &BTreeMap<String, (Alert, Micros)>,
    ends_after: Duration,
) -> Vec<u8> {
    let ends =
        Micros(now().0.saturating_add(i64::try_from(ends_after.as_micros()).unwrap_or(i64::MAX))).to_string();
    let firing = firing.iter().map(|alert| alert_json(errand, alert, &ends));
    let ended = ended.values().map(|(alert, at)| alert_json(errand, alert, &at.to_string()));
    Value::from_iter(firing.chain(ended)).to_string().into_bytes()
}

/// The characters that a name of a label may have (its data model, as of Prometheus 2).
fn label_name(name: &str) -> String {
    let mut fit: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    if fit.starts_with(|letter: char| letter.is_ascii_digit()) {
        fit.insert(0, '_');
    }
    fit
}

fn alert_json(errand: &Errand, alert: &Alert, ends: &str) -> Value {
    let mut labels: BTreeMap<String, &str> = BTreeMap::new();
    for (name, value) in &alert.labels {
        // An empty label is none; Alertmanager refuses it.
        if !value.is_empty() {
            labels.insert(label_name(name), value);
        }
    }
    labels.insert("alertname".to_owned(), &alert.rule);
    labels.insert("severity".to_owned(), alert.severity.as_str());
    let link = alert.evidence.link(&errand.base);
    let description = match &alert.note {
        Some(note) => format!("{note} ({}; condition: {})", alert.value, alert.condition),
        None => format!("{}; condition: {}", alert.value, alert.condition),
    };
    json!({
        "labels": labels,
        "annotations": {"summary": alert.summary, "description": description, "link": link},
        "startsAt": alert.firing_since.unwrap_or(alert.pending_since).to_string(),
        "endsAt": ends,
        "generatorURL": link,
    })
}
