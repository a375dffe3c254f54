//! The E-model: from codec, loss, burstiness and delay to an R factor and a MOS (ITU-T G.107, G.107.1, G.107.2).
//!
//! ```text
//! R      = Ro - Id - Ie,eff                       Ro = 93.2 narrowband, 129 wideband, 148 fullband
//! Ie,eff = Ie + (95 - Ie) * Ppl / (Ppl / BurstR + Bpl)          132 instead of 95 for fullband
//! MOS    = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6              of R, R / 1.29, R / 1.48; never below 1
//! ```
//!
//! All other inputs of the model stay at their defaults. Ppl is the loss that the listener hears: what the network
//! lost and what the jitter buffer threw away.

/// How much of the voice spectrum a codec carries; scores of different bands have different scales of R.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Band {
    /// Telephone band, 300 to 3,400 Hz.
    Narrow,
    /// 50 to 7,000 Hz.
    Wide,
    /// 20 to 20,000 Hz.
    Full,
}

/// How well a pair of codec parameters is known. Scores inherit it, and must show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// No standard gives this pair, or only one source does.
    Estimated,
    /// In ITU-T G.113 appendix I, seen in two sources.
    Published,
}

/// What a codec costs by itself and how well it bears loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Codec {
    /// Codec and mode, for people.
    pub name: &'static str,
    /// Scale of the score.
    pub band: Band,
    /// Equipment impairment without loss.
    pub ie: f64,
    /// Robustness against loss.
    pub bpl: f64,
    /// How well the pair is known.
    pub confidence: Confidence,
}

/// The codecs known, by band. SDP names lead to them through [`codec`].
pub const CODECS: [Codec; 16] = {
    use Band::{Full, Narrow, Wide};
    use Confidence::{Estimated, Published};
    [
        Codec { name: "G.711", band: Narrow, ie: 0.0, bpl: 25.1, confidence: Published },
        Codec { name: "G.711 without concealment", band: Narrow, ie: 0.0, bpl: 4.3, confidence: Published },
        Codec { name: "G.729", band: Narrow, ie: 10.0, bpl: 19.0, confidence: Published },
        Codec { name: "G.729A with VAD", band: Narrow, ie: 11.0, bpl: 19.0, confidence: Published },
        Codec { name: "G.723.1 6.3 kbit/s", band: Narrow, ie: 15.0, bpl: 16.1, confidence: Published },
        Codec { name: "G.723.1 5.3 kbit/s", band: Narrow, ie: 19.0, bpl: 16.1, confidence: Estimated },
        Codec { name: "GSM-FR", band: Narrow, ie: 20.0, bpl: 10.0, confidence: Estimated },
        Codec { name: "GSM-EFR", band: Narrow, ie: 5.0, bpl: 10.0, confidence: Estimated },
        Codec { name: "AMR 12.2 kbit/s", band: Narrow, ie: 5.0, bpl: 10.0, confidence: Estimated },
        Codec { name: "G.726 32 kbit/s", band: Narrow, ie: 7.0, bpl: 4.3, confidence: Estimated },
        Codec { name: "G.728 16 kbit/s", band: Narrow, ie: 7.0, bpl: 4.3, confidence: Estimated },
        Codec { name: "G.722 64 kbit/s", band: Wide, ie: 13.0, bpl: 4.9, confidence: Estimated },
        Codec { name: "AMR-WB 12.65 kbit/s", band: Wide, ie: 13.0, bpl: 4.3, confidence: Estimated },
        Codec { name: "AMR-WB 23.85 kbit/s", band: Wide, ie: 8.0, bpl: 4.9, confidence: Estimated },
        Codec { name: "Opus", band: Full, ie: 10.2, bpl: 4.3, confidence: Estimated },
        Codec { name: "EVS", band: Full, ie: 10.2, bpl: 4.3, confidence: Estimated },
    ]
};

/// The entry for an encoding name of SDP, in any case. Where the name leaves the mode open, the usual one is taken:
/// G.711 with concealment, G.729A with VAD as calls negotiate it unless they say `annexb=no`, the better AMR modes.
pub fn codec(encoding_name: &str) -> Option<&'static Codec> {
    let name = match encoding_name.to_ascii_uppercase().as_str() {
        "PCMU" | "PCMA" => "G.711",
        "G729" => "G.729A with VAD",
        "G723" => "G.723.1 6.3 kbit/s",
        "GSM" => "GSM-FR",
        "GSM-EFR" => "GSM-EFR",
        "AMR" => "AMR 12.2 kbit/s",
        "G726-32" => "G.726 32 kbit/s",
        "G728" => "G.728 16 kbit/s",
        "G722" => "G.722 64 kbit/s",
        "AMR-WB" => "AMR-WB 23.85 kbit/s",
        "OPUS" => "Opus",
        "EVS" => "EVS",
        _ => return None,
    };
    named(name)
}

