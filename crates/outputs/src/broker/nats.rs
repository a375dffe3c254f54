//! NATS: what the server has dealt with counts as sent; with a stream, what JetStream has acknowledged.

use std::sync::Arc;
use std::time::Duration;

use reach::nats::{Connection, Event, Login, Message, Options, jetstream};
use reach::{Address, ReachError, TlsFiles};
use tokio::time::{Instant, timeout_at};

use super::fates::{Fate, Fates};
use super::parcel::Parcel;
use super::{Format, Topic};
use crate::config::Config;
use crate::queue::Item;
use crate::send::{Failure, Reply};

/// Where messages go, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nats {
    pub address: Address,
    pub login: Login,
    pub tls: TlsFiles,
    pub subject: Topic,
    /// The stream of JetStream that is to keep them; without one, whoever listens at that moment has them.
    pub stream: Option<String>,
    pub format: Format,
}

/// Answers of JetStream have two hundred bytes.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// By which we know answers to messages.
const ANSWERS: u64 = 1;

pub(crate) struct NatsSink {
    options: Options,
    stream: Option<String>,
    time_max: Duration,
    connection: Option<Open>,
}

/// A connection, and what its answers are known by.
struct Open {
    connection: Connection,
    inbox: String,
    /// The number of the first message of the attempt; those before are of earlier ones.
    first: u64,
}

impl NatsSink {
    pub(crate) fn new(nats: &Nats, config: &Config) -> Result<Self, String> {
        nats.login.check()?;
        let options = Options {
            address: nats.address.clone(),
            login: nats.login.clone(),
            tls: nats.tls.connector(&nats.address)?,
            name: format!("rhapsode output {}", config.name),
            message_bytes_max: ANSWER_BYTES_MAX,
        };
        Ok(Self { options, stream: nats.stream.clone(), time_max: config.time_max, connection: None })
    }

    pub(crate) async fn send(&mut self, batch: &[Arc<Item>]) -> Reply {
        let deadline = Instant::now() + self.time_max;
        // Taken out meanwhile: one that is given up in the middle is of no more use.
        let mut open = self.connection.take();
        if let Some(Open { connection, .. }) = &mut open
            && !connection.is_alive().await
        {
            open = None;
        }
        let mut open = match open {
            Some(open) => open,
            None => match timeout_at(deadline, self.open()).await {
                Ok(Ok(open)) => open,
                Ok(Err(error)) => return Failure::down(error).into(),
                Err(_) => return Failure::late(self.time_max).into(),
            },
        };
        let mut fates = Fates::new(batch.len());
        let parcels: Vec<Option<Parcel<'_>>> = batch.iter().map(|item| Parcel::read(&item.bytes)).collect();
        open.write(&parcels, self.stream.as_deref(), &mut fates);
        let known = timeout_at(deadline, open.answers(&parcels, self.stream.is_some(), &mut fates)).await;
        if fates.end(known, self.time_max) {
            self.connection = Some(open);
        }
        fates.reply()
    }

    async fn open(&self) -> Result<Open, ReachError> {
        let mut connection = Connection::open(&self.options).await?;
        let inbox = format!("_INBOX.{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        if self.stream.is_some() {
            connection.subscribe(&format!("{inbox}.*"), None, ANSWERS);
            // Who may not listen there is told before this is answered, and would wait for acknowledgements in vain.
            connection.ping();
            while connection.next().await? != Event::Pong {}
        }
        Ok(Open { connection, inbox, first: 0 })
    }
}

impl Open {
    fn write(&mut self, parcels: &[Option<Parcel<'_>>], stream: Option<&str>, fates: &mut Fates) {
        let bytes_max = self.connection.message_bytes_max();
        for (place, parcel) in parcels.iter().enumerate() {
            let Some(parcel) = parcel else {
                fates.decide(place, Fate::Refused("what lay in the spool is no message".to_owned()));
                continue;
            };
            let mut headers = Vec::new();
            if let Some(stream) = stream {
                headers.push((jetstream::MESSAGE_ID, parcel.id));
                headers.push((jetstream::EXPECTED_STREAM, stream));
            }
            let header_bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
            // The version line, and the empty one.
            let bytes = parcel.payload.len() + if headers.is_empty() { 0 } else { header_bytes + 12 };
            if bytes > bytes_max {
                let why = format!("a message of {bytes} bytes is more than the {bytes_max} the server takes");
                fates.decide(place, Fate::Refused(why));
                continue;
            }
            let reply = stream.is_some().then(|| format!("{}.{}", self.inbox, self.first + place as u64));
            self.connection.publish(parcel.topic, reply.as_deref(), &headers, parcel.payload);
        }
        self.connection.ping();
    }

    /// Until something is known of all.
    async fn answers(
        &mut self,
        parcels: &[Option<Parcel<'_>>],
        are_awaited: bool,
        fates: &mut Fates,
    ) -> Result<(), ReachError> {
        let mut was_seen = false;
        while !(was_seen && (fates.are_known() || !are_awaited)) {
            match self.connection.next().await {
                // All that was written has been dealt with; complaints came before.
                Ok(Event::Pong) => was_seen = true,
                Ok(Event::Message(message)) => {
                    if let Some(place) = self.place(&message) {
                        fates.decide(place, fate(&message));
                    }
                }
                Ok(_) => {}
                Err(ReachError::Told(complaint)) => blame(&complaint, parcels, fates),
                Err(error) => return Err(error),
            }
        }
        fates.decide_rest(&Fate::Taken);
        self.first += parcels.len() as u64;
        Ok(())
    }

    /// Which message of this attempt it answers.
    fn place(&self, message: &Message) -> Option<usize> {
        let number: u64 = message.subject.strip_prefix(&self.inbox)?.strip_prefix('.')?.parse().ok()?;
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

fn fate(message: &Message) -> Fate {
    match jetstream::published(message) {
        jetstream::Published::Kept => Fate::Taken,
        jetstream::Published::Refused(why) => Fate::Refused(why),
        jetstream::Published::Later(why) => Fate::Denied(why),
    }
}

/// A complaint concerns the messages of the subject that it names, as in `Permissions Violation for Publish to "hep.sip"`;
/// else, or if none has it, all of which nothing is known. Whoever runs the server may put it right.
fn blame(complaint: &str, parcels: &[Option<Parcel<'_>>], fates: &mut Fates) {
    let said = format!("the server says: {complaint}");
    let subject = complaint.split('"').nth(1);
    let is_of = |parcel: &Option<Parcel<'_>>| parcel.is_some_and(|parcel| Some(parcel.topic) == subject);
    if !parcels.iter().any(is_of) {
        return fates.decide_rest(&Fate::Later(said));
    }
    for (place, _) in parcels.iter().enumerate().filter(|(_, parcel)| is_of(parcel)) {
        fates.decide(place, Fate::Denied(said.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_concerns_whom_it_names() {
        let parcel = |topic| Some(Parcel { topic, id: "", payload: b"" });
        let parcels = [parcel("hep.a"), parcel("hep.b"), parcel("hep.a")];
        let mut fates = Fates::new(3);
        blame("Permissions Violation for Publish to \"hep.a\"", &parcels, &mut fates);
        assert_eq!([0, 1, 2].map(|place| fates.is_open(place)), [false, true, false]);
        blame("Stale Connection", &parcels, &mut fates);
        assert!(fates.are_known());
        let mut fates = Fates::new(3);
        blame("Permissions Violation for Subscription to \"_INBOX.x\"", &parcels, &mut fates);
        assert!(fates.are_known(), "of none that is named: of all");
    }
}
