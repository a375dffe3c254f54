use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::Micros;
use protocols::Corrections;
use protocols::sighting::{Recent, fingerprint};

/// The SIP messages of the last moments, of all listeners. What is dropped is dropped before the log, so that a replay
/// does not decide again.
#[derive(Debug)]
pub(crate) struct Duplicates {
    recent: Mutex<Recent>,
    /// Random keys: nobody can make up a message that is taken for another.
    hasher: RandomState,
}

impl Duplicates {
    pub(crate) fn new(max: usize) -> Self {
        Self { recent: Mutex::new(Recent::new(max)), hasher: RandomState::new() }
    }

    /// Remembers the message; whether another capture point has just told of it, or this one twice.
    pub(crate) fn has_just_been_seen(
        &self,
        packet: &hep::Packet<'_>,
        sender: IpAddr,
        corrections: Corrections,
        received: Micros,
    ) -> bool {
        let Some(message) = fingerprint(packet, corrections, &self.hasher) else { return false };
        let point = self.hasher.hash_one((sender, packet.node, packet.capture_id));
        let bytes = self.hasher.hash_one(&packet.payload);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.is_duplicate(message, point, bytes, received)
    }
}
