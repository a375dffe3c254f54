//! When something is worth a person's attention: rules, states, silences, baselines.
//!
//! What was measured goes in with the time it was looked at, [`Event`]s come out: [`Engine::look`]. Who measures, and who
//! carries the news, is at the edge. Durations are added up from look to look, so that a clock that jumps, a look that was
//! left out or a restart neither makes an alert nor ends one. What could not be measured is not zero.
//!
//! Pure: no clock, no socket, no file. Everything kept is bounded: [`ALERTS_OF_RULE_MAX`].

mod alert;
mod baseline;
mod engine;
mod evidence;
mod figure;
mod rule;
mod silence;

pub use alert::{Alert, Event, Labels, Phase, What, Why};
pub use baseline::Past;
pub use engine::{ALERTS_OF_RULE_MAX, Engine, GAP_LOOKS, Kept, NO_DATA_MAX, Reading, Sample};
pub use evidence::{Evidence, Page};
pub use figure::{Absence, Figure};
pub use rule::{Baseline, Condition, Rule, Severity, Verdict};
pub use silence::Silence;
