//! The timers of SIP that rules measure with, in microseconds.

pub(crate) const MILLISECOND: i64 = 1_000;
pub(crate) const SECOND: i64 = 1_000_000;
/// RFC 3261 17.1.1.1: an estimate of the round trip; what is lost is sent again after it.
pub(crate) const T1: i64 = 500 * MILLISECOND;
/// How long a transaction is kept trying: timers B, F, H and the wait for ACK (RFC 3261 17, 13.3.1.4).
pub(crate) const GIVE_UP: i64 = 64 * T1;

/// `3.2 s`, `750 ms`, `12 min 5 s`.
pub(crate) fn span(micros: i64) -> String {
    let micros = micros.max(0);
    match micros / SECOND {
        0 => format!("{} ms", micros / MILLISECOND),
        1..=9 => format!("{:.1} s", micros as f64 / SECOND as f64),
        seconds @ 10..=119 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
