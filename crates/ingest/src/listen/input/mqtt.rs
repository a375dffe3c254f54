//! MQTT: at QoS 1 a message is acknowledged once it is in the log.

use std::sync::Arc;
use std::time::Duration;

use reach::mqtt::{Connection, Options, Packet, Publish, Quality};
use reach::{ReachError, Tls};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    ANSWER_TIME_MAX, CONNECT_TIME_MAX, GATHERED_BYTES_MAX, GATHERED_MAX, Heart, Intake, MESSAGE_BYTES_MAX,
    SIGN_EVERY, SILENT, Silence,
};
use crate::config::{InputConfig, MqttInput};
use crate::listen::web::told;

/// By which the answer to our subscription is known.
const SUBSCRIPTION: u16 = 1;

/// What stands before the payload of a packet: topic and properties.
const HEAD_BYTES_MAX: usize = 128 << 10;

pub(super) fn options(config: &InputConfig, mqtt: &MqttInput, tls: Option<Arc<Tls>>) -> Options {
    Options {
        address: config.address.clone(),
        login: mqtt.login.clone(),
        client_id: mqtt.client_id.clone(),
        tls,
        session: (mqtt.quality == Quality::AtLeastOnce).then_some(mqtt.session),
        // Three signs get lost before the broker gives us up.
        keep_alive: Some(3 * SIGN_EVERY),
        receive_max: u16::try_from(GATHERED_MAX).unwrap_or(u16::MAX),
        packet_bytes_max: u32::try_from(MESSAGE_BYTES_MAX + HEAD_BYTES_MAX).unwrap_or(u32::MAX),
    }
}

/// What came, and why nothing more does.
#[derive(Default)]
struct Gathered {
    packets: Vec<Packet>,
    end: Option<ReachError>,
}

/// Until told to stop, or something is wrong. `arrived` is called once messages may come.
pub(super) async fn serve(
    mqtt: &MqttInput,
    options: &Options,
    intake: &mut Intake,
    stop: &mut watch::Receiver<bool>,
    arrived: impl FnOnce(),
) -> Result<(), String> {
    let mut connection = tokio::select! {
        () = told(stop) => return Ok(()),
        opened = timeout(CONNECT_TIME_MAX, Connection::open(options)) => match opened {
            Ok(opened) => opened.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("{} has not let us in in time", options.address)),
        },
    };
    let sender = connection.peer();
    connection.subscribe(SUBSCRIPTION, &mqtt.topic, mqtt.quality);
    let mut arrived = Some(arrived);
    let asked = connection.keep_alive().map_or(SIGN_EVERY, |every| every / 2);
    let mut heart = Heart::new(SIGN_EVERY.min(asked.max(Duration::from_secs(1))));
    loop {
        let first = tokio::select! {
            () = told(stop) => {
                connection.disconnect();
                // Late or not, it is over.
                let _ = timeout(Duration::from_secs(1), connection.flush()).await;
                return Ok(());
            }
            first = timeout_at(heart.due, connection.next()) => first,
        };
        if first.is_ok() {
            heart.beat();
        }
        match heart.look(Instant::now()) {
            Some(Silence::Ask) => connection.ping(),
            Some(Silence::GiveUp) => return Err(SILENT.to_owned()),
            None => {}
        }
        let Ok(first) = first else {
            intake.tell();
            continue;
        };
        let gathered = gather(&mut connection, first).await;
        let mut ids = Vec::new();
        let mut trouble = gathered.end.map(|end| end.to_string());
        for packet in gathered.packets {
            match packet {
                Packet::Publish(Publish { id, payload, .. }) => {
                    intake.take(&payload, sender);
                    ids.extend(id);
                }
                Packet::Subscribed { granted: Err(why), .. } => {
                    trouble = Some(format!("the broker grants no subscription to {:?}: {why}", mqtt.topic));
                }
                Packet::Subscribed { granted: Ok(granted), .. } if granted != mqtt.quality => {
                    trouble =
                        Some("the broker grants the subscription at QoS 0 only; set qos = 0".to_owned());
                }
                Packet::Subscribed { .. } => arrived.take().into_iter().for_each(|arrived| arrived()),
                _ => {}
            }
        }
        let stored = intake.store(!ids.is_empty()).await;
        if stored.is_err() && !ids.is_empty() {
            // What is not acknowledged comes again when we do.
            return Err("packets could not be stored".to_owned());
        }
        for id in ids {
            connection.acknowledge(id);
        }
        let sent = timeout(ANSWER_TIME_MAX, connection.flush()).await;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        sent.map_err(|_| SILENT.to_owned())?.map_err(|error| error.to_string())?;
    }
}

/// With the first what has come by now.
async fn gather(connection: &mut Connection, first: Result<Packet, ReachError>) -> Gathered {
    let mut gathered = Gathered::default();
    let (mut next, mut bytes) = (Some(first), 0);
    while let Some(come) = next.take() {
        match come {
            Ok(packet) => {
                if let Packet::Publish(publish) = &packet {
                    bytes += publish.payload.len();
                }
                gathered.packets.push(packet);
            }
            Err(error) => {
                gathered.end = Some(error);
                break;
            }
        }
        if gathered.packets.len() < GATHERED_MAX && bytes < GATHERED_BYTES_MAX {
            next = timeout(Duration::ZERO, connection.next()).await.ok();
        }
    }
    gathered
}
