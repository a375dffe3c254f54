use super::Body;
use super::block::{ReportBlock, read_blocks, write_blocks};
use crate::time::NtpTime;

/// What a source sent, and what it received (RFC 3550 section 6.4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// The source itself.
    pub ssrc: u32,
    /// When this report was sent.
    pub time: NtpTime,
    /// The same moment in the stream's own clock.
    pub rtp_timestamp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Payload bytes sent so far.
    pub octets: u32,
    /// What it received from others.
    pub blocks: Vec<ReportBlock>,
    /// Profile-specific bytes behind the blocks.
    pub extension: &'a [u8],
}

impl<'a> SenderReport<'a> {
    pub(super) fn read(count: u8, body: &mut Body<'a, '_>) -> Self {
        Self {
            ssrc: body.word(),
            time: NtpTime::from_parts(body.word(), body.word()),
            rtp_timestamp: body.word(),
            packets: body.word(),
            octets: body.word(),
            blocks: read_blocks(count, body),
            extension: body.bytes,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&self.time.0.to_be_bytes());
        for word in [self.rtp_timestamp, self.packets, self.octets] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        let count = write_blocks(&self.blocks, out);
        out.extend_from_slice(self.extension);
        count
    }
}
