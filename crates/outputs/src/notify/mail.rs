//! A mail for each piece of news.

use alerts::{Event, What};
use lettre::Message;
use lettre::message::header::ContentType;
use tokio::sync::mpsc::Receiver;

use super::config::Email;
use super::delivery::{Errand, News, deliver};
use super::smtp::Mailer;
use crate::send::Failure;

/// Alerts told in full; who needs more follows the link.
const TOLD_MAX: usize = 20;

pub(super) async fn run(errand: Errand, mailer: Mailer, mut queue: Receiver<News>) {
    while let Some(news) = queue.recv().await {
        let mail = compose(&errand, mailer.email(), &news);
        deliver(&errand, || attempt(&mailer, &mail)).await;
    }
}

async fn attempt(mailer: &Mailer, mail: &Result<Vec<u8>, String>) -> Result<(), Failure> {
    match mail {
        Ok(mail) => mailer.send(mail).await,
        Err(why) => Err(Failure::Refused { refusal: why.clone() }),
    }
}

fn compose(errand: &Errand, email: &Email, news: &News) -> Result<Vec<u8>, String> {
    let mut builder = Message::builder()
        .from(email.from.clone())
        .subject(subject(news))
        .date_now()
        .message_id(None)
        .header(ContentType::TEXT_PLAIN);
    for to in &email.to {
        builder = builder.to(to.clone());
    }
    let message = builder.body(text(errand, news)).map_err(|error| error.to_string())?;
    Ok(message.formatted())
}

fn is_over(event: &Event) -> bool {
    matches!(event.what, What::Resolved(_))
}

/// `[rhapsode] firing: sender_silent (2)`.
fn subject(news: &News) -> String {
    let over = news.events.iter().all(is_over);
    let rule = news.events.first().map_or("", |event| event.alert.rule.as_str());
    let number = if news.events.len() > 1 { format!(" ({})", news.events.len()) } else { String::new() };
    format!("[rhapsode] {}: {rule}{number}", if over { "resolved" } else { "firing" })
}

fn text(errand: &Errand, news: &News) -> String {
    let mut text = String::new();
    for event in news.events.iter().take(TOLD_MAX) {
        let alert = &event.alert;
        let state = if is_over(event) { "resolved" } else { alert.severity.as_str() };
        text.push_str(&format!("{state}: {}\n", alert.summary));
        for (name, value) in &alert.labels {
            text.push_str(&format!("  {name}: {value}\n"));
        }
        text.extend(alert.note.as_ref().map(|note| format!("  {note}\n")));
        let usual = alert.usual.map_or_else(String::new, |usual| format!(", usually {usual}"));
        text.push_str(&format!("  value {}{usual}; condition: {}\n", alert.value, alert.condition));
        text.push_str(&format!("  since {}\n", alert.firing_since.unwrap_or(alert.pending_since)));
        if is_over(event) {
            text.push_str(&format!("  until {}\n", event.at));
        }
        text.push_str(&format!("  {}\n\n", alert.evidence.link(&errand.base)));
    }
    let more = news.events.len().saturating_sub(TOLD_MAX);
    if more > 0 {
        text.push_str(&format!("and {more} more: {}\n", errand.base));
    }
    text
}
