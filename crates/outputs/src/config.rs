use std::path::PathBuf;
use std::time::Duration;

use model::query::Expr;

use crate::broker::{Format, Mqtt, Nats};
use crate::http::{Elasticsearch, InfluxDb, Loki};
use crate::relay::Relay;

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What it is called among the counters and in the log.
    pub name: String,
    pub kind: Kind,
    /// What of all that comes in.
    pub filter: Expr,
    /// Memory for items that wait.
    pub queue_bytes_max: usize,
    /// Items of one attempt.
    pub batch_rows: usize,
    /// Bytes of one attempt; a larger item goes alone.
    pub batch_bytes: usize,
    /// How long items wait for more of a batch.
    pub batch_wait: Duration,
    /// An attempt that takes longer has failed.
    pub time_max: Duration,
    /// First and longest pause after a failure.
    pub retry: (Duration, Duration),
    /// Where items go that memory has no room for.
    pub spool: Option<SpoolConfig>,
}

/// Room on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct SpoolConfig {
    /// Of this output alone.
    pub folder: PathBuf,
    pub bytes_max: u64,
}

/// Where to, and in what form.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Relay(Relay),
    Loki(Loki),
    Elasticsearch(Elasticsearch),
    /// Figures of minutes, not what comes in: the filter is for nothing.
    InfluxDb(InfluxDb),
    Nats(Nats),
    Mqtt(Mqtt),
}

impl Kind {
    /// As the configuration names it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Relay(_) => "hep",
            Self::Loki(_) => "loki",
            Self::Elasticsearch(_) => "elasticsearch",
            Self::InfluxDb(_) => "influxdb",
            Self::Nats(_) => "nats",
            Self::Mqtt(_) => "mqtt",
        }
    }

    /// Whether it sends packets, not rows.
    pub(crate) fn needs_packets(&self) -> bool {
        match self {
            Self::Relay(_) => true,
            Self::Nats(nats) => matches!(nats.format, Format::Hep(_)),
            Self::Mqtt(mqtt) => matches!(mqtt.format, Format::Hep(_)),
            Self::Loki(_) | Self::Elasticsearch(_) | Self::InfluxDb(_) => false,
        }
    }
}

impl Config {
    /// A minute of thousands of packets a second.
    pub const QUEUE_BYTES_MAX: usize = 64 << 20;
    /// What waits for a batch to fill is at most so late.
    pub const BATCH_WAIT: Duration = Duration::from_millis(500);
    /// A collector that has not taken a batch by then never will.
    pub const TIME_MAX: Duration = Duration::from_secs(10);
    pub const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

    /// With the limits that fit most.
    pub fn new(name: String, kind: Kind, filter: Expr) -> Self {
        Self {
            name,
            kind,
            filter,
            queue_bytes_max: Self::QUEUE_BYTES_MAX,
            batch_rows: 1_000,
            batch_bytes: 1 << 20,
            batch_wait: Self::BATCH_WAIT,
            time_max: Self::TIME_MAX,
            retry: Self::RETRY,
            spool: None,
        }
    }
}