/// The entry of [`CODECS`] with this name.
pub fn named(name: &str) -> Option<&'static Codec> {
    const TABLE: &[Codec] = &CODECS;
    TABLE.iter().find(|codec| codec.name == name)
}

/// What is known about a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs<'a> {
    /// What carries the voice.
    pub codec: &'a Codec,
    /// Lost and discarded packets, 0 to 100.
    pub loss_percent: f64,
    /// 1 for random loss, more for bursts: see [`burst_ratio`].
    pub burst_ratio: f64,
    /// Mouth to ear. `None` scores listening only.
    pub delay: Option<Delay>,
}

/// One-way delay and the curve to judge it by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// G.107 with perfect echo cancellation: free up to 100 ms.
    Exact {
        /// One way.
        millis: f64,
    },
    /// The straight lines commonly used for planning, which charge something for every millisecond.
    Planning {
        /// One way.
        millis: f64,
    },
}

impl<'a> Inputs<'a> {
    /// No loss, delay not considered.
    pub const fn perfect(codec: &'a Codec) -> Self {
        Self { codec, loss_percent: 0.0, burst_ratio: 1.0, delay: None }
    }
}

/// A score, with what one must know to compare it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// On the scale of its band: see [`Score::r_narrow`].
    pub r: f64,
    /// 1 to 4.5.
    pub mos: f64,
    /// Scale of `r`.
    pub band: Band,
    /// Delay was considered (CQ), or not (LQ).
    pub conversational: bool,
    /// How well the codec's parameters are known.
    pub confidence: Confidence,
}

impl Score {
    /// R on the narrowband scale of 0 to 100.
    pub fn r_narrow(&self) -> f64 {
        self.r / self.band.scale()
    }
}

impl Band {
    /// Ro - Is at default values.
    const fn r_max(self) -> f64 {
        match self {
            Self::Narrow => 93.2,
            Self::Wide => 129.0,
            Self::Full => 148.0,
        }
    }

    /// By what R is divided to read the MOS curve, which was drawn for narrowband.
    const fn scale(self) -> f64 {
        match self {
            Self::Narrow => 1.0,
            Self::Wide => 1.29,
            Self::Full => 1.48,
        }
    }

    /// The impairment at which everything is lost.
    const fn impairment_max(self) -> f64 {
        match self {
            Self::Narrow | Self::Wide => 95.0,
            Self::Full => 132.0,
        }
    }
}

/// Scores a stream. Numbers outside their range, infinite and undefined ones count as the nearest sensible value.
pub fn score(inputs: &Inputs<'_>) -> Score {
    let band = inputs.codec.band;
    let delay_impairment = match inputs.delay {
        None => 0.0,
        Some(Delay::Exact { millis }) => exact_delay_impairment(millis),
        Some(Delay::Planning { millis }) => planning_delay_impairment(millis),
    };
    // G.107.2 stretches the delay term with the scale, G.107.1 does not.
    let delay_scale = if band == Band::Full { band.scale() } else { 1.0 };
    let equipment = effective_impairment(inputs.codec, inputs.loss_percent, inputs.burst_ratio);
    let r = band.r_max() - delay_impairment * delay_scale - equipment;
    Score {
        r,
        mos: mos(r / band.scale()),
        band,
        conversational: inputs.delay.is_some(),
        confidence: inputs.codec.confidence,
    }
}

/// Ie,eff: what codec and loss cost together.
pub fn effective_impairment(codec: &Codec, loss_percent: f64, burst_ratio: f64) -> f64 {
    let loss = within(loss_percent, 100.0);
    let burst_ratio = burst_ratio.max(1.0);
    codec.ie + (codec.band.impairment_max() - codec.ie) * loss / (loss / burst_ratio + codec.bpl)
}

/// How bursty loss is: mean length of the bursts seen over the mean length that random loss of the same rate would
/// show. Never below 1.
pub fn burst_ratio(lost: u64, bursts: u64, loss_percent: f64) -> f64 {
    if bursts == 0 {
        return 1.0;
    }
    (lost as f64 / bursts as f64 * (1.0 - within(loss_percent, 100.0) / 100.0)).max(1.0)
}

