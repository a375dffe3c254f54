use std::fmt;
use std::str::FromStr;

use crate::scenario::Scenario;

/// What traffic to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The same seed gives the same traffic.
    pub seed: u64,
    /// How much.
    pub rate: Rate,
    /// When it begins, in microseconds since 1970.
    pub start_micros: i64,
    /// Users to draw from; few of them make most of the calls. Kept between 2 and 1,000,000.
    pub users: u32,
    /// What happens how often.
    pub mix: Mix,
    /// Begin in the middle: calls that began earlier are still going on, so that the mix of messages is right from
    /// the first second. Their beginnings are never seen.
    pub midstream: bool,
    /// HEP authentication key to send with every packet, cut to 1,024 bytes.
    pub key: Option<Vec<u8>>,
}

/// How much traffic to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Calls begun each second; registrations and pings come on top as the mix says. In a mix without calls: sessions
    /// of any kind.
    Calls(f64),
    /// Messages each second, on average.
    Messages(f64),
}

impl Settings {
    /// Default users and mix. A message rate begins midstream, a call rate does not.
    pub fn new(seed: u64, start_micros: i64, rate: Rate) -> Self {
        Self {
            seed,
            rate,
            start_micros,
            users: 20_000,
            mix: Mix::default(),
            midstream: matches!(rate, Rate::Messages(_)),
            key: None,
        }
    }
}

/// How often each scenario begins, relative to the others.
///
/// Written as `good=5,busy=1`; a bare name weighs 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// By place in [`Scenario::all`].
    weights: Vec<u32>,
    /// How often a fault begins whose turn it is, besides.
    faults_in_turn: u32,
}

/// How often it is a fault's turn in the demo, beside some 110 other calls in its mix.
const DEMO_FAULTS: u32 = 20;

impl Default for Mix {
    /// The mix of a residential network: a third of the messages belong to calls, the rest keep phones reachable.
    fn default() -> Self {
        Self { weights: Scenario::all().map(Scenario::default_weight).collect(), faults_in_turn: 0 }
    }
}

impl Mix {
    /// The default mix, and among its calls every [fault](crate::Fault) in turn, so that each is seen after some minutes.
    pub fn demo() -> Self {
        Self { faults_in_turn: DEMO_FAULTS, ..Self::default() }
    }

    /// Only these.
    pub fn of(weights: &[(Scenario, u32)]) -> Result<Self, MixError> {
        let mut mix = Self { weights: vec![0; Scenario::all().count()], faults_in_turn: 0 };
        for (scenario, weight) in weights {
            mix.weights[scenario.place()] = *weight;
        }
        if mix.total() == 0 {
            return Err(MixError::Empty);
        }
        Ok(mix)
    }

    /// How often a scenario begins, of [`Mix::total`], beside its turn.
    pub fn weight(&self, scenario: Scenario) -> u32 {
        self.weights[scenario.place()]
    }

    /// Sum of all weights, never 0.
    pub fn total(&self) -> u64 {
        self.weights.iter().map(|weight| u64::from(*weight)).sum::<u64>() + u64::from(self.faults_in_turn)
    }

    pub(crate) fn faults_in_turn(&self) -> u32 {
        self.faults_in_turn
    }

    pub(crate) fn calls(&self) -> u64 {
        let calls = Scenario::all().filter(|scenario| scenario.is_call());
        calls.map(|scenario| u64::from(self.weight(scenario))).sum::<u64>() + u64::from(self.faults_in_turn)
    }

    /// The scenario at a place between 0 and [`Mix::total`]; `None` for the fault whose turn it is.
    pub(crate) fn at(&self, mut place: u64) -> Option<Scenario> {
        for (scenario, weight) in Scenario::all().zip(&self.weights) {
            let weight = u64::from(*weight);
            if place < weight {
                return Some(scenario);
            }
            place -= weight;
        }
        None
    }
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut weights = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, weight) =
                entry.split_once('=').map_or((entry, "1"), |(name, weight)| (name.trim(), weight.trim()));
            let scenario = Scenario::all().find(|scenario| scenario.name() == name);
            let scenario = scenario.ok_or_else(|| MixError::UnknownScenario { name: name.to_owned() })?;
            let weight = weight.parse().map_err(|_| MixError::Weight { text: weight.to_owned() })?;
            weights.push((scenario, weight));
        }
        Self::of(&weights)
    }
}

/// Why a mix cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MixError {
    /// All weights are zero.
    Empty,
    /// No scenario has this name.
    UnknownScenario {
        /// As written.
        name: String,
    },
    /// Not a whole number.
    Weight {
        /// As written.
        text: String,
    },
}

impl fmt::Display for MixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no scenario has a weight above 0"),
            Self::UnknownScenario { name } => {
                write!(f, "unknown scenario {name:?}; known:")?;
                Scenario::all().try_for_each(|scenario| write!(f, " {}", scenario.name()))
            }
            Self::Weight { text } => write!(f, "weight {text:?} is not a whole number"),
        }
    }
}

impl std::error::Error for MixError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_mix() {
        let fault: Mix = "ack_missing".parse().unwrap();
        assert!(matches!(fault.at(0), Some(Scenario::Fault(fault)) if fault.name() == "ack_missing"));
        let mix: Mix = "good=5, busy ,register = 0".parse().unwrap();
        assert_eq!((mix.weight(Scenario::Good), mix.weight(Scenario::Busy), mix.total()), (5, 1, 6));
        assert_eq!(
            (mix.at(0), mix.at(4), mix.at(5)),
            (Some(Scenario::Good), Some(Scenario::Good), Some(Scenario::Busy))
        );
        assert_eq!("good=x".parse::<Mix>(), Err(MixError::Weight { text: "x".to_owned() }));
        assert_eq!("".parse::<Mix>(), Err(MixError::Empty));
        let error = "god".parse::<Mix>().unwrap_err();
        assert!(error.to_string().starts_with("unknown scenario \"god\"; known: good busy"));
    }
}
