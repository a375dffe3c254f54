//! Extended reports (RFC 3611): a list of blocks, one file for each kind understood.

mod dlrr;
mod reference_time;
mod statistics;
mod voip;

pub use dlrr::{Dlrr, DlrrItem};
pub use reference_time::ReferenceTime;
pub use statistics::{Hops, Spread, Statistics};
pub use voip::{Concealment, JitterBuffer, VoipMetrics};

use super::{Body, ProblemKind};
use crate::bytes::{u8_at, u16_at};

/// An extended report (packet type 207).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extended<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// In order.
    pub blocks: Vec<Block<'a>>,
}

/// One block of an extended report.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Block<'a> {
    /// 5: answers to reference times.
    Dlrr(Dlrr),
    /// Any other kind (1 to 3: run lengths and packet times), or one too short for its kind.
    Other {
        /// Block type.
        kind: u8,
        /// The byte behind it.
        specific: u8,
        /// What follows the four bytes of header.
        body: &'a [u8],
    },
    /// 4: a receiver's clock.
    ReferenceTime(ReferenceTime),
    /// 6: loss, duplicates, jitter and hops over a range of packets.
    Statistics(Statistics),
    /// 7: the quality of a voice stream.
    Voip(VoipMetrics),
}

impl<'a> Extended<'a> {
    pub(super) fn read(body: &mut Body<'a, '_>) -> Self {
        let mut report = Self { ssrc: body.word(), blocks: Vec::new() };
        while !body.bytes.is_empty() {
            let (Some(kind), Some(specific), Some(words)) =
                (u8_at(body.bytes, 0), u8_at(body.bytes, 1), u16_at(body.bytes, 2))
            else {
                body.problem(ProblemKind::Truncated);
                break;
            };
            let length = 4 + usize::from(words) * 4;
            if length > body.bytes.len() {
                body.problem(ProblemKind::Truncated);
            }
            let content = body.take(length.min(body.bytes.len())).and_then(|block| block.get(4..));
            let content = content.unwrap_or_default();
            let block = Block::parse(kind, specific, content).unwrap_or_else(|| {
                body.problem(ProblemKind::Truncated);
                Block::Other { kind, specific, body: content }
            });
            report.blocks.push(block);
        }
        report
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        self.blocks.iter().for_each(|block| block.write(out));
        0
    }
}

impl<'a> Block<'a> {
    /// `None` when the block is too short for its kind.
    fn parse(kind: u8, specific: u8, body: &'a [u8]) -> Option<Self> {
        match kind {
            4 => ReferenceTime::parse(body).map(Self::ReferenceTime),
            5 => Some(Self::Dlrr(Dlrr::parse(body))),
            6 => Statistics::parse(specific, body).map(Self::Statistics),
            7 => VoipMetrics::parse(body).map(Self::Voip),
            _ => Some(Self::Other { kind, specific, body }),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        let (kind, specific) = match self {
            Self::ReferenceTime(block) => (4, block.write(out)),
            Self::Dlrr(block) => (5, block.write(out)),
            Self::Statistics(block) => (6, block.write(out)),
            Self::Voip(block) => (7, block.write(out)),
            Self::Other { kind, specific, body } => {
                out.extend_from_slice(body);
                (*kind, *specific)
            }
        };
        out.resize(start + (out.len() - start).next_multiple_of(4), 0);
        let [high, low] = (((out.len() - start) / 4 - 1) as u16).to_be_bytes();
        if let Some(head) = out.get_mut(start..start + 4) {
            head.copy_from_slice(&[kind, specific, high, low]);
        }
    }
}
