//! NATS: what is published while we listen, or a consumer of JetStream, whose messages are acknowledged once they are in the
//! log.

use std::sync::Arc;
use std::time::Duration;

use reach::nats::{Connection, Event, Message, Options, jetstream};
use reach::{ReachError, Tls};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    ANSWER_TIME_MAX, GATHERED_MAX, Gathered, Heart, Intake, MESSAGE_BYTES_MAX, SIGN_EVERY, SILENT, Silence,
    gather, opened, taken,
};
use crate::config::{InputConfig, NatsFrom, NatsInput};
use crate::counters::Refused;
use crate::listen::web::told;

/// By which we know what we listen to.
const SUBSCRIPTION: u64 = 1;

/// So long the server holds a request for messages that are not there yet.
const WAIT: Duration = Duration::from_secs(5);

/// Of the messages that one request brings: no message is larger than the half of it, and less than a server holds back for a
/// client that is slow.
const REQUEST_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;

/// How long it is waited where more is unacknowledged already than the consumer allows.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn options(
    config: &InputConfig,
    nats: &NatsInput,
    tls: Option<Arc<Tls>>,
    name: String,
) -> Options {
    let (address, login) = (config.address.clone(), nats.login.clone());
    Options { address, login, tls, name, message_bytes_max: MESSAGE_BYTES_MAX }
}

/// Until told to stop, or something is wrong. `arrived` is called once messages may come.
pub(super) async fn serve(
    nats: &NatsInput,
    options: &Options,
    intake: &mut Intake,
    stop: &mut watch::Receiver<bool>,
    arrived: impl FnOnce(),
) -> Result<(), String> {
    let opened = opened(&options.address, Connection::open(options), stop).await?;
    let Some(mut connection) = opened else { return Ok(()) };
    let mut fetch = Fetch { connection: &mut connection, intake, stop };
    match &nats.from {
        NatsFrom::Now { queue_group } => fetch.listen(&nats.subject, queue_group.as_deref(), arrived).await,
        NatsFrom::Stream { stream, durable } => {
            let inbox = format!("_INBOX.{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
            let consumer = Consumer { stream, durable, inbox };
            let mut over = fetch.stop.clone();
            tokio::select! {
                () = told(&mut over) => return Ok(()),
                known = fetch.consumer(&consumer, &nats.subject) => known?,
            }
            arrived();
            fetch.consume(&consumer).await
        }
    }
}

struct Fetch<'a> {
    connection: &'a mut Connection,
    intake: &'a mut Intake,
    stop: &'a mut watch::Receiver<bool>,
}

/// A consumer of a stream, and where its server answers us.
struct Consumer<'a> {
    stream: &'a str,
    durable: &'a str,
    inbox: String,
}

