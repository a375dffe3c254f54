//! From rows that the filter let through, and from figures of minutes, to items.

use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use model::Micros;
use store::{Store, Tail};
use tokio::sync::mpsc;

use crate::broker::{BrokerMaker, Reads};
use crate::config::Kind;
use crate::http::{ElasticsearchMaker, InfluxDbMaker, LokiMaker};
use crate::outputs::Shared;
use crate::queue::{Item, cause};
use crate::relay::RelayMaker;
use crate::window::Window;

/// What was made of a batch of rows.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) items: Vec<Item>,
    /// By cause, rows that no item could be made of.
    pub(crate) lost: Vec<(&'static str, u64)>,
}

impl Made {
    pub(crate) fn lose(&mut self, cause: &'static str) {
        match self.lost.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, count)) => *count += 1,
            None => self.lost.push((cause, 1)),
        }
    }
}

/// How an output makes items.
pub(crate) enum Maker {
    Relay(RelayMaker),
    Loki(LokiMaker),
    Elasticsearch(ElasticsearchMaker),
    InfluxDb(InfluxDbMaker),
    Broker(BrokerMaker),
}

/// What an output makes items of.
pub(crate) enum Feed {
    /// Rows as they are published, those that the filter lets through.
    Rows(Tail),
    /// Rows of `kpi_1m` as they are told.
    Minutes(mpsc::Receiver<RecordBatch>),
}

impl Maker {
    /// `node` and `name`, of the output, tell what it sends from what others do.
    pub(crate) fn new(kind: &Kind, window: &Arc<Window>, node: &str, name: &str) -> Self {
        match kind {
            Kind::Relay(relay) => Self::Relay(RelayMaker::new(relay, Arc::clone(window))),
            Kind::Loki(loki) => Self::Loki(LokiMaker::new(loki)),
            Kind::Elasticsearch(elasticsearch) => {
                Self::Elasticsearch(ElasticsearchMaker::new(elasticsearch, node))
            }
            Kind::InfluxDb(influxdb) => Self::InfluxDb(InfluxDbMaker::new(influxdb, node)),
            Kind::Nats(nats) => {
                Self::Broker(BrokerMaker::new(&nats.subject, &nats.format, window, node, name))
            }
            Kind::Mqtt(mqtt) => Self::Broker(BrokerMaker::new(&mqtt.topic, &mqtt.format, window, node, name)),
        }
    }

    /// The columns it reads of what is published; `None`: it is made of figures of minutes.
    pub(crate) fn columns(&self, store: &Store) -> Option<Vec<String>> {
        let has_payload = match self {
            Self::Relay(_) => return Some(vec!["id".to_owned(), "received".to_owned()]),
            Self::InfluxDb(_) => return None,
            Self::Loki(_) => true,
            Self::Elasticsearch(maker) => maker.has_payload(),
            Self::Broker(maker) => match maker.reads() {
                Reads::These(columns) => return Some(columns),
                Reads::All { with_payload } => with_payload,
            },
        };
        let mut columns: Vec<String> = Vec::new();
        for field in store.tables().iter().flat_map(|table| table.columns()) {
            if (field.name != "raw" || has_payload) && !columns.iter().any(|known| known == field.name) {
                columns.push(field.name.to_owned());
            }
        }
        Some(columns)
    }

    fn make(&mut self, rows: &RecordBatch) -> Made {
        match self {
            Self::Relay(maker) => maker.make(rows),
            Self::Loki(maker) => maker.make(rows),
            Self::Elasticsearch(maker) => maker.make(rows),
            Self::InfluxDb(maker) => maker.make(rows),
            Self::Broker(maker) => maker.make(rows),
        }
    }
}

/// Until nothing more comes.
pub(crate) async fn gather(feed: Feed, mut maker: Maker, shared: Arc<Shared>) {
    match feed {
        Feed::Rows(mut tail) => {
            while let Some(seen) = tail.next().await {
                match seen {
                    Ok(seen) => shared.put(seen.passed_over, maker.make(&seen.rows)),
                    // The filter was compiled for the columns there are: a mistake of ours, told with each batch it concerns.
                    Err(error) => tracing::error!(%error, "rows could not be looked at for an output"),
                }
            }
        }
        Feed::Minutes(mut minutes) => {
            while let Some(rows) = minutes.recv().await {
                shared.put(0, maker.make(&rows));
            }
        }
    }
    shared.end();
}

/// Numbers of the rows, and when they arrived.
pub(crate) fn arrivals(rows: &RecordBatch) -> Option<impl Iterator<Item = (i64, Micros)>> {
    let ids = rows.column_by_name("id")?.as_primitive_opt::<Int64Type>()?;
    let received = rows.column_by_name("received")?.as_primitive_opt::<TimestampMicrosecondType>()?;
    Some(ids.values().iter().copied().zip(received.values().iter().copied().map(Micros)))
}

/// All rows of a batch without the columns every table has: there is none.
pub(crate) fn unreadable(rows: &RecordBatch) -> Made {
    Made { items: Vec::new(), lost: vec![(cause::UNSENDABLE, rows.num_rows() as u64)] }
}
