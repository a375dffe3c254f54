//! Write-ahead log, hot batches, the lake, retention and search.

pub mod log;
