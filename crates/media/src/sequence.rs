/// Counts what arrived against what was sent, from RTP sequence numbers alone (RFC 3550 appendices A.1 and A.3).
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    started: bool,
    base: u32,
    highest: u16,
    cycles: u32,
    /// Where a restarted sender would go on.
    restart_at: Option<u16>,
    received: u64,
    expected_before: i64,
    received_before: u64,
}

/// What one packet meant for the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next one, or one behind a gap of `missing`.
    InOrder {
        /// Numbers jumped over; some may still come late.
        missing: u16,
    },
    /// A number that was passed already: late, or a duplicate.
    Late,
    /// A number far from the others; not counted unless the next one follows it.
    Stray,
    /// The sender began anew; the count too.
    Restarted,
}

/// The count since the last call of [`Sequence::interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Packets sent, as far as the numbers tell.
    pub expected: u32,
    /// Sent less received; negative with duplicates.
    pub lost: i64,
    /// Loss as reports carry it: 256ths, never negative.
    pub fraction: u8,
}

/// Largest step forward that still counts as loss, and largest step back that counts as late (RFC 3550 appendix A.1).
const DROPOUT_MAX: u16 = 3000;
const MISORDER_MAX: u16 = 100;

impl Sequence {
    /// An empty count.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one packet into account.
    pub fn push(&mut self, number: u16) -> Arrival {
        if !self.started {
            self.restart(number);
            return Arrival::InOrder { missing: 0 };
        }
        let step = number.wrapping_sub(self.highest);
        if (1..DROPOUT_MAX).contains(&step) {
            if number < self.highest {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.highest = number;
            self.received += 1;
            return Arrival::InOrder { missing: step - 1 };
        }
        if step == 0 || step > u16::MAX - MISORDER_MAX {
            self.received += 1;
            return Arrival::Late;
        }
        if self.restart_at == Some(number) {
            self.restart(number);
            return Arrival::Restarted;
        }
        self.restart_at = Some(number.wrapping_add(1));
        Arrival::Stray
    }

    /// Packets sent since the first one seen.
    pub fn expected(&self) -> u32 {
        match self.started {
            true => self.extended_highest().wrapping_sub(self.base).wrapping_add(1),
            false => 0,
        }
    }

    /// Packets that arrived, late and repeated ones included.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Sent less received, kept within the 24 signed bits of a report.
    pub fn lost(&self) -> i32 {
        let lost = i64::from(self.expected()) - self.received as i64;
        lost.clamp(-0x80_0000, 0x7f_ffff) as i32
    }

    /// Highest number with the count of wraps above it, as reports carry it.
    pub fn extended_highest(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.highest))
    }

    /// The count since the last call, which begins the next interval.
    pub fn interval(&mut self) -> Interval {
        let expected = i64::from(self.expected()) - self.expected_before;
        let received = self.received - self.received_before;
        self.expected_before = i64::from(self.expected());
        self.received_before = self.received;
        let lost = expected - received as i64;
        let fraction = if expected > 0 && lost > 0 { ((lost << 8) / expected).min(255) as u8 } else { 0 };
        Interval { expected: expected.max(0) as u32, lost, fraction }
    }

    fn restart(&mut self, number: u16) {
        *self =
            Self { started: true, base: u32::from(number), highest: number, received: 1, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_loss_across_the_wrap() {
        let mut sequence = Sequence::new();
        for number in (65_500..=65_535).chain(0..=9).chain(20..=99) {
            sequence.push(number);
        }
        assert_eq!(sequence.expected(), 136);
        assert_eq!(sequence.lost(), 10);
        assert_eq!(sequence.extended_highest(), 0x1_0000 + 99);
        assert_eq!(
            sequence.interval(),
            Interval { expected: 136, lost: 10, fraction: (10 * 256 / 136) as u8 }
        );
        assert_eq!(sequence.interval(), Interval { expected: 0, lost: 0, fraction: 0 });
    }

    #[test]
    fn lets_duplicates_make_loss_negative() {
        let mut sequence = Sequence::new();
        for number in [5, 6, 6, 7, 7] {
            sequence.push(number);
        }
        assert_eq!((sequence.expected(), sequence.lost()), (3, -2));
        assert_eq!(sequence.interval().fraction, 0);
    }

    #[test]
    fn restarts_only_when_two_strays_follow_each_other() {
        let mut sequence = Sequence::new();
        sequence.push(1000);
        assert_eq!(sequence.push(30_000), Arrival::Stray);
        assert_eq!(sequence.push(1001), Arrival::InOrder { missing: 0 });
        assert_eq!(sequence.lost(), 0);
        assert_eq!(sequence.push(40_000), Arrival::Stray);
        assert_eq!(sequence.push(40_001), Arrival::Restarted);
        assert_eq!(sequence.expected(), 1);
        assert_eq!(sequence.push(40_000), Arrival::Late);
    }
}
