//! Events of media servers, posted as JSON: what is taken for one becomes a packet of a type that is read.

use protocols::{Corrections, Protocols, posted};

use crate::{SECONDS, arrival};

pub(crate) fn fuzz(body: &[u8]) {
    for item in hep::json::items(body).flatten() {
        let Some(event) = posted(item) else { continue };
        let mut frame = Vec::new();
        let server = "192.0.2.7:0".parse().unwrap();
        hep::Outgoing {
            hep_type: event.hep_type,
            node: event.node.as_deref().map(str::as_bytes),
            correlation_id: event.correlation_id.as_deref().map(str::as_bytes),
            payload: item.as_bytes(),
            ..hep::Outgoing::new(server, server)
        }
        .encode_v3(&mut frame)
        .expect("inputs are short");
        let (packet, _) = hep::decode(&frame, SECONDS).expect("what was encoded");
        let arrival = arrival(Corrections::default());
        let record = Protocols::built_in().understand(&packet, &arrival);
        assert_eq!(record.raw, item.as_bytes());
        assert_ne!(Protocols::built_in().name(event.hep_type), "other", "somebody reads it");
        assert!(record.common.flags.iter().all(|flag| *flag != "not_json"), "it was read once already");
    }
}
