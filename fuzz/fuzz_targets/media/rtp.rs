//! The RTP header: its parts make up the packet, and are never more than that.

use media::rtp::{self, Packet};

pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes).inspect_err(|refusal| assert!(!refusal.to_string().is_empty()))
    else {
        return;
    };
    let extension_bytes = packet.extension.map_or(0, |(_, extension)| 4 + extension.len());
    let known_bytes = 12 + packet.csrc.len() + extension_bytes + packet.payload.len();
    let padding_bytes = bytes.len().checked_sub(known_bytes).expect("parts of the packet");
    let is_padded = bytes[0] & 0x20 != 0;
    assert_eq!(padding_bytes, if is_padded { usize::from(bytes[bytes.len() - 1]) } else { 0 });
    assert!(packet.contributors().count() <= 15);
    assert_eq!(rtp::is_rtcp(bytes), packet.marker && (64..96).contains(&packet.payload_type));
}
