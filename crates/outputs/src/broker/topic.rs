//! Where a message goes: a text with places for what the record says.

use arrow::array::RecordBatch;
use reach::{mqtt, nats};

use crate::document::label;

/// Columns that a place may name: what tells senders and kinds of traffic apart, of which there are few.
const COLUMNS: [&str; 4] = ["table", "hep_type", "node", "capture_id"];

/// Of a value; a name of a node may be long, and comes from outside.
const VALUE_BYTES_MAX: usize = 64;

/// Stands for a sign that may not be there, and for a value that is missing.
const REPLACEMENT: char = '_';

/// The topic of MQTT, or the subject of NATS, of each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    parts: Vec<Part>,
    broker: Broker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    Nats,
    Mqtt,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(&'static str),
}

/// Why a text is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    #[error(
        "{{{0}}} stands for nothing; the places are {{table}}, {{hep_type}}, {{node}} and {{capture_id}}"
    )]
    Place(String),
    #[error("{0:?} is no subject to publish to: tokens between dots, without spaces, * and >")]
    Subject(String),
    #[error("{0:?} is no topic to publish to: without + and #")]
    Topic(String),
}

impl Topic {
    /// The subject of NATS.
    pub fn of_nats(text: &str) -> Result<Self, TopicError> {
        let topic = Self::parse(text, Broker::Nats)?;
        let is_subject = nats::is_subject(&topic.with(|_| "x".to_owned()), false);
        if is_subject { Ok(topic) } else { Err(TopicError::Subject(text.to_owned())) }
    }

    /// The topic of MQTT.
    pub fn of_mqtt(text: &str) -> Result<Self, TopicError> {
        let topic = Self::parse(text, Broker::Mqtt)?;
        let is_topic = mqtt::is_topic(&topic.with(|_| "x".to_owned()), false);
        if is_topic { Ok(topic) } else { Err(TopicError::Topic(text.to_owned())) }
    }

    fn parse(text: &str, broker: Broker) -> Result<Self, TopicError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or_else(|| TopicError::Place(after.to_owned()))?;
            let column = COLUMNS.into_iter().find(|column| *column == name);
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Column(column.ok_or_else(|| TopicError::Place(name.to_owned()))?));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts, broker })
    }

    /// Columns that are read for it.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Column(name) => Some(*name),
            Part::Text(_) => None,
        })
    }

    /// Of one record.
    pub(super) fn of(&self, rows: &RecordBatch, row: usize) -> String {
        self.with(|column| self.value(&label(rows, column, row).unwrap_or_default()))
    }

    fn value(&self, text: &str) -> String {
        let text = text.get(..text.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default();
        if text.is_empty() {
            return REPLACEMENT.to_string();
        }
        let is_sign = match self.broker {
            Broker::Nats => nats::is_token_sign,
            Broker::Mqtt => mqtt::is_level_sign,
        };
        text.chars().map(|sign| if is_sign(sign) { sign } else { REPLACEMENT }).collect()
    }

    fn with(&self, value: impl Fn(&'static str) -> String) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Column(name) => value(name),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn places_are_filled_and_what_may_not_be_there_is_replaced() {
        let columns: [(&str, ArrayRef); 3] = [
            ("table", Arc::new(StringArray::from(vec!["sip", "sip", "rtcp"]))),
            ("node", Arc::new(StringArray::from(vec![Some("edge 1.a/b"), None, Some(&"n".repeat(100))]))),
            ("capture_id", Arc::new(Int64Array::from(vec![Some(7), Some(2001), None]))),
        ];
        let rows = RecordBatch::try_from_iter(columns).expect("rows");
        let subject = Topic::of_nats("hep.{table}.{node}.{capture_id}").expect("a subject");
        assert_eq!(subject.of(&rows, 0), "hep.sip.edge_1_a/b.7");
        assert_eq!(subject.of(&rows, 1), "hep.sip._.2001");
        assert_eq!(subject.of(&rows, 2), format!("hep.rtcp.{}._", "n".repeat(64)));
        let topic = Topic::of_mqtt("{node}/x").expect("a topic");
        assert_eq!(topic.of(&rows, 0), "edge 1.a_b/x");
        assert_eq!(subject.columns().collect::<Vec<_>>(), ["table", "node", "capture_id"]);
    }

    #[test]
    fn what_is_none_is_told() {
        assert_eq!(Topic::of_nats("hep.{nod}"), Err(TopicError::Place("nod".to_owned())));
        assert_eq!(Topic::of_mqtt("hep/{node"), Err(TopicError::Place("node".to_owned())));
        for text in ["", "hep.", "hep.>", "a b", "hep.*.{node}", "x\r\nPUB"] {
            assert_eq!(Topic::of_nats(text), Err(TopicError::Subject(text.to_owned())));
        }
        for text in ["", "hep/#", "hep/+/{node}"] {
            assert_eq!(Topic::of_mqtt(text), Err(TopicError::Topic(text.to_owned())));
        }
    }
}
