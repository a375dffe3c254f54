//! Datagrams: whatever comes, packets are found the same way twice, and no key survives blanking.

const ARRIVAL_SECONDS: u32 = 1_592_975_787;

pub(crate) fn fuzz(datagram: &[u8]) {
    let unwrapped = hep::ungzip(datagram);
    assert!(unwrapped.len() <= datagram.len() + hep::inflate::INFLATED_BYTES_MAX);
    let mut items = 0;
    let mut framed_bytes = 0;
    for item in hep::packets(&unwrapped, ARRIVAL_SECONDS) {
        items += 1;
        let (packet, frame) = match item {
            Ok(found) => found,
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                continue;
            }
        };
        framed_bytes += frame.len();
        assert!(packet.payload.len() <= hep::inflate::INFLATED_BYTES_MAX);
        let _ = (format!("{packet:?}"), packet.is_keepalive(), packet.transport());
        let chunk_bytes: usize = packet.chunks().map(|chunk| 6 + chunk.body.len()).sum();
        assert!(chunk_bytes <= frame.len(), "chunks are parts of the frame");
        for chunk in packet.chunks() {
            let _ = (chunk.value(), hep::chunk::describe(chunk.vendor, chunk.kind));
        }

        let (again, consumed) = hep::decode(frame, ARRIVAL_SECONDS).expect("a frame decodes by itself");
        assert_eq!(consumed, frame.len());
        assert_eq!(again, packet);

        let mut blanked = frame.to_vec();
        hep::blank_key(&mut blanked);
        assert!(packet.may_hold_keys() || blanked == frame);
        assert_eq!(packet.has_other_chunks(), packet.chunks().any(|chunk| !chunk.has_field()));
        let (without_key, consumed) = hep::decode(&blanked, ARRIVAL_SECONDS).expect("still a packet");
        assert_eq!(consumed, frame.len());
        assert_eq!(without_key.key.map(<[u8]>::len), packet.key.map(<[u8]>::len));
        assert!(without_key.key.is_none_or(|key| key.iter().all(|&byte| byte == 0)));
        // Packets inside the payload lose their keys too.
        if [&b"HEP3"[..], b"EEP"].iter().any(|magic| packet.payload.starts_with(magic)) {
            assert_eq!(without_key.payload.len(), packet.payload.len());
        } else {
            assert_eq!(without_key.payload, packet.payload);
        }
    }
    assert!(items >= 1, "every datagram is accounted for");
    assert!(framed_bytes <= unwrapped.len());
}
