//! Stores that take records over HTTP.

mod client;
mod elasticsearch;
mod influxdb;
mod loki;

pub use client::Endpoint;
pub use elasticsearch::Elasticsearch;
pub use influxdb::{InfluxDb, Place};
pub use loki::{LABELS as LOKI_LABELS, Line, Loki};

pub(crate) use client::Post;
pub(crate) use elasticsearch::{ElasticsearchMaker, ElasticsearchSink};
pub(crate) use influxdb::{InfluxDbMaker, InfluxDbSink};
pub(crate) use loki::{LokiMaker, LokiSink};