impl Fetch<'_> {
    /// What is published from now on.
    async fn listen(
        &mut self,
        subject: &str,
        queue_group: Option<&str>,
        arrived: impl FnOnce(),
    ) -> Result<(), String> {
        self.connection.subscribe(subject, queue_group, SUBSCRIPTION);
        // Who may not listen there is told before this is answered.
        self.connection.ping();
        let mut arrived = Some(arrived);
        let mut heart = Heart::new(SIGN_EVERY);
        loop {
            let first = tokio::select! {
                () = told(self.stop) => return Ok(()),
                first = timeout_at(heart.due, self.connection.next()) => first,
            };
            if first.is_ok() {
                heart.beat();
            }
            match heart.look(Instant::now()) {
                Some(Silence::Ask) => self.connection.ping(),
                Some(Silence::GiveUp) => return Err(SILENT.to_owned()),
                None => {}
            }
            let Ok(first) = first else {
                self.intake.tell();
                continue;
            };
            let gathered = self.gather(first).await;
            for event in gathered.all {
                match event {
                    Event::Message(message) => self.take(&message),
                    Event::Pong => arrived.take().into_iter().for_each(|arrived| arrived()),
                    _ => {}
                }
            }
            // Nobody is told: not to be stored is counted, and means that the program stops.
            let _ = self.intake.store(false).await;
            if let Some(end) = gathered.end {
                return Err(end.to_string());
            }
        }
    }

    /// Looks whether the consumer can be used, and makes it if there is none.
    async fn consumer(&mut self, consumer: &Consumer<'_>, subject: &str) -> Result<(), String> {
        let Consumer { stream, durable, inbox } = consumer;
        self.connection.subscribe(&format!("{inbox}.*"), None, SUBSCRIPTION);
        let info = jetstream::consumer_info(stream, durable);
        let mut known = self.ask(&info, &format!("{inbox}.info"), b"").await?;
        if known == jetstream::Known::Missing {
            // As many as one request may bring, and as many that wait to be stored.
            let settings = jetstream::consumer_settings(stream, durable, subject, 2 * GATHERED_MAX);
            let create = jetstream::consumer_create(stream, durable);
            known = self.ask(&create, &format!("{inbox}.create"), &settings).await?;
        }
        match known {
            jetstream::Known::Usable => Ok(()),
            jetstream::Known::Missing => {
                Err(format!("the consumer {durable} of stream {stream} cannot be made"))
            }
            jetstream::Known::Unusable(what) => Err(format!("consumer {durable} of stream {stream}: {what}")),
        }
    }

    async fn ask(&mut self, subject: &str, reply: &str, body: &[u8]) -> Result<jetstream::Known, String> {
        self.connection.publish(subject, Some(reply), &[], body);
        let answer = async {
            loop {
                match self.connection.next().await {
                    Ok(Event::Message(message)) if message.subject == reply => return Ok(message),
                    Ok(_) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
        };
        match timeout(ANSWER_TIME_MAX, answer).await {
            Ok(answer) => Ok(jetstream::consumer(&answer?)),
            Err(_) => Err("JetStream does not answer".to_owned()),
        }
    }

    /// What the consumer has, request by request.
    async fn consume(&mut self, consumer: &Consumer<'_>) -> Result<(), String> {
        let next = jetstream::next_messages(consumer.stream, consumer.durable);
        let (mut request, mut awaited, mut due) = (0_u64, 0_usize, Instant::now());
        let (mut most, mut asked, mut is_too_large) = (GATHERED_MAX, 0, false);
        loop {
            if awaited == 0 {
                request += 1;
                // One that is larger than a request may be comes alone, to be refused.
                let bytes_max = (!is_too_large).then_some(REQUEST_BYTES_MAX);
                asked = if is_too_large { 1 } else { most };
                (awaited, is_too_large) = (asked, false);
                due = Instant::now() + WAIT + ANSWER_TIME_MAX;
                let reply = format!("{}.{request}", consumer.inbox);
                let wanted = jetstream::wanted(asked, bytes_max, WAIT);
                self.connection.publish(&next, Some(&reply), &[], &wanted);
            }
            let first = tokio::select! {
                () = told(self.stop) => return Ok(()),
                first = timeout_at(due, self.connection.next()) => first,
            };
            let Ok(first) = first else { return Err(SILENT.to_owned()) };
            // While messages come, more will.
            due = Instant::now() + WAIT + ANSWER_TIME_MAX;
            let gathered = self.gather(first).await;
            let mut replies = Vec::new();
            let mut trouble = gathered.end.map(|end| end.to_string());
            for event in gathered.all {
                let Event::Message(message) = event else { continue };
                // The server's own word has nowhere to be answered to; anything else is a message, whatever it says of itself.
                let is_word = message.reply.is_none() && message.subject.starts_with(&consumer.inbox);
                let Some(status) = message.status.as_ref().filter(|_| is_word) else {
                    self.take(&message);
                    awaited = awaited.saturating_sub(1);
                    replies.extend(message.reply);
                    continue;
                };
                // What is said of an earlier request means nothing now.
                let is_of_this = message.subject.rsplit('.').next() == Some(&request.to_string());
                match status.code {
                    // Still there.
                    100 => {}
                    // Nothing, or nothing more, within the time.
                    404 | 408 if is_of_this => awaited = 0,
                    404 | 408 => {}
                    409 if status.description.contains("MaxAckPending") => {
                        awaited = 0;
                        tokio::time::sleep(PAUSE).await;
                    }
                    // As many bytes as were asked for, or as many messages.
                    409 if ["MaxBytes", "Batch Completed"]
                        .iter()
                        .any(|end| status.description.contains(end)) =>
                    {
                        if is_of_this {
                            is_too_large = awaited == asked;
                            awaited = 0;
                        }
                    }
                    // The consumer allows fewer at once: `Exceeded MaxRequestBatch of 100`.
                    409 if status.description.contains("MaxRequestBatch") => {
                        let allowed =
                            status.description.rsplit(' ').next().and_then(|word| word.parse().ok());
                        most = allowed.unwrap_or(most / 2).clamp(1, most);
                        awaited = 0;
                    }
                    code => {
                        trouble
                            .get_or_insert_with(|| format!("JetStream says: {code} {}", status.description));
                    }
                }
            }
            let word = match self.intake.store(true).await {
                Ok(()) => jetstream::DONE,
                Err(_) => jetstream::AGAIN,
            };
            for reply in replies {
                self.connection.publish(&reply, None, &[], word);
            }
            // Else with what is said next.
            let sent = taken(self.connection.flush()).await;
            if let Some(trouble) = trouble {
                return Err(trouble);
            }
            sent?;
        }
    }

    async fn gather(&mut self, first: Result<Event, ReachError>) -> Gathered<Event> {
        let bytes_of = |event: &Event| match event {
            Event::Message(message) => message.payload.len(),
            _ => 0,
        };
        gather(first, async || self.connection.next().await, bytes_of).await
    }

    fn take(&mut self, message: &Message) {
        let sender = self.connection.peer();
        if message.is_too_large {
            self.intake.refuse(Refused::TooLarge, sender);
        } else {
            self.intake.take(&message.payload, sender);
        }
    }
}
