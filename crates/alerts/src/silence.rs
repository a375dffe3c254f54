use model::Micros;

use crate::alert::Alert;

/// Nobody is told of some alerts until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The id of an alert, or the name of a rule.
    pub of: String,
    pub until: Micros,
    pub comment: String,
    /// Who wanted it.
    pub by: String,
    pub made: Micros,
}

impl Silence {
    pub fn covers(&self, alert: &Alert, now: Micros) -> bool {
        now < self.until && (self.of == alert.id || self.of == alert.rule)
    }
}
