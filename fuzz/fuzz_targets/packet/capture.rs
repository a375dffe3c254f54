//! Capture files, the layers of their frames, and the pieces put together.

use packet::{Defragmenter, Layers, Reassembler, Transport, pcap};

pub(crate) fn fuzz(bytes: &[u8]) {
    if let Ok(reader) = pcap::Reader::new(bytes) {
        let (mut defragmenter, mut reassembler) = (Defragmenter::new(), Reassembler::new());
        let (mut held_bytes, mut payload_bytes, mut delivered_bytes) = (0, 0, 0);
        for frame in reader.clone().flatten() {
            held_bytes += frame.bytes.len();
            let Ok(layers) = Layers::parse(frame.link, frame.bytes) else { continue };
            let ends = (layers.source(), layers.destination());
            let _ = format!("{:?}", layers.transport);
            if let Some(whole) = defragmenter.add(frame.micros, &layers.ip) {
                assert!(whole.len() <= bytes.len());
            }
            if let Transport::Tcp(tcp) = layers.transport {
                payload_bytes += tcp.payload.len();
                let (pieces, _) = reassembler.add(frame.micros, ends, &tcp);
                delivered_bytes += pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>();
            }
        }
        assert!(held_bytes <= bytes.len() && delivered_bytes <= payload_bytes);
        // As it comes: the same frames.
        let mut stream = pcap::Stream::new();
        let mut whole = reader;
        for piece in bytes.chunks(7) {
            stream.push(piece);
            while let Some(Ok(frame)) = stream.next_frame() {
                assert_eq!(whole.next(), Some(Ok(frame)));
            }
        }
    }
}
