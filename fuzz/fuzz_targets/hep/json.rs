//! The JSON form: what is read becomes a packet, which comes back from its own JSON.

const ARRIVAL_SECONDS: u32 = 1_592_975_787;

pub(crate) fn fuzz(body: &[u8]) {
    let (mut items, mut end) = (0, 0);
    for item in hep::json::items(body) {
        items += 1;
        let Ok(item) = item else { continue };
        let from = item.as_ptr() as usize - body.as_ptr() as usize;
        assert!(from >= end && from + item.len() <= body.len(), "items follow each other in the body");
        end = from + item.len();
        let Ok(read) = hep::json::decode(item) else { continue };
        let mut frame = Vec::new();
        if read.encode_v3(&mut frame).is_err() {
            continue;
        }
        let (packet, consumed) = hep::decode(&frame, ARRIVAL_SECONDS).expect("a packet");
        assert_eq!(consumed, frame.len());

        let mut text = String::new();
        hep::json::encode(&packet, &mut text);
        serde_json::from_str::<serde_json::Value>(&text).expect("strict JSON");
        let mut again = Vec::new();
        let read = hep::json::decode(&text).expect("what was written can be read");
        assert!(read.unknown_keys.is_empty());
        // In hexadecimal, or with chunks that came twice, it may have grown.
        if read.encode_v3(&mut again).is_ok() {
            let (back, _) = hep::decode(&again, ARRIVAL_SECONDS).expect("a packet");
            assert_eq!(
                (back.src_ip, back.dst_ip, back.hep_type),
                (packet.src_ip, packet.dst_ip, packet.hep_type)
            );
            assert_eq!((back.node, back.correlation_id), (packet.node, packet.correlation_id));
            assert_eq!(back.payload, packet.payload);
        }
    }
    assert!(items <= body.len());
}
