//! From the queue to the other side, again and again.

use std::sync::Arc;
use std::time::Duration;

use reach::Backoff;
use tokio::time::{Instant, timeout, timeout_at};

use crate::broker::{MqttSink, NatsSink};
use crate::config::{Config, Kind};
use crate::http::{ElasticsearchSink, InfluxDbSink, LokiSink};
use crate::outputs::Shared;
use crate::portion::Portion;
use crate::queue::{Item, Verdict};
use crate::relay::RelaySink;

/// What the other side makes of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Taken,
    /// Something for each. `problem` is why some are to come again, `refusal` why some never will be taken.
    Each {
        verdicts: Vec<Verdict>,
        problem: Option<String>,
        refusal: Option<String>,
        after: Option<Duration>,
    },
    Failed(Failure),
}

/// Why nothing of an attempt was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It did not get there, or could not be taken now. The other side asks for this pause, perhaps.
    Down { problem: String, after: Option<Duration> },
    /// It is not wanted as it is. Of a batch a part may be.
    Refused { refusal: String },
}

impl Failure {
    #[expect(clippy::needless_pass_by_value, reason = "an error ends here")]
    pub(crate) fn down(problem: impl ToString) -> Self {
        Self::Down { problem: problem.to_string(), after: None }
    }

    /// The other side has not answered in time.
    pub(crate) fn late(time_max: Duration) -> Self {
        Self::down(format!("no answer within {} s", time_max.as_secs_f64()))
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The other side.
pub(crate) struct Sink {
    kind: SinkKind,
    time_max: Duration,
}

enum SinkKind {
    Relay(RelaySink),
    Loki(LokiSink),
    Elasticsearch(ElasticsearchSink),
    InfluxDb(InfluxDbSink),
    // Large beside the others.
    Nats(Box<NatsSink>),
    Mqtt(Box<MqttSink>),
}

impl Sink {
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let kind = match &config.kind {
            Kind::Relay(relay) => SinkKind::Relay(RelaySink::new(relay, config)?),
            Kind::Loki(loki) => SinkKind::Loki(LokiSink::new(loki)?),
            Kind::Elasticsearch(elasticsearch) => {
                SinkKind::Elasticsearch(ElasticsearchSink::new(elasticsearch)?)
            }
            Kind::InfluxDb(influxdb) => SinkKind::InfluxDb(InfluxDbSink::new(influxdb)?),
            Kind::Nats(nats) => SinkKind::Nats(Box::new(NatsSink::new(nats, config)?)),
            Kind::Mqtt(mqtt) => SinkKind::Mqtt(Box::new(MqttSink::new(mqtt, config)?)),
        };
        Ok(Self { kind, time_max: config.time_max })
    }

    async fn send(&mut self, batch: &[Arc<Item>]) -> Reply {
        let attempt = async {
            match &mut self.kind {
                // Each of its targets has that time.
                SinkKind::Relay(sink) => return Ok(sink.send(batch).await),
                // What the broker has taken of a batch by then is known.
                SinkKind::Nats(sink) => return Ok(sink.send(batch).await),
                SinkKind::Mqtt(sink) => return Ok(sink.send(batch).await),
                SinkKind::Loki(sink) => timeout(self.time_max, sink.send(batch)).await,
                SinkKind::Elasticsearch(sink) => timeout(self.time_max, sink.send(batch)).await,
                SinkKind::InfluxDb(sink) => timeout(self.time_max, sink.send(batch)).await,
            }
        };
        attempt.await.unwrap_or_else(|_| Failure::late(self.time_max).into())
    }
}

/// Until all that came is sent; or, when nothing more comes, until the other side fails.
pub(crate) async fn send(mut sink: Sink, shared: Arc<Shared>, config: Config) {
    let mut backoff = Backoff::new(config.retry.0, config.retry.1);
    let mut portion = Portion::new(config.batch_rows);
    loop {
        let ended = shared.is_ended();
        let mut batch = shared.batch(portion.rows(), config.batch_bytes);
        if batch.is_empty() {
            if ended {
                break;
            }
            shared.wait().await;
            continue;
        }
        if !ended && !config.batch_wait.is_zero() && is_small(&batch, portion, &config) {
            rest(config.batch_wait, &shared).await;
            batch = shared.batch(portion.rows(), config.batch_bytes);
        }
        let reply = sink.send(&batch).await;
        let pause = match reply {
            Reply::Taken => {
                shared.settle(batch.iter().map(|_| Verdict::Sent), None, None);
                backoff.succeeded();
                portion.taken();
                continue;
            }
            Reply::Each { verdicts, problem, refusal, after } => {
                if verdicts.contains(&Verdict::Sent) {
                    backoff.succeeded();
                }
                portion.taken();
                // A few that are not taken do not slow the many that are.
                let behind = verdicts.iter().filter(|verdict| **verdict == Verdict::Behind).count();
                let goes_on = !verdicts.contains(&Verdict::Again) && behind <= verdicts.len() / 2;
                shared.settle(verdicts, problem, refusal);
                if goes_on {
                    continue;
                }
                backoff.failed(after, fastrand::f64())
            }
            Reply::Failed(Failure::Refused { refusal }) => {
                if portion.refused(batch.len()) {
                    shared.settle([], None, None);
                } else {
                    shared.settle([Verdict::Refused], None, Some(refusal));
                }
                continue;
            }
            Reply::Failed(Failure::Down { problem, after }) => {
                shared.settle([], Some(problem), None);
                backoff.failed(after, fastrand::f64())
            }
        };
        if ended {
            break;
        }
        rest(pause, &shared).await;
    }
    match &mut sink.kind {
        SinkKind::Relay(relay) => relay.close().await,
        SinkKind::Mqtt(mqtt) => mqtt.close().await,
        SinkKind::Loki(_) | SinkKind::Elasticsearch(_) | SinkKind::InfluxDb(_) | SinkKind::Nats(_) => {}
    }
}

/// A pause, cut short when nothing more will come: there is one more attempt then.
async fn rest(pause: Duration, shared: &Shared) {
    let until = Instant::now() + pause;
    while !shared.is_ended() && timeout_at(until, shared.wait()).await.is_ok() {}
}

fn is_small(batch: &[Arc<Item>], portion: Portion, config: &Config) -> bool {
    batch.len() < portion.rows()
        && batch.iter().map(|item| item.bytes.len()).sum::<usize>() < config.batch_bytes
}
