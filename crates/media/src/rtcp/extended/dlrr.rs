use crate::time::{NtpTime, round_trip_micros};

/// Answers to [`ReferenceTime`](super::ReferenceTime) blocks (RFC 3611 section 4.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dlrr {
    /// One for each receiver answered.
    pub items: Vec<DlrrItem>,
}

/// One answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DlrrItem {
    /// The receiver answered.
    pub ssrc: u32,
    /// Middle 32 bits of its last reference time; 0 if none came.
    pub last_receiver_report: u32,
    /// From that report's arrival to this one's departure, in 1/65,536 s.
    pub delay_since: u32,
}

impl DlrrItem {
    /// Round trip, seen by the receiver when this answer arrives.
    pub fn round_trip_micros(&self, arrival: NtpTime) -> Option<i64> {
        round_trip_micros(arrival, self.last_receiver_report, self.delay_since)
    }
}

impl Dlrr {
    pub(super) fn parse(body: &[u8]) -> Self {
        let (words, _) = body.as_chunks::<4>();
        let (triples, _) = words.as_chunks::<3>();
        let items = triples.iter().map(|triple| {
            let [ssrc, last_receiver_report, delay_since] = triple.map(u32::from_be_bytes);
            DlrrItem { ssrc, last_receiver_report, delay_since }
        });
        Self { items: items.collect() }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        for item in &self.items {
            for word in [item.ssrc, item.last_receiver_report, item.delay_since] {
                out.extend_from_slice(&word.to_be_bytes());
            }
        }
        0
    }
}
