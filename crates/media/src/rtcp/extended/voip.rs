use crate::bytes::{array, u8_at, u16_at, u32_at};

/// The quality of a voice stream as its receiver measured it (RFC 3611 section 4.7).
///
/// Rates and densities are 256ths, 127 in R factors, MOS and levels means "not available": the methods turn both
/// into plain numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VoipMetrics {
    /// The source reported on.
    pub ssrc: u32,
    /// Packets lost in the network, 256ths.
    pub loss_rate: u8,
    /// Packets that came too late for the jitter buffer, 256ths.
    pub discard_rate: u8,
    /// Loss and discard inside bursts, 256ths.
    pub burst_density: u8,
    /// Loss and discard between bursts, 256ths.
    pub gap_density: u8,
    /// Mean length of bursts.
    pub burst_duration_ms: u16,
    /// Mean length of gaps.
    pub gap_duration_ms: u16,
    /// Last round trip measured.
    pub round_trip_delay_ms: u16,
    /// Delay inside the receiver: buffer, decoder, playout.
    pub end_system_delay_ms: u16,
    /// Speech level in dBm0.
    pub signal_level: i8,
    /// Level of the silence in dBm0.
    pub noise_level: i8,
    /// Residual echo return loss in dB.
    pub echo_return_loss: u8,
    /// Good packets that end a burst; 16 by custom.
    pub gap_minimum: u8,
    /// R factor of this stream, 0 to 100.
    pub r_factor: u8,
    /// R factor of a segment outside, such as a mobile network.
    pub external_r_factor: u8,
    /// MOS for listening, times ten.
    pub mos_lq: u8,
    /// MOS for conversation, times ten.
    pub mos_cq: u8,
    /// Concealment and jitter buffer kind: see [`VoipMetrics::concealment`] and [`VoipMetrics::jitter_buffer`].
    pub receiver_configuration: u8,
    /// Delay the buffer aims at.
    pub buffer_nominal_ms: u16,
    /// Delay of the earliest packet that would still be played.
    pub buffer_maximum_ms: u16,
    /// Delay the buffer can grow to.
    pub buffer_absolute_maximum_ms: u16,
}

/// What a receiver plays for a lost packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concealment {
    /// Silence.
    Disabled,
    /// An enhanced guess.
    Enhanced,
    /// A simple repetition.
    Standard,
    /// Not said.
    Unspecified,
}

/// Kind of jitter buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JitterBuffer {
    /// Follows the network.
    Adaptive,
    /// Stays as configured.
    Fixed,
    /// Not said.
    Unknown,
}

/// Stands for "not available" in R factors, MOS, levels and echo return loss.
const UNAVAILABLE: u8 = 127;

impl VoipMetrics {
    /// Loss before the jitter buffer.
    pub fn loss_percent(&self) -> f64 {
        f64::from(self.loss_rate) * 100.0 / 256.0
    }

    /// What the jitter buffer threw away.
    pub fn discard_percent(&self) -> f64 {
        f64::from(self.discard_rate) * 100.0 / 256.0
    }

    /// R factor, if measured.
    pub fn r_factor(&self) -> Option<u8> {
        available(self.r_factor)
    }

    /// MOS for listening, if measured.
    pub fn mos_lq(&self) -> Option<f64> {
        available(self.mos_lq).map(|mos| f64::from(mos) / 10.0)
    }

    /// MOS for conversation, if measured.
    pub fn mos_cq(&self) -> Option<f64> {
        available(self.mos_cq).map(|mos| f64::from(mos) / 10.0)
    }

    /// What is played for lost packets.
    pub fn concealment(&self) -> Concealment {
        match self.receiver_configuration >> 6 {
            1 => Concealment::Disabled,
            2 => Concealment::Enhanced,
            3 => Concealment::Standard,
            _ => Concealment::Unspecified,
        }
    }

    /// Kind of jitter buffer.
    pub fn jitter_buffer(&self) -> JitterBuffer {
        match (self.receiver_configuration >> 4) & 0b11 {
            2 => JitterBuffer::Fixed,
            3 => JitterBuffer::Adaptive,
            _ => JitterBuffer::Unknown,
        }
    }

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let [loss_rate, discard_rate, burst_density, gap_density] = array(body, 4)?;
        let [signal_level, noise_level, echo_return_loss, gap_minimum] = array(body, 16)?;
        let [r_factor, external_r_factor, mos_lq, mos_cq] = array(body, 20)?;
        Some(Self {
            ssrc: u32_at(body, 0)?,
            loss_rate,
            discard_rate,
            burst_density,
            gap_density,
            burst_duration_ms: u16_at(body, 8)?,
            gap_duration_ms: u16_at(body, 10)?,
            round_trip_delay_ms: u16_at(body, 12)?,
            end_system_delay_ms: u16_at(body, 14)?,
            signal_level: signal_level.cast_signed(),
            noise_level: noise_level.cast_signed(),
            echo_return_loss,
            gap_minimum,
            r_factor,
            external_r_factor,
            mos_lq,
            mos_cq,
            receiver_configuration: u8_at(body, 24)?,
            buffer_nominal_ms: u16_at(body, 26)?,
            buffer_maximum_ms: u16_at(body, 28)?,
            buffer_absolute_maximum_ms: u16_at(body, 30)?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[self.loss_rate, self.discard_rate, self.burst_density, self.gap_density]);
        for field in
            [self.burst_duration_ms, self.gap_duration_ms, self.round_trip_delay_ms, self.end_system_delay_ms]
        {
            out.extend_from_slice(&field.to_be_bytes());
        }
        let levels = [self.signal_level.cast_unsigned(), self.noise_level.cast_unsigned()];
        out.extend_from_slice(&levels);
        out.extend_from_slice(&[self.echo_return_loss, self.gap_minimum]);
        out.extend_from_slice(&[self.r_factor, self.external_r_factor, self.mos_lq, self.mos_cq]);
        out.extend_from_slice(&[self.receiver_configuration, 0]);
        for field in [self.buffer_nominal_ms, self.buffer_maximum_ms, self.buffer_absolute_maximum_ms] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        0
    }
}

fn available(value: u8) -> Option<u8> {
    Some(value).filter(|value| *value != UNAVAILABLE)
}
