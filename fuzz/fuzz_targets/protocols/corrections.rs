//! What senders get wrong, with any set of rules switched on: a rule that is off leaves no trace, and bytes are kept
//! whatever the rules do.

use std::hash::{BuildHasherDefault, DefaultHasher};

use protocols::corrections::{self, ALL};
use protocols::sighting::fingerprint;
use protocols::{Corrections, Protocols, unwrapped};

use crate::{SECONDS, arrival};

/// Two bytes of switches, then a datagram.
pub(crate) fn fuzz(input: &[u8]) {
    let Some((&[high, low], datagram)) = input.split_first_chunk() else { return };
    let switches = u16::from_be_bytes([high, low]);
    let on = ALL
        .iter()
        .enumerate()
        .fold(Corrections::NONE, |on, (place, rule)| on.with(rule, switches >> place & 1 != 0));
    let arrival = arrival(on);
    for (packet, _) in hep::packets(datagram, SECONDS).flatten() {
        let record = Protocols::built_in().understand(&packet, &arrival);
        assert_eq!(record.raw, &*packet.payload);
        assert_eq!(record.values.len(), record.table.fields.len());
        for rule in ALL.iter().filter(|rule| !on.contains(rule)) {
            assert!(!record.common.flags.contains(&rule.name), "{} is off", rule.name);
        }
        if let Some(read) = unwrapped(record.raw, &record.common.flags, SECONDS) {
            assert!(read.len() <= record.raw.len().max(hep::inflate::INFLATED_BYTES_MAX));
        }
        assert!(corrections::evidence(&packet).count() <= 2);
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        assert_eq!(fingerprint(&packet, on, &hasher), fingerprint(&packet, on, &hasher));
    }
}
