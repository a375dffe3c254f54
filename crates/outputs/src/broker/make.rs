//! From rows to messages.

use std::sync::Arc;

use arrow::array::RecordBatch;
use model::Micros;

use super::parcel::Parcel;
use super::{Format, Topic};
use crate::document::stamped;
use crate::gather::{Made, arrivals, unreadable};
use crate::queue::{Item, cause};
use crate::relay::Packets;
use crate::window::Window;

pub(crate) struct BrokerMaker {
    topic: Topic,
    content: Content,
    /// Before the number of a row: a stream may have the same row from two outputs.
    origin: String,
}

enum Content {
    Packets(Packets),
    Documents { payload: bool },
}

/// The columns it reads.
pub(crate) enum Reads {
    These(Vec<String>),
    All { with_payload: bool },
}

impl BrokerMaker {
    pub(crate) fn new(
        topic: &Topic,
        format: &Format,
        window: &Arc<Window>,
        node: &str,
        output: &str,
    ) -> Self {
        let content = match format {
            // As on a stream: who takes it need not guess where it ends.
            Format::Hep(form) => Content::Packets(Packets::new(Arc::clone(window), form.clone(), true)),
            Format::Json { payload } => Content::Documents { payload: *payload },
        };
        Self { topic: topic.clone(), content, origin: format!("{node}-{output}") }
    }

    pub(crate) fn reads(&self) -> Reads {
        match &self.content {
            Content::Documents { payload } => Reads::All { with_payload: *payload },
            Content::Packets(_) => {
                // The name of the table comes with every row.
                let columns = self.topic.columns().filter(|column| *column != "table");
                Reads::These(["id", "received"].into_iter().chain(columns).map(str::to_owned).collect())
            }
        }
    }

    pub(crate) fn make(&mut self, rows: &RecordBatch) -> Made {
        let Some(arrivals) = arrivals(rows) else { return unreadable(rows) };
        let mut made = Made::default();
        for (row, (id, received)) in arrivals.enumerate() {
            match self.item(rows, row, id, received) {
                Ok(item) => made.items.push(item),
                Err(cause) => made.lose(cause),
            }
        }
        if let Content::Packets(packets) = &mut self.content {
            packets.rest();
        }
        made
    }

    fn item(
        &mut self,
        rows: &RecordBatch,
        row: usize,
        id: i64,
        received: Micros,
    ) -> Result<Item, &'static str> {
        let payload = match &mut self.content {
            Content::Packets(packets) => packets.of(id, received)?,
            Content::Documents { .. } => {
                serde_json::to_vec(&stamped(rows, row, received)).map_err(|_| cause::UNSENDABLE)?
            }
        };
        let (topic, id) = (self.topic.of(rows, row), format!("{}-{id}", self.origin));
        let parcel = Parcel { topic: &topic, id: &id, payload: &payload };
        let bytes = parcel.write().ok_or(cause::UNSENDABLE)?;
        Ok(Item { received, bytes: bytes.into() })
    }
}
