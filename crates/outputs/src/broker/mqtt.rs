//! MQTT: at QoS 1 what the broker has acknowledged counts as sent, at QoS 0 what it has read.

use std::sync::Arc;
use std::time::Duration;

use reach::mqtt::{Connection, Login, Options, Packet, Quality};
use reach::{Address, ReachError, TlsFiles};
use tokio::time::{Instant, timeout, timeout_at};

use super::fates::{Fate, Fates};
use super::parcel::Parcel;
use super::{Format, Topic};
use crate::config::Config;
use crate::queue::Item;
use crate::send::{Failure, Reply};

/// Where messages go, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    pub address: Address,
    pub login: Option<Login>,
    /// `None`: the broker finds a name for us.
    pub client_id: Option<String>,
    pub tls: TlsFiles,
    pub topic: Topic,
    pub quality: Quality,
    pub format: Format,
}

/// Messages that are on their way at a time, if the broker takes so many.
const UNANSWERED_MAX: usize = 1_000;

/// Acknowledgements have some ten bytes, with reasons some hundred.
const PACKET_BYTES_MAX: u32 = 16 << 10;

/// Messages to us: none is subscribed to.
const RECEIVE_MAX: u16 = 1;

/// How long saying good-bye may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

pub(crate) struct MqttSink {
    options: Options,
    quality: Quality,
    time_max: Duration,
    connection: Option<Connection>,
}

impl MqttSink {
    pub(crate) fn new(mqtt: &Mqtt, config: &Config) -> Result<Self, String> {
        let options = Options {
            address: mqtt.address.clone(),
            login: mqtt.login.clone(),
            client_id: mqtt.client_id.clone().unwrap_or_default(),
            tls: mqtt.tls.connector(&mqtt.address)?,
            session: None,
            keep_alive: None,
            receive_max: RECEIVE_MAX,
            packet_bytes_max: PACKET_BYTES_MAX,
        };
        Ok(Self { options, quality: mqtt.quality, time_max: config.time_max, connection: None })
    }

    pub(crate) async fn send(&mut self, batch: &[Arc<Item>]) -> Reply {
        let deadline = Instant::now() + self.time_max;
        // Taken out meanwhile: one that is given up in the middle is of no more use.
        let mut connection = self.connection.take();
        if let Some(open) = &mut connection
            && !open.is_alive().await
        {
            connection = None;
        }
        let mut connection = match connection {
            Some(connection) => connection,
            None => match timeout_at(deadline, Connection::open(&self.options)).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => return Failure::down(error).into(),
                Err(_) => return Failure::late(self.time_max).into(),
            },
        };
        if self.quality == Quality::AtLeastOnce && !connection.takes_at_least_once() {
            return Failure::down("this broker takes messages at QoS 0 only; set qos = 0").into();
        }
        let mut fates = Fates::new(batch.len());
        let known = timeout_at(deadline, publish(&mut connection, batch, self.quality, &mut fates)).await;
        if fates.end(known, self.time_max) {
            self.connection = Some(connection);
        }
        fates.reply()
    }

    pub(crate) async fn close(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.disconnect();
            // Late or not, it is over.
            let _ = timeout(CLOSE_TIME_MAX, connection.flush()).await;
        }
    }
}

/// Until something is known of all.
async fn publish(
    connection: &mut Connection,
    batch: &[Arc<Item>],
    quality: Quality,
    fates: &mut Fates,
) -> Result<(), ReachError> {
    let window = UNANSWERED_MAX.min(connection.receive_max().into());
    for (number, items) in batch.chunks(window).enumerate() {
        let start = number * window;
        for (place, item) in (start..).zip(items) {
            let Some(parcel) = Parcel::read(&item.bytes) else {
                fates.decide(place, Fate::Refused("what lay in the spool is no message".to_owned()));
                continue;
            };
            if !connection.takes(parcel.topic, parcel.payload) {
                let why =
                    format!("a message of {} bytes is more than the broker takes", parcel.payload.len());
                fates.decide(place, Fate::Refused(why));
                continue;
            }
            let id = (quality == Quality::AtLeastOnce).then(|| id(place - start));
            connection.publish(parcel.topic, parcel.payload, id);
        }
        let places = start..start + items.len();
        if quality == Quality::AtMostOnce {
            connection.ping();
            while connection.next().await? != Packet::Pong {}
            places.for_each(|place| fates.decide(place, Fate::Taken));
            continue;
        }
        connection.flush().await?;
        while places.clone().any(|place| fates.is_open(place)) {
            if let Packet::Acknowledged { id, refusal } = connection.next().await? {
                let fate = match refusal {
                    None => Fate::Taken,
                    Some(refusal) if refusal.is_final => Fate::Refused(refusal.reason),
                    // Over the quota, or not authorized: whoever runs the broker may put it right.
                    Some(refusal) => Fate::Denied(format!("the broker says: {}", refusal.reason)),
                };
                fates.decide(start + usize::from(id).saturating_sub(1), fate);
            }
        }
    }
    Ok(())
}

/// Zero is none; no window has as many as there are.
fn id(place: usize) -> u16 {
    u16::try_from(place + 1).unwrap_or(u16::MAX)
}
