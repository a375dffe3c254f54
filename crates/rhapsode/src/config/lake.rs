//! Where settled rows are kept.

use anyhow::{Context, Result, bail};
use store::{Bucket, LakeLocation};

use super::file::S3;

/// From what is written as `storage.lake`, if anything, and the section about buckets.
pub(super) fn location(lake: Option<&str>, s3: S3) -> Result<LakeLocation> {
    if let Some(url) = lake.filter(|lake| lake.contains("://")) {
        let mut bucket = Bucket::parse(url).context("storage.lake")?;
        bucket.endpoint = s3.endpoint;
        bucket.region = s3.region;
        return Ok(LakeLocation::Bucket(bucket));
    }
    if s3.endpoint.is_some() || s3.region.is_some() {
        bail!(
            "storage.s3 says where a bucket is, but storage.lake names none; write lake = \"s3://BUCKET/PATH\""
        );
    }
    Ok(lake.map_or(LakeLocation::DataFolder, |folder| LakeLocation::Folder(folder.into())))
}
