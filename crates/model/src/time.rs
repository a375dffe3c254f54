use std::fmt;

/// Microseconds since 1970-01-01 UTC: the one clock unit of the product (HEP carries microseconds, Parquet and
/// Delta keep microseconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    pub const SECOND: i64 = 1_000_000;
    pub const MINUTE: i64 = 60 * Self::SECOND;
    pub const HOUR: i64 = 60 * Self::MINUTE;
    pub const DAY: i64 = 24 * Self::HOUR;

    /// From the two words HEP carries. `micros` may exceed a second (some senders do that): it is added as is.
    pub const fn from_parts(seconds: u32, micros: u32) -> Self {
        Self(seconds as i64 * Self::SECOND + micros as i64)
    }

    /// From RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(|time: jiff::Timestamp| Self(time.as_microsecond()))
    }

    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(Self::SECOND)
    }

    /// The part below a second, always 0..1,000,000.
    pub const fn subsecond_micros(self) -> u32 {
        self.0.rem_euclid(Self::SECOND) as u32
    }
}

impl fmt::Display for Micros {
    /// RFC 3339 in UTC with six digits, as in `2026-11-21T03:20:00.000123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            Err(_) => write!(f, "{} us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rfc_3339() {
        assert_eq!(Micros::parse("2020-06-24T05:16:26.669278Z"), Some(Micros(1_592_975_786_669_278)));
        assert_eq!(Micros::parse("2020-06-24T07:16:26+02:00"), Some(Micros(1_592_975_786_000_000)));
        assert_eq!(Micros::parse("0"), None);
    }

    #[test]
    fn shows_rfc_3339_with_six_digits() {
        assert_eq!(Micros::from_parts(1_592_975_786, 669_278).to_string(), "2020-06-24T05:16:26.669278Z");
        assert_eq!(Micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Micros(-1).subsecond_micros(), 999_999);
        assert_eq!(Micros(i64::MAX).to_string(), "9223372036854775807 us");
    }
}
