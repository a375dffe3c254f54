//! Whatever comes: a record, all bytes kept, `extra` valid JSON.

use hep::chunk::Chunk;
use proptest::prelude::*;

use crate::{extra, fixtures, outgoing, sent};

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let kept: Vec<Vec<u8>> = protocols::registry()
        .iter()
        .flat_map(|protocol| fixtures(protocol.name))
        .map(|(_, bytes)| {
            let (packet, _) = hep::decode(&bytes, u32::MAX).expect("a fixture is a packet");
            packet.payload.into_owned()
        })
        .collect();
    let damaged = (
        proptest::sample::select(kept),
        proptest::collection::vec((any::<usize>(), any::<u8>()), 0..6),
        any::<usize>(),
    )
        .prop_map(|(mut payload, changes, length)| {
            payload.truncate(length % (payload.len() + 1));
            for (place, byte) in changes {
                let length = payload.len().max(1);
                if let Some(target) = payload.get_mut(place % length) {
                    *target = byte;
                }
            }
            payload
        });
    prop_oneof![damaged, proptest::collection::vec(any::<u8>(), 0..300)]
}

/// The types that some file reads.
fn known() -> impl Strategy<Value = u16> {
    let hep_types = protocols::registry().iter().flat_map(|protocol| protocol.hep_types).copied();
    proptest::sample::select(hep_types.collect::<Vec<u16>>())
}

/// Every kept payload under its own type, cut at every length: the place where readers of formats go wrong.
#[test]
fn every_beginning_of_every_kept_packet_becomes_a_record() {
    for protocol in protocols::registry() {
        for (file, bytes) in fixtures(protocol.name) {
            let (packet, _) = hep::decode(&bytes, u32::MAX).expect("a fixture is a packet");
            let hep_type = packet.hep_type.unwrap_or(0);
            // Long ones in steps: a session description is alike everywhere.
            let step = 1 + packet.payload.len() / 100;
            for length in (0..packet.payload.len()).step_by(step) {
                sent(&outgoing(hep_type, &packet.payload[..length]), |record| {
                    assert_eq!(record.raw, &packet.payload[..length], "{file}");
                    assert_eq!(record.values.len(), record.table.fields.len(), "{file} {length}");
                    let _ = extra(record);
                });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_packet_becomes_a_record(
        hep_type in prop_oneof![known(), 0..=255_u16, any::<u16>()],
        payload in payload(),
        correlation in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        vendor in any::<u16>(),
        body in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let more = [Chunk { vendor, kind: 0x0065, body: &body }];
        let packet = hep::Outgoing { correlation_id: correlation.as_deref(), more: &more, ..outgoing(hep_type, &payload) };
        sent(&packet, |record| {
            prop_assert_eq!(record.raw, payload.as_slice());
            prop_assert_eq!(record.values.len(), record.table.fields.len());
            let _ = extra(record);
            let known = |name: &&str| protocols::flags().iter().any(|(flag, _)| flag == name);
            prop_assert!(record.common.flags.iter().all(known), "{:?}", record.common.flags);
            Ok(())
        })?;
    }
}
