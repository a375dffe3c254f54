use crate::chunk::{self, First};
use crate::{protobuf, resync};

/// Overwrites every authentication key (chunk 0x000e of vendor 0, and of vendor 9) in a raw frame with zero
/// bytes and changes nothing else, so that the frame can be written to disk without the secret.
///
/// Chunks are found exactly as [`crate::decode`] finds them, so a frame that decodes to a key never keeps it.
/// Several packets in one slice are all treated; so is the password of the protocol-buffer form. HEPv1 and HEPv2
/// have no key and are left alone.
pub fn blank_key(frame: &mut [u8]) {
    if protobuf::looks_like_message(frame) {
        return protobuf::blank_key(frame);
    }
    let mut offset = 0_usize;
    while frame.get(offset..).is_some_and(resync::has_magic) {
        let packet = frame.get_mut(offset..).unwrap_or_default();
        let consumed = blank_packet(packet);
        if consumed < resync::HEADER_BYTES {
            return;
        }
        offset = offset.saturating_add(consumed);
    }
}

/// Blanks the packet at the front; returns its length.
fn blank_packet(bytes: &mut [u8]) -> usize {
    let Some(end) = crate::v3::end(bytes) else {
        return 0;
    };
    let mut offset = resync::HEADER_BYTES;
    loop {
        match chunk::first(bytes.get(offset..end).unwrap_or_default()) {
            First::Chunk { chunk, rest, .. } => {
                let next = end.saturating_sub(rest.len());
                let body_start = next.saturating_sub(chunk.body.len());
                if chunk.is_key()
                    && let Some(body) = bytes.get_mut(body_start..next)
                {
                    body.fill(0);
                }
                offset = next;
            }
            First::NextPacket => return offset,
            First::End | First::Broken => return end,
        }
    }
}
