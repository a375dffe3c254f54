use super::Body;
use super::block::{ReportBlock, read_blocks, write_blocks};

/// What a participant that sends nothing received (RFC 3550 section 6.4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// What it received.
    pub blocks: Vec<ReportBlock>,
    /// Profile-specific bytes behind the blocks.
    pub extension: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn read(count: u8, body: &mut Body<'a, '_>) -> Self {
        Self { ssrc: body.word(), blocks: read_blocks(count, body), extension: body.bytes }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        let count = write_blocks(&self.blocks, out);
        out.extend_from_slice(self.extension);
        count
    }
}
