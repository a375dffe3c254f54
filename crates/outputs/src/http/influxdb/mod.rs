//! InfluxDB and VictoriaMetrics: figures of minutes as line protocol.

mod line;
mod minutes;

use std::collections::BTreeMap;
use std::sync::Arc;

use calls::kpi::By;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};

use super::client::{Endpoint, Post};
use crate::queue::Item;
use crate::send::{Failure, Reply};

pub(crate) use minutes::InfluxDbMaker;

/// Where figures go, and under which names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InfluxDb {
    pub endpoint: Endpoint,
    pub place: Place,
    pub measurement: String,
    /// The kinds of groups of a minute that are sent.
    pub groups: Vec<By>,
    /// Tags with a fixed value.
    pub fixed_tags: BTreeMap<String, String>,
}

/// What holds the points there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Of InfluxDB 1.x; VictoriaMetrics makes a label `db` of it.
    Database { database: String, retention_policy: Option<String> },
    /// Of InfluxDB 2.
    Bucket { org: String, bucket: String },
}

impl InfluxDb {
    /// The table whose rows these are, and whose they are.
    pub const MEASUREMENT_DEFAULT: &str = "rhapsode_kpi_1m";

    /// Those of which the values are few. What names a user agent is said by whoever sends a packet.
    pub const GROUPS_DEFAULT: [By; 3] = [By::All, By::Trunk, By::Status];

    /// Names that no fixed tag may have: ours, and those that mean something to InfluxDB or VictoriaMetrics.
    pub const RESERVED_TAGS: [&str; 8] =
        ["grouped_by", "group_key", "src_ip", "dst_ip", "is_other", "node_id", "time", "db"];

    /// Longest value of a tag.
    pub const TAG_BYTES_MAX: usize = line::TAG_BYTES_MAX;

    const IS_OTHER: (&str, &str) = ("is_other", "true");

    fn url(&self) -> Result<Url, String> {
        let (path, query) = match &self.place {
            Place::Database { database, retention_policy } => {
                let policy = retention_policy.as_ref().map(|policy| ("rp", policy));
                ("/write", [Some(("db", database)), policy])
            }
            Place::Bucket { org, bucket } => {
                ("/api/v2/write", [Some(("org", org)), Some(("bucket", bucket))])
            }
        };
        let url = format!("{}{path}", self.endpoint.url.trim_end_matches('/'));
        let mut url = url.parse::<Url>().map_err(|error| format!("the URL cannot be used: {error}"))?;
        url.query_pairs_mut().extend_pairs(query.into_iter().flatten());
        Ok(url)
    }
}

pub(crate) struct InfluxDbSink {
    post: Post,
}

impl InfluxDbSink {
    pub(crate) fn new(config: &InfluxDb) -> Result<Self, String> {
        let mut endpoint = Endpoint { url: config.url()?.into(), ..config.endpoint.clone() };
        let mut headers = HeaderMap::new();
        if matches!(config.place, Place::Bucket { .. })
            && let Some(token) = endpoint.token.take()
        {
            // The scheme that InfluxDB 2 documents for its tokens.
            let value = HeaderValue::try_from(format!("Token {token}"));
            let mut value = value.map_err(|_| "token holds signs no header may have")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { post: Post::new(&endpoint, "", "text/plain; charset=utf-8", headers)? })
    }

    pub(crate) async fn send(&mut self, batch: &[Arc<Item>]) -> Reply {
        let body: Vec<u8> = batch.iter().flat_map(|item| item.bytes.iter().copied()).collect();
        match self.post.send(body).await {
            Ok(answer) if answer.status == StatusCode::NO_CONTENT => Reply::Taken,
            // A page of something that is in between, for instance.
            Ok(answer) => {
                Failure::down(format!("it answered {}; who has written says 204", answer.status)).into()
            }
            Err(failure) => failure.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_in_the_url() {
        let text = str::to_owned;
        let url = |url: &str, place: Place| {
            let endpoint = Endpoint { url: text(url), ..Endpoint::default() };
            let (groups, fixed_tags) = (Vec::new(), BTreeMap::new());
            InfluxDb { endpoint, place, measurement: text("m"), groups, fixed_tags }.url().map(String::from)
        };
        let database = Place::Database { database: text("voip & data"), retention_policy: None };
        assert_eq!(
            url("http://influx:8086/", database).as_deref(),
            Ok("http://influx:8086/write?db=voip+%26+data")
        );
        let kept = Place::Database { database: text("voip"), retention_policy: Some(text("year")) };
        assert_eq!(url("http://vm:8428/x", kept).as_deref(), Ok("http://vm:8428/x/write?db=voip&rp=year"));
        let bucket = Place::Bucket { org: text("acme"), bucket: text("voip/kpi") };
        let expected = "https://influx/api/v2/write?org=acme&bucket=voip%2Fkpi";
        assert_eq!(url("https://influx", bucket).as_deref(), Ok(expected));
    }
}
