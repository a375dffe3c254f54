//! A `POST` of JSON for each piece of news.

use alerts::{Alert, Event, What};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use super::delivery::{Errand, News, deliver};
use crate::http::Post;

/// Of the body: readers may rely on what a version says.
const VERSION: u32 = 1;

pub(super) async fn run(errand: Errand, post: Post, mut queue: Receiver<News>) {
    while let Some(news) = queue.recv().await {
        let body = body(&errand, &news).to_string().into_bytes();
        deliver(&errand, || post.send(body.clone())).await;
    }
}

fn body(errand: &Errand, news: &News) -> Value {
    let alerts: Vec<Value> = news.events.iter().map(|event| event_json(event, &errand.base)).collect();
    json!({"version": VERSION, "server": errand.base, "notifier": errand.name, "alerts": alerts})
}

fn event_json(event: &Event, base: &str) -> Value {
    let Alert { id, rule, severity, labels, summary, note, value, usual, condition, .. } = &event.alert;
    let (ended, reason) = match event.what {
        What::Resolved(why) => (Some(event.at.to_string()), Some(why.as_str())),
        What::Firing | What::Unsilenced => (None, None),
    };
    json!({
        "id": id,
        "rule": rule,
        "status": if ended.is_some() { "resolved" } else { "firing" },
        "severity": severity.as_str(),
        "summary": summary,
        "note": note,
        "labels": labels,
        "value": value,
        "usual": usual,
        "condition": condition,
        "since": event.alert.firing_since.unwrap_or(event.alert.pending_since).to_string(),
        "ended": ended,
        "reason": reason,
        "link": event.alert.evidence.link(base),
    })
}