/// MOS of an R factor on the narrowband scale. The polynomial dips below 1 near R = 3: floored, as the scale begins there.
pub fn mos(r: f64) -> f64 {
    if r >= 100.0 {
        return 4.5;
    }
    let r = r.max(0.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}

/// Idd of G.107.
fn exact_delay_impairment(millis: f64) -> f64 {
    let millis = within(millis, DELAY_MILLIS_MAX);
    if millis <= 100.0 {
        return 0.0;
    }
    let x = (millis / 100.0).log2();
    let sixth_root = |value: f64| value.powf(1.0 / 6.0);
    25.0 * (sixth_root(1.0 + x.powi(6)) - 3.0 * sixth_root(1.0 + (x / 3.0).powi(6)) + 2.0)
}

fn planning_delay_impairment(millis: f64) -> f64 {
    let millis = within(millis, DELAY_MILLIS_MAX);
    0.024 * millis + 0.11 * (millis - 177.3).max(0.0)
}

/// Kept between 0 and `max`; undefined is 0.
fn within(value: f64, max: f64) -> f64 {
    if value > 0.0 { value.min(max) } else { 0.0 }
}

/// Far beyond any conversation; keeps infinities out of the sums.
const DELAY_MILLIS_MAX: f64 = 60_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn mos_of(name: &str, loss_percent: f64, delay: Option<Delay>) -> f64 {
        let codec = named(name).expect("a codec of the table");
        let score = score(&Inputs { loss_percent, delay, ..Inputs::perfect(codec) });
        (score.mos * 100.0).round() / 100.0
    }

    #[test]
    fn scores_loss() {
        for (loss, with, without) in [(0.0, 4.41, 4.41), (1.0, 4.33, 3.83), (5.0, 3.92, 2.17)] {
            assert_eq!(mos_of("G.711", loss, None), with);
            assert_eq!(mos_of("G.711 without concealment", loss, None), without);
        }
        for (loss, mos) in [(0.0, 4.10), (1.0, 3.95), (2.0, 3.79), (5.0, 3.34), (10.0, 2.75)] {
            assert_eq!(mos_of("G.729A with VAD", loss, None), mos, "{loss} %");
        }
    }

    #[test]
    fn scores_delay() {
        for (millis, planning, exact) in
            [(150.0, 4.33, 4.41), (200.0, 4.23, 4.34), (300.0, 3.71, 3.96), (400.0, 3.05, 3.56)]
        {
            assert_eq!(mos_of("G.711", 0.0, Some(Delay::Planning { millis })), planning, "{millis} ms");
            assert_eq!(mos_of("G.711", 0.0, Some(Delay::Exact { millis })), exact, "{millis} ms");
        }
        assert_eq!(exact_delay_impairment(100.0), 0.0);
    }

    #[test]
    fn floors_and_caps_the_curve() {
        assert_eq!(mos(-5.0), 1.0);
        assert_eq!(mos(3.0), 1.0, "the polynomial gives 0.99");
        assert_eq!(mos(100.0), 4.5);
        assert_eq!(mos(1e9), 4.5);
        assert_eq!(mos(f64::NAN), 1.0);
    }

    #[test]
    fn charges_bursts() {
        let codec = codec("PCMU").unwrap();
        let random = effective_impairment(codec, 5.0, burst_ratio(50, 50, 5.0));
        let bursty = effective_impairment(codec, 5.0, burst_ratio(50, 10, 5.0));
        assert_eq!(random, 95.0 * 5.0 / 30.1);
        assert!(bursty > random);
        assert_eq!(burst_ratio(50, 10, 5.0), 4.75);
        assert_eq!(burst_ratio(1, 1, 50.0), 1.0);
        assert_eq!(burst_ratio(0, 0, 0.0), 1.0);
    }

    #[test]
    fn brings_wider_bands_to_the_same_curve() {
        let wide = score(&Inputs::perfect(codec("AMR-WB").unwrap()));
        assert_eq!((wide.r, wide.band, wide.confidence), (121.0, Band::Wide, Confidence::Estimated));
        assert_eq!(wide.r_narrow(), 121.0 / 1.29);
        assert_eq!(wide.mos, mos(121.0 / 1.29));
        let opus = codec("opus").unwrap();
        let full = score(&Inputs { delay: Some(Delay::Exact { millis: 200.0 }), ..Inputs::perfect(opus) });
        assert_eq!(full.r, 148.0 - 10.2 - 1.48 * exact_delay_impairment(200.0));
        assert!(full.conversational);
        assert_eq!(effective_impairment(opus, 2.0, 1.0), 10.2 + (132.0 - 10.2) * 2.0 / (2.0 + 4.3));
    }

    #[test]
    fn knows_codecs_by_their_sdp_name() {
        assert_eq!(codec("pcmu").unwrap().name, "G.711");
        assert_eq!(codec("G729").unwrap().ie, 11.0);
        assert_eq!(codec("speex"), None);
        for name in ["GSM", "GSM-EFR", "G723", "AMR", "G726-32", "G728", "G722", "EVS", "PCMA"] {
            assert!(codec(name).is_some(), "{name}");
        }
    }
}
