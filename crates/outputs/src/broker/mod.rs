//! Brokers of messages: NATS and MQTT. A message is a packet, as the relay sends it, or a document, as Elasticsearch gets it.

mod fates;
mod make;
mod mqtt;
mod nats;
mod parcel;
mod topic;

use crate::relay::Form;

pub use mqtt::Mqtt;
pub use nats::Nats;
pub use topic::{Topic, TopicError};

pub(crate) use make::{BrokerMaker, Reads};
pub(crate) use mqtt::MqttSink;
pub(crate) use nats::NatsSink;

/// What a message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// The packet. One that does not say where it ends becomes version 3.
    Hep(Form),
    /// The row as JSON, with its payload or without.
    Json { payload: bool },
}
