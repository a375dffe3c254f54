use crate::bytes::u64_at;
use crate::time::NtpTime;

/// A receiver's clock, so that it can measure round trips though it sends no media (RFC 3611 section 4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReferenceTime {
    /// When this report was sent.
    pub time: NtpTime,
}

impl ReferenceTime {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        Some(Self { time: NtpTime(u64_at(body, 0)?) })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.time.0.to_be_bytes());
        0
    }
}
