use std::time::{SystemTime, UNIX_EPOCH};

use model::Micros;

/// The time of day: the one place of the room that asks for it.
pub(crate) fn now() -> Micros {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
        // A clock before 1970 is not worth more than being told apart.
        Err(before) => Micros(-i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX)),
    }
}

/// What `hep` wants to know of the arrival: seconds since 1970.
pub(crate) fn hep_seconds(received: Micros) -> u32 {
    u32::try_from(received.seconds()).unwrap_or(0)
}
