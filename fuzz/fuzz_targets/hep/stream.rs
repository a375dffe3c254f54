//! Streams: frames do not depend on how the bytes arrive, and the framer holds a bounded amount.

use hep::{Framer, Refusal};

const ARRIVAL_SECONDS: u32 = 1_592_975_787;
/// The longest packet there is.
const PACKET_BYTES_MAX: usize = 65_535;

pub(crate) fn fuzz(input: &[u8]) {
    let Some((&step, stream)) = input.split_first() else {
        return;
    };
    let whole = cut(stream, stream.len().max(1));
    assert_eq!(cut(stream, usize::from(step) + 1), whole);
}

fn cut(stream: &[u8], step: usize) -> Vec<Result<Vec<u8>, Refusal>> {
    let mut framer = Framer::new();
    let mut items = Vec::new();
    for piece in stream.chunks(step) {
        framer.push(piece, ARRIVAL_SECONDS);
        while let Some(item) = framer.next_frame() {
            items.push(item.map(<[u8]>::to_vec));
        }
        assert!(framer.pending_bytes() <= PACKET_BYTES_MAX + hep::inflate::INFLATED_BYTES_MAX);
    }
    items.extend(framer.finish().map(Err));
    items
}
