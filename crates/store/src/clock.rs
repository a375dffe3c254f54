use std::time::{SystemTime, UNIX_EPOCH};

use model::Micros;

/// The only place where the store asks for the time.
pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
