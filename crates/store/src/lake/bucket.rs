//! The lake in a bucket: S3, and what speaks as it does.
//!
//! Everything rests on one property: a put with `If-None-Match: *` creates an object or fails, for one of any number
//! of writers (S3 since 2024, MinIO, Ceph). A Delta commit is such a put.

use std::sync::Arc;
use std::time::Duration;

use deltalake::DeltaResult;
use deltalake::logstore::{
    LogStore, LogStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories,
};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use url::Url;

use crate::StoreError;
use crate::config::{Bucket, SCHEME};

/// A file of some tens of megabytes must pass in this time, over a slow line too.
const REQUEST_TIME_MAX: &str = "120 seconds";

/// What a request is tried again for by itself: a moment's overload. A longer outage is the business of who settles:
/// it tells the operator, and tries again.
const RETRIES_MAX: usize = 4;
const RETRY_TIME_MAX: Duration = Duration::from_secs(20);

/// Lets Delta tables be in buckets.
pub(crate) fn register() {
    let scheme = Url::parse(&format!("{SCHEME}://")).expect("a scheme is a URL");
    logstore_factories().insert(scheme, Arc::new(ConditionalPuts));
}

pub(crate) fn open(place: &Bucket) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let mut builder = AmazonS3Builder::from_env();
    // The environment wins, as with every setting.
    for (key, value) in
        [(AmazonS3ConfigKey::Endpoint, &place.endpoint), (AmazonS3ConfigKey::Region, &place.region)]
    {
        if let (Some(value), None) = (value, builder.get_config_value(&key)) {
            builder = builder.with_config(key, value);
        }
    }
    if std::env::var_os("AWS_TIMEOUT").is_none() {
        builder = builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), REQUEST_TIME_MAX);
    }
    // Who writes http:// has decided.
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    let store = builder
        .with_bucket_name(&place.name)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIME_MAX,
        })
        .build()?;
    Ok(Arc::new(store))
}

/// Commits to a bucket as to a folder. The deltalake crate has this for buckets too, in a crate of its own that
/// brings the whole AWS SDK, for the locks in DynamoDB that S3 needed before it had conditional puts.
struct ConditionalPuts;

impl LogStoreFactory for ConditionalPuts {
    fn with_options(
        &self,
        prefixed: ObjectStoreRef,
        root: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed, root, location, options))
    }
}
