use crate::bytes::{array, u16_at, u32_at};

/// Counts over a range of packets (RFC 3611 section 4.6). What the sender did not count is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The source reported on.
    pub ssrc: u32,
    /// First sequence number of the range.
    pub begin_sequence: u16,
    /// One past the last.
    pub end_sequence: u16,
    /// Packets lost.
    pub lost: Option<u32>,
    /// Packets received twice.
    pub duplicates: Option<u32>,
    /// Jitter in timestamp units.
    pub jitter: Option<Spread<u32>>,
    /// Time to live or hop limit on arrival.
    pub hops: Option<Hops>,
}

/// How a value was distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread<T> {
    /// Smallest.
    pub min: T,
    /// Largest.
    pub max: T,
    /// Mean.
    pub mean: T,
    /// Standard deviation.
    pub deviation: T,
}

/// TTL of IPv4 or hop limit of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hops {
    /// TTL.
    Ipv4(Spread<u8>),
    /// Hop limit.
    Ipv6(Spread<u8>),
}

const LOST: u8 = 0x80;
const DUPLICATES: u8 = 0x40;
const JITTER: u8 = 0x20;

impl Statistics {
    pub(super) fn parse(flags: u8, body: &[u8]) -> Option<Self> {
        let [min, max, mean, deviation] = array(body, 32)?;
        let hops = Spread { min, max, mean, deviation };
        let jitter = Spread {
            min: u32_at(body, 16)?,
            max: u32_at(body, 20)?,
            mean: u32_at(body, 24)?,
            deviation: u32_at(body, 28)?,
        };
        Some(Self {
            ssrc: u32_at(body, 0)?,
            begin_sequence: u16_at(body, 4)?,
            end_sequence: u16_at(body, 6)?,
            lost: u32_at(body, 8).filter(|_| flags & LOST != 0),
            duplicates: u32_at(body, 12).filter(|_| flags & DUPLICATES != 0),
            jitter: (flags & JITTER != 0).then_some(jitter),
            hops: match (flags >> 3) & 0b11 {
                1 => Some(Hops::Ipv4(hops)),
                2 => Some(Hops::Ipv6(hops)),
                _ => None,
            },
        })
    }

    /// Writes the block's content and gives its flags.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&self.begin_sequence.to_be_bytes());
        out.extend_from_slice(&self.end_sequence.to_be_bytes());
        let jitter = self.jitter.unwrap_or_default();
        let words = [
            self.lost.unwrap_or_default(),
            self.duplicates.unwrap_or_default(),
            jitter.min,
            jitter.max,
            jitter.mean,
            jitter.deviation,
        ];
        words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
        let (hops_flag, hops) = match self.hops {
            None => (0, Spread::default()),
            Some(Hops::Ipv4(hops)) => (1 << 3, hops),
            Some(Hops::Ipv6(hops)) => (2 << 3, hops),
        };
        out.extend_from_slice(&[hops.min, hops.max, hops.mean, hops.deviation]);
        let counted = [
            (self.lost.is_some(), LOST),
            (self.duplicates.is_some(), DUPLICATES),
            (self.jitter.is_some(), JITTER),
        ];
        counted.iter().filter(|(is, _)| *is).fold(hops_flag, |flags, (_, flag)| flags | flag)
    }
}
