//! Slows down guessing: an address that fails to log in too often has to wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use crate::limits::{LOGIN_ADDRESSES_MAX, LOGIN_FAILURE_FORGIVEN_AFTER, LOGIN_FAILURES_MAX};

/// Failed logins by address. Counted per address and not per user: else anybody could lock a user out.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failures: HashMap<IpAddr, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    /// When `count` was last brought up to date.
    at: Instant,
}

impl Attempts {
    /// Seconds until this address may try again; `None` if it may now.
    pub(crate) fn wait_seconds(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let failures = self.failures.get(&network(address))?.after_forgiving(now);
        let excess = failures.count.checked_sub(LOGIN_FAILURES_MAX)?;
        let whole = LOGIN_FAILURE_FORGIVEN_AFTER.as_secs() * u64::from(excess + 1);
        Some(whole.saturating_sub(now.duration_since(failures.at).as_secs()).max(1))
    }

    pub(crate) fn failed(&mut self, address: IpAddr, now: Instant) {
        let address = network(address);
        if self.failures.len() >= LOGIN_ADDRESSES_MAX && !self.failures.contains_key(&address) {
            self.make_room(now);
        }
        let failures = self.failures.entry(address).or_insert(Failures { count: 0, at: now });
        *failures = failures.after_forgiving(now);
        failures.count += 1;
    }

    pub(crate) fn succeeded(&mut self, address: IpAddr) {
        self.failures.remove(&network(address));
    }

    /// Drops who is forgiven by now; if nobody is, the oldest.
    fn make_room(&mut self, now: Instant) {
        self.failures.retain(|_, failures| failures.after_forgiving(now).count > 0);
        if self.failures.len() >= LOGIN_ADDRESSES_MAX
            && let Some(oldest) =
                self.failures.iter().min_by_key(|(_, failures)| failures.at).map(|(a, _)| *a)
        {
            self.failures.remove(&oldest);
        }
    }
}

impl Failures {
    fn after_forgiving(self, now: Instant) -> Self {
        let steps = now.duration_since(self.at).as_secs() / LOGIN_FAILURE_FORGIVEN_AFTER.as_secs();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        if steps == 0 {
            return self;
        }
        match self.count.checked_sub(steps) {
            Some(count) => Self { count, at: self.at + LOGIN_FAILURE_FORGIVEN_AFTER * steps },
            None => Self { count: 0, at: now },
        }
    }
}

/// A host with IPv6 usually owns a /64: all of it counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn too_many_failures_wait_and_are_forgiven_one_by_one() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        let guesser = address("192.0.2.7");
        for _ in 0..LOGIN_FAILURES_MAX {
            assert_eq!(attempts.wait_seconds(guesser, start), None);
            attempts.failed(guesser, start);
        }
        assert_eq!(attempts.wait_seconds(guesser, start), Some(30));
        assert_eq!(attempts.wait_seconds(address("192.0.2.8"), start), None, "others are not held up");
        let later = start + LOGIN_FAILURE_FORGIVEN_AFTER;
        assert_eq!(attempts.wait_seconds(guesser, later), None);
        attempts.failed(guesser, later);
        assert_eq!(attempts.wait_seconds(guesser, later), Some(30), "one more attempt only");
        attempts.succeeded(guesser);
        assert_eq!(attempts.wait_seconds(guesser, later), None);
    }

    #[test]
    fn a_v6_network_counts_as_one_address() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        for host in 0..LOGIN_FAILURES_MAX {
            attempts.failed(address(&format!("2001:db8::{host:x}")), start);
        }
        assert!(attempts.wait_seconds(address("2001:db8::ffff"), start).is_some());
        assert_eq!(attempts.wait_seconds(address("2001:db8:0:1::1"), start), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        for number in 0..LOGIN_ADDRESSES_MAX as u32 + 10 {
            attempts.failed(IpAddr::V4((0x0a00_0000 + number).into()), start);
        }
        assert!(attempts.failures.len() <= LOGIN_ADDRESSES_MAX);
    }
}
