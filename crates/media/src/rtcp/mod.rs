//! RTCP: compound packets of reports (RFC 3550 section 6, RFC 3611), one file for each kind.
//!
//! Reading never fails: [`Compound::read`] gives every report that can be made out and the problems met on the way.

mod app;
mod block;
mod bye;
pub mod extended;
mod problem;
mod receiver;
mod sender;
mod source_description;

pub use app::App;
pub use block::ReportBlock;
pub use bye::Bye;
pub use extended::Extended;
pub use problem::{Problem, ProblemKind};
pub use receiver::ReceiverReport;
pub use sender::SenderReport;
pub use source_description::{Chunk, Item, SourceDescription};

use crate::bytes::{u8_at, u16_at};

/// The reports of one datagram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compound<'a> {
    /// In order, as far as they can be told apart.
    pub reports: Vec<Report<'a>>,
    /// What is wrong, with its place. An empty list means: as the RFC says.
    pub problems: Vec<Problem>,
}

/// One packet of a compound.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Report<'a> {
    /// 204: defined by an application.
    App(App<'a>),
    /// 203: sources leave.
    Bye(Bye<'a>),
    /// 207: extended report.
    Extended(Extended<'a>),
    /// Any other type (205, 206: feedback), unread.
    Other {
        /// Packet type.
        packet_type: u8,
        /// The five bits beside the version.
        count: u8,
        /// What follows the four bytes of header.
        body: &'a [u8],
    },
    /// 201: what a receiver saw.
    Receiver(ReceiverReport<'a>),
    /// 200: what a sender sent, and saw.
    Sender(SenderReport<'a>),
    /// 202: names of sources.
    SourceDescription(SourceDescription<'a>),
}

impl<'a> Compound<'a> {
    /// Reads the reports of one datagram. Work and memory are linear in its length.
    pub fn read(bytes: &'a [u8]) -> Self {
        let mut compound = Self::default();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (Some(first), Some(packet_type), Some(words)) =
                (u8_at(rest, 0), u8_at(rest, 1), u16_at(rest, 2))
            else {
                compound.problems.push(Problem { at, kind: ProblemKind::Truncated });
                break;
            };
            if first >> 6 != 2 {
                // Without the version nothing says that this is RTCP, nor where the next packet would begin.
                compound.problems.push(Problem { at, kind: ProblemKind::Version(first >> 6) });
                break;
            }
            let length = 4 + usize::from(words) * 4;
            if length > rest.len() {
                compound.problems.push(Problem { at, kind: ProblemKind::Truncated });
            }
            let packet = rest.get(..length).unwrap_or(rest);
            let mut reader = Body {
                at: at + 4,
                bytes: packet.get(4..).unwrap_or_default(),
                problems: &mut compound.problems,
            };
            if first & 0x20 != 0 {
                reader.cut_padding();
            }
            let report = Report::read(packet_type, first & 0x1f, &mut reader);
            compound.reports.push(report);
            at += length;
        }
        compound
    }

    /// The compound as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.reports.iter().for_each(|report| report.write(&mut bytes));
        bytes
    }
}

impl<'a> Report<'a> {
    fn read(packet_type: u8, count: u8, body: &mut Body<'a, '_>) -> Self {
        match packet_type {
            200 => Self::Sender(SenderReport::read(count, body)),
            201 => Self::Receiver(ReceiverReport::read(count, body)),
            202 => Self::SourceDescription(SourceDescription::read(count, body)),
            203 => Self::Bye(Bye::read(count, body)),
            204 => Self::App(App::read(count, body)),
            207 => Self::Extended(Extended::read(body)),
            _ => Self::Other { packet_type, count, body: body.bytes },
        }
    }

    /// The number on the wire.
    pub fn packet_type(&self) -> u8 {
        match self {
            Self::Sender(_) => 200,
            Self::Receiver(_) => 201,
            Self::SourceDescription(_) => 202,
            Self::Bye(_) => 203,
            Self::App(_) => 204,
            Self::Extended(_) => 207,
            Self::Other { packet_type, .. } => *packet_type,
        }
    }

    /// Appends the packet. Lists are cut to the 31 entries a header can count.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0x80, self.packet_type(), 0, 0]);
        let count = match self {
            Self::Sender(report) => report.write(out),
            Self::Receiver(report) => report.write(out),
            Self::SourceDescription(report) => report.write(out),
            Self::Bye(report) => report.write(out),
            Self::App(report) => report.write(out),
            Self::Extended(report) => report.write(out),
            Self::Other { count, body, .. } => {
                out.extend_from_slice(body);
                *count
            }
        };
        out.resize(start + (out.len() - start).next_multiple_of(4), 0);
        let words = ((out.len() - start) / 4 - 1) as u16;
        let head = [0x80 | (count & COUNT_MAX as u8), self.packet_type()];
        if let Some(field) = out.get_mut(start..start + 4) {
            let [high, low] = words.to_be_bytes();
            field.copy_from_slice(&[head[0], head[1], high, low]);
        }
    }
}

/// Entries that the five count bits of a header can announce.
const COUNT_MAX: usize = 31;

/// What follows a packet's header, and where to complain.
struct Body<'a, 'p> {
    /// Position in the datagram.
    at: usize,
    bytes: &'a [u8],
    problems: &'p mut Vec<Problem>,
}

impl<'a> Body<'a, '_> {
    /// Said once for each place: every field behind the end of a packet is missing for the same reason.
    fn problem(&mut self, kind: ProblemKind) {
        let problem = Problem { at: self.at, kind };
        if self.problems.last() != Some(&problem) {
            self.problems.push(problem);
        }
    }

    /// Moves past the next `length` bytes and gives them, if they are there.
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        self.at += length;
        Some(taken)
    }

    /// The next word; zero, with a problem, when the packet ends before it.
    fn word(&mut self) -> u32 {
        match self.take(4).and_then(|word| word.first_chunk()) {
            Some(word) => u32::from_be_bytes(*word),
            None => {
                self.problem(ProblemKind::Truncated);
                self.bytes = &[];
                0
            }
        }
    }

    /// The last byte counts the padding, itself included (RFC 3550 section 6.4.1).
    fn cut_padding(&mut self) {
        let padding = self.bytes.last().copied().unwrap_or_default();
        let length = self.bytes.len().checked_sub(usize::from(padding)).filter(|_| padding > 0);
        match length.and_then(|length| self.bytes.get(..length)) {
            Some(kept) => self.bytes = kept,
            None => self.problem(ProblemKind::Padding(padding)),
        }
    }
}
