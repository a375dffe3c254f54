//! Every payload of every type becomes a record of its table, with every byte kept.

use std::sync::LazyLock;

use hep::Outgoing;
use protocols::{Corrections, Protocols};

use crate::{SECONDS, arrival};

/// Every number of the registry, and one that nobody has.
static HEP_TYPES: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let known = protocols::registry().iter().flat_map(|protocol| protocol.hep_types);
    known.copied().chain([60_000]).collect()
});

/// Two bytes of type, then the payload; the first NUL, if there is one, parts the correlation id from it.
pub(crate) fn fuzz(input: &[u8]) {
    // The same bytes as a whole packet: any chunks at all.
    understand(input);
    let Some((&[high, low], rest)) = input.split_first_chunk() else { return };
    let wanted = u16::from_be_bytes([high, low]);
    // A number that is not known stands for one that is, so that no input is lost on the unknown.
    let hep_type = match HEP_TYPES.contains(&wanted) {
        true => wanted,
        false => HEP_TYPES[usize::from(wanted) % HEP_TYPES.len()],
    };
    let mut parts = rest.splitn(2, |&byte| byte == 0);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let (correlation_id, payload) = second.map_or((None, first), |payload| (Some(first), payload));

    let mut frame = Vec::new();
    Outgoing {
        hep_type,
        correlation_id,
        payload,
        seconds: 1_592_975_786,
        ..Outgoing::new("10.0.0.1:5060".parse().unwrap(), "[2001:db8::2]:5061".parse().unwrap())
    }
    .encode_v3(&mut frame)
    .expect("inputs are short");
    understand(&frame);
}

fn understand(frame: &[u8]) {
    let arrival = arrival(Corrections::default());
    let Ok((packet, _)) = hep::decode(frame, SECONDS) else { return };
    let record = Protocols::built_in().understand(&packet, &arrival);
    assert_eq!(record.raw, &*packet.payload);
    assert_eq!(record.values.len(), record.table.fields.len());
    if let Some(extra) = &record.extra {
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(extra).expect("a JSON object");
    }
    let mut flags = record.common.flags.clone();
    flags.sort_unstable();
    flags.dedup();
    assert_eq!(flags.len(), record.common.flags.len(), "each flag once");
    assert!(flags.iter().all(|flag| protocols::flags().iter().any(|(known, _)| known == flag)), "{flags:?}");
}
