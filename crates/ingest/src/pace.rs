//! How fast one sender may send: a bucket of packets for each address, filled at the allowed pace.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::Micros;

/// A bucket holds what may come in this time, so that agents that send in bursts are not held up.
const BURST: i64 = 2 * Micros::SECOND;

/// Addresses that are remembered. A full bucket tells nothing and is forgotten first; after that whoever is new is let in
/// without a bucket, as forged addresses would otherwise throw out the real ones.
const ADDRESSES_MAX: usize = 65_536;

/// The pace of every sender.
pub(crate) struct Pace {
    per_second: u32,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

/// Time instead of packets, so that nothing is lost to rounding: a packet takes its share of a second.
#[derive(Clone, Copy)]
struct Bucket {
    /// When the bucket would be full again.
    full_at: i64,
}

impl Pace {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), buckets: Mutex::default() }
    }

    /// Whether one more packet of this sender is within its pace; then it is counted.
    pub(crate) fn takes(&self, sender: IpAddr, now: Micros) -> bool {
        let cost = (Micros::SECOND / i64::from(self.per_second)).max(1);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(&sender) {
            return bucket.takes(cost, now.0);
        }
        if buckets.len() >= ADDRESSES_MAX {
            buckets.retain(|_, bucket| bucket.full_at > now.0);
        }
        if buckets.len() < ADDRESSES_MAX {
            buckets.insert(sender, Bucket { full_at: now.0 + cost });
        }
        true
    }
}

impl Bucket {
    fn takes(&mut self, cost: i64, now: i64) -> bool {
        // A clock that was set back must not shut anybody out for long.
        let full_at = self.full_at.clamp(now, now.saturating_add(BURST));
        let is_within = full_at + cost <= now.saturating_add(BURST);
        self.full_at = if is_within { full_at + cost } else { full_at };
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pace: &Pace, sender: u8, packets: usize, now: i64) -> usize {
        let sender = IpAddr::from([192, 0, 2, sender]);
        (0..packets).filter(|_| pace.takes(sender, Micros(now))).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let pace = Pace::new(100);
        let start = 1_795_231_200_000_000;
        assert_eq!(taken(&pace, 1, 1_000, start), 200, "two seconds of it at once");
        assert_eq!(taken(&pace, 1, 1_000, start + Micros::SECOND), 100);
        assert_eq!(taken(&pace, 1, 1_000, start + 11 * Micros::SECOND), 200, "no more than a bucket");
        assert_eq!(taken(&pace, 2, 1_000, start), 200, "each sender has its own");
        assert_eq!(taken(&pace, 1, 10, start - 3_600 * Micros::SECOND), 0, "the clock was set back");
        assert_eq!(taken(&pace, 1, 10, start - 3_598 * Micros::SECOND), 10);
    }

    #[test]
    fn memory_is_bounded_and_those_who_are_new_are_let_in() {
        let pace = Pace::new(1);
        for number in 0..ADDRESSES_MAX as u32 + 100 {
            assert!(pace.takes(IpAddr::from(number.to_be_bytes()), Micros(0)));
        }
        assert_eq!(pace.buckets.lock().expect("whole").len(), ADDRESSES_MAX);
        assert!(pace.takes(IpAddr::from(u32::MAX.to_be_bytes()), Micros(10 * Micros::SECOND)));
        assert_eq!(pace.buckets.lock().expect("whole").len(), 1, "full buckets go");
    }
}
