use crate::rtp;

/// Interarrival jitter of one stream (RFC 3550 section 6.4.1 and appendix A.8).
///
/// Give it the packets of one SSRC in order of arrival, without comfort noise and telephone events: their timestamps
/// stand still or jump by design.
#[derive(Clone, Debug)]
pub struct Jitter {
    clock_hz: u32,
    /// In timestamp units.
    value: f64,
    previous: Option<Previous>,
}

#[derive(Clone, Copy, Debug)]
struct Previous {
    arrival_micros: i64,
    timestamp: u32,
    payload_type: u8,
}

/// A step this far from the stream's own clock is a new talk spurt or a restarted sender, not jitter: no jitter
/// buffer holds two seconds.
const JUMP_SECONDS: f64 = 2.0;

impl Jitter {
    /// For the clock negotiated in SDP, which is not always the sampling rate: G.722 says 8000, Opus 48000.
    pub fn new(clock_hz: u32) -> Self {
        Self { clock_hz: clock_hz.max(1), value: 0.0, previous: None }
    }

    /// Takes one packet into account.
    pub fn push(&mut self, arrival_micros: i64, packet: &rtp::Packet<'_>) {
        let now = Previous { arrival_micros, timestamp: packet.timestamp, payload_type: packet.payload_type };
        let previous = self.previous.replace(now);
        let Some(previous) = previous else { return };
        // The marker bit begins a talk spurt: the pause before it is not jitter.
        if packet.marker || previous.payload_type != now.payload_type {
            return;
        }
        let arrived_micros = arrival_micros.saturating_sub(previous.arrival_micros);
        let arrived = arrived_micros as f64 * f64::from(self.clock_hz) / 1e6;
        let sent = f64::from(now.timestamp.wrapping_sub(previous.timestamp) as i32);
        let difference = (arrived - sent).abs();
        if difference > JUMP_SECONDS * f64::from(self.clock_hz) {
            return;
        }
        self.value += (difference - self.value) / 16.0;
    }

    /// In timestamp units, as reports carry it.
    pub fn units(&self) -> u32 {
        self.value as u32
    }

    /// In microseconds.
    pub fn micros(&self) -> f64 {
        self.value * 1e6 / f64::from(self.clock_hz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(timestamp: u32, marker: bool, payload_type: u8) -> rtp::Packet<'static> {
        rtp::Packet { timestamp, marker, payload_type, ..rtp::Packet::default() }
    }

    #[test]
    fn stays_zero_on_an_even_stream_and_follows_the_formula_on_an_uneven_one() {
        let mut jitter = Jitter::new(8000);
        for index in 0..100_u32 {
            let timestamp = (u32::MAX - 8000).wrapping_add(index * 160);
            jitter.push(i64::from(index) * 20_000, &packet(timestamp, false, 0));
        }
        assert_eq!(jitter.units(), 0, "timestamps may wrap");

        let mut jitter = Jitter::new(8000);
        jitter.push(0, &packet(0, false, 0));
        jitter.push(30_000, &packet(160, false, 0)); // 10 ms late: D = 80
        assert_eq!(jitter.micros(), 80.0 / 16.0 * 125.0);
        jitter.push(40_000, &packet(320, false, 0)); // D = -80
        assert_eq!(jitter.micros(), (5.0 + 75.0 / 16.0) * 125.0);
    }

    #[test]
    fn ignores_pauses_jumps_and_codec_changes() {
        let mut jitter = Jitter::new(8000);
        jitter.push(0, &packet(0, false, 0));
        jitter.push(5_000_000, &packet(160, true, 0));
        jitter.push(5_020_000, &packet(900_000_000, false, 0));
        jitter.push(5_040_000, &packet(7, false, 8));
        jitter.push(i64::MAX, &packet(8, false, 8));
        jitter.push(i64::MIN, &packet(9, false, 8));
        assert_eq!(jitter.units(), 0);
    }
}
