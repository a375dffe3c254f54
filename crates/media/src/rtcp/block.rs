use super::{Body, COUNT_MAX, ProblemKind};
use crate::bytes::u32_at;
use crate::time::{NtpTime, round_trip_micros};

/// What a receiver says about one source (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source reported on.
    pub ssrc: u32,
    /// Loss since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Loss since the beginning; negative with duplicates. 24 bits on the wire.
    pub packets_lost: i32,
    /// Highest sequence number, wraps counted in the upper half.
    pub highest_sequence: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time; 0 if none came yet.
    pub last_sender_report: u32,
    /// From that report's arrival to this one's departure, in 1/65,536 s.
    pub delay_since: u32,
}

pub(super) const BLOCK_LENGTH: usize = 24;

impl ReportBlock {
    /// Loss since the last report.
    pub fn loss_percent(&self) -> f64 {
        f64::from(self.fraction_lost) * 100.0 / 256.0
    }

    /// Round trip, seen by the sender of the streams when this report arrives.
    pub fn round_trip_micros(&self, arrival: NtpTime) -> Option<i64> {
        round_trip_micros(arrival, self.last_sender_report, self.delay_since)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let loss = u32_at(bytes, 4)?;
        Some(Self {
            ssrc: u32_at(bytes, 0)?,
            fraction_lost: (loss >> 24) as u8,
            // The lower 24 bits, sign kept.
            packets_lost: (loss << 8) as i32 >> 8,
            highest_sequence: u32_at(bytes, 8)?,
            jitter: u32_at(bytes, 12)?,
            last_sender_report: u32_at(bytes, 16)?,
            delay_since: u32_at(bytes, 20)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = self.packets_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        let words = [
            self.ssrc,
            u32::from(self.fraction_lost) << 24 | lost,
            self.highest_sequence,
            self.jitter,
            self.last_sender_report,
            self.delay_since,
        ];
        words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    }
}

/// The blocks of a sender or receiver report.
pub(super) fn read_blocks(count: u8, body: &mut Body<'_, '_>) -> Vec<ReportBlock> {
    let mut blocks = Vec::new();
    while blocks.len() < usize::from(count) {
        match body.bytes.get(..BLOCK_LENGTH).and_then(ReportBlock::parse) {
            Some(block) => blocks.push(block),
            None => {
                body.problem(ProblemKind::Count { announced: count, found: blocks.len() as u8 });
                // What is left is part of a block, not a profile extension.
                body.bytes = &[];
                break;
            }
        }
        body.take(BLOCK_LENGTH);
    }
    blocks
}

/// Writes as many blocks as a header can count and gives their number.
pub(super) fn write_blocks(blocks: &[ReportBlock], out: &mut Vec<u8>) -> u8 {
    let count = blocks.len().min(COUNT_MAX);
    blocks.iter().take(count).for_each(|block| block.write(out));
    count as u8
}
