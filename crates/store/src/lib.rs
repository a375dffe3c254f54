//! Write-ahead log, hot batches, the lake, retention and search
