use std::fmt;

/// Seconds from 1900 (the NTP epoch) to 1970.
const NTP_TO_UNIX_SECONDS: i64 = 2_208_988_800;

/// A 64-bit NTP time: seconds since 1900 and a binary fraction (RFC 3550 section 4).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From the two words of a sender report.
    pub const fn from_parts(seconds: u32, fraction: u32) -> Self {
        Self((seconds as u64) << 32 | fraction as u64)
    }

    /// From microseconds since 1970. Times outside the NTP era of 1900 to 2036 wrap, as on the wire.
    pub const fn from_unix_micros(micros: i64) -> Self {
        let seconds = micros.div_euclid(1_000_000).wrapping_add(NTP_TO_UNIX_SECONDS) as u32;
        let fraction = ((micros.rem_euclid(1_000_000) as u64) << 32) / 1_000_000;
        Self::from_parts(seconds, fraction as u32)
    }

    /// Whole seconds since 1900.
    pub const fn seconds(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Part of a second, in units of 2^-32 s.
    pub const fn fraction(self) -> u32 {
        self.0 as u32
    }

    /// Microseconds since 1970, rounded to the nearest. Zero, which senders without a clock use, is `None`.
    pub const fn unix_micros(self) -> Option<i64> {
        if self.0 == 0 {
            return None;
        }
        let micros = (self.fraction() as u64 * 1_000_000 + (1 << 31)) >> 32;
        Some((self.seconds() as i64 - NTP_TO_UNIX_SECONDS) * 1_000_000 + micros as i64)
    }

    /// The middle 32 bits, as `LSR` carries them: units of 1/65,536 s.
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

impl fmt::Debug for NtpTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NtpTime({}.{:08x})", self.seconds(), self.fraction())
    }
}

/// Round trip in microseconds: arrival of the report less `LSR` less `DLSR`, all middle NTP words
/// (RFC 3550 section 6.4.1).
///
/// `None` where there was no sender report yet (`LSR` 0) and where clocks or counters give a negative time.
pub fn round_trip_micros(arrival: NtpTime, last_sender_report: u32, delay_since: u32) -> Option<i64> {
    if last_sender_report == 0 {
        return None;
    }
    // The middle words wrap every 18 hours; a difference in the upper half is a negative number.
    let units = arrival.middle().wrapping_sub(last_sender_report).wrapping_sub(delay_since) as i32;
    (units >= 0).then(|| (i64::from(units) * 1_000_000) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of RFC 3550 section 6.4.1, figure 2.
    #[test]
    fn computes_the_round_trip_of_the_rfc() {
        let arrival = NtpTime::from_parts(0x0000_b710, 0x8000_0000);
        assert_eq!(arrival.middle(), 0xb710_8000);
        assert_eq!(round_trip_micros(arrival, 0xb705_2000, 0x0005_4000), Some(6_125_000));
    }

    #[test]
    fn rejects_what_cannot_be_a_round_trip() {
        let arrival = NtpTime::from_parts(100, 0);
        assert_eq!(round_trip_micros(arrival, 0, 0), None);
        assert_eq!(round_trip_micros(arrival, 100 << 16, 1), None, "negative");
        let wrapped = NtpTime::from_parts(0x0001_0000, 0);
        assert_eq!(round_trip_micros(wrapped, 0xffff_0000, 0), Some(1_000_000), "across the wrap");
    }

    #[test]
    fn converts_to_and_from_unix_time() {
        let micros = 1_592_975_786_669_278;
        let time = NtpTime::from_unix_micros(micros);
        assert_eq!(time.seconds(), 3_801_964_586);
        assert_eq!(time.unix_micros(), Some(micros));
        assert_eq!(NtpTime::default().unix_micros(), None);
    }
}
