//! Bodies of `POST /api/v1/ingest` and `POST /hep`, by the same calls as the room makes (`listen/json.rs`): every item is
//! a packet that comes back, or refused.

use hep::json::JsonError;

const SECONDS: u32 = 1_592_975_787;

pub(crate) fn fuzz(body: &[u8]) {
    let mut frames = Vec::new();
    for item in hep::json::items(body).flatten() {
        let start = frames.len();
        let payload = match hep::json::decode(item) {
            Ok(packet) if packet.encode_v3(&mut frames).is_ok() => packet.payload.into_owned(),
            Err(JsonError::NoRcinfo) => {
                let Some(event) = protocols::posted(item) else { continue };
                let server = "192.0.2.7:0".parse().unwrap();
                hep::Outgoing {
                    hep_type: event.hep_type,
                    payload: item.as_bytes(),
                    ..hep::Outgoing::new(server, server)
                }
                .encode_v3(&mut frames)
                .expect("inputs are short");
                item.as_bytes().to_vec()
            }
            _ => {
                assert_eq!(frames.len(), start, "refused is not half written");
                continue;
            }
        };
        let (packet, consumed) = hep::decode(&frames[start..], SECONDS).expect("a packet");
        assert_eq!(consumed, frames.len() - start);
        assert_eq!(&*packet.payload, payload);
    }
    // A body of packets is walked as a datagram is, whatever it is.
    assert!(hep::packets(body, SECONDS).count() <= body.len().max(1));
}
