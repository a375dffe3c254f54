use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::counters::Refused;

/// The connections of one listener: so many at a time, and so many of each peer.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    per_peer_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// One connection's place, free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    peer: Option<IpAddr>,
}

impl Places {
    pub(crate) fn new(max: usize, per_peer_max: usize) -> Arc<Self> {
        Arc::new(Self { max, per_peer_max, taken: Mutex::default() })
    }

    /// A place for a connection whose peer is not known yet.
    pub(crate) fn take(self: &Arc<Self>) -> Result<Place, Refused> {
        let mut taken = self.lock();
        if taken.all >= self.max {
            return Err(Refused::TooManyConnections);
        }
        taken.all += 1;
        Ok(Place { places: Arc::clone(self), peer: None })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Says whose connection it is.
    pub(crate) fn name(&mut self, peer: IpAddr) -> Result<(), Refused> {
        let peer = shared_by(peer);
        let mut taken = self.places.lock();
        let own = taken.by_peer.entry(peer).or_default();
        if *own >= self.places.per_peer_max {
            return Err(Refused::TooManyOfPeer);
        }
        *own += 1;
        self.peer = Some(peer);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(peer) = self.peer
            && let Some(own) = taken.by_peer.get_mut(&peer)
        {
            *own -= 1;
            if *own == 0 {
                taken.by_peer.remove(&peer);
            }
        }
    }
}

/// What one machine is counted by: its address, or of IPv6 the /64 it may pick addresses from at will.
fn shared_by(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_by_peer_and_come_free() {
        let places = Places::new(3, 2);
        let named = |address: &str| -> Result<Place, Refused> {
            let mut place = places.take()?;
            place.name(address.parse().expect("an address"))?;
            Ok(place)
        };
        let first = named("2001:db8::1").expect("a place");
        let _second = named("2001:db8::2").expect("a place");
        assert_eq!(named("2001:db8::3").expect_err("the same /64"), Refused::TooManyOfPeer);
        let _third = named("192.0.2.1").expect("a place");
        assert_eq!(named("192.0.2.2").expect_err("full"), Refused::TooManyConnections);
        drop(first);
        let last = named("::ffff:192.0.2.1").expect("a place came free");
        drop(last);
        assert_eq!(places.lock().by_peer.len(), 2, "peers without a connection are forgotten");
    }
}
