//! MQTT: at QoS 1 a message is acknowledged once it is in the log.

use std::sync::Arc;
use std::time::Duration;

use reach::Tls;
use reach::mqtt::{Connection, Options, Packet, Publish, Quality};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    GATHERED_MAX, Heart, Intake, MESSAGE_BYTES_MAX, SIGN_EVERY, SILENT, Silence, gather, opened, taken,
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

/// Until told to stop, or something is wrong. `arrived` is called once messages may come.
pub(super) async fn serve(
    mqtt: &MqttInput,
    options: &Options,
    intake: &mut Intake,
    stop: &mut watch::Receiver<bool>,
    arrived: impl FnOnce(),
) -> Result<(), String> {
    let opened = opened(&options.address, Connection::open(options), stop).await?;
    let Some(mut connection) = opened else { return Ok(()) };
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
        let gathered = gather(first, async || connection.next().await, bytes_of).await;
        let mut ids = Vec::new();
        let mut trouble = gathered.end.map(|end| end.to_string());
        for packet in gathered.all {
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
        let sent = taken(connection.flush()).await;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        sent?;
    }
}

fn bytes_of(packet: &Packet) -> usize {
    match packet {
        Packet::Publish(publish) => publish.payload.len(),
        _ => 0,
    }
}
