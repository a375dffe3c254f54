//! What a value was at the same time of earlier days, and whether today's is out of the ordinary.

use crate::rule::Baseline;

/// Days that must have a value: two points are no habit.
const DAYS_MIN: usize = 3;

/// A deviation must also be so many times what these days differ among themselves, by the median absolute deviation
/// scaled to a standard deviation: a figure that jumps every day does not make an alert by jumping again.
const SPREADS_MIN: f64 = 3.0;
const MAD_TO_DEVIATION: f64 = 1.4826;

/// Values of earlier days; days without data have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past(Vec<f64>);

impl Past {
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// `None` if too few days are known.
    pub fn median(&self) -> Option<f64> {
        (self.0.len() >= DAYS_MIN).then(|| median(&self.0)).flatten()
    }

    /// Whether the value is further from the median than the rule allows; `None` if too few days are known, or a
    /// percentage of the median makes no sense since it is zero.
    pub(crate) fn deviates(&self, value: f64, rule: &Baseline) -> Option<bool> {
        let usual = self.median()?;
        if usual <= 0.0 {
            return None;
        }
        let mut distances: Vec<f64> = self.0.iter().map(|day| (day - usual).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let spread = median(&distances)? * MAD_TO_DEVIATION;
        let beyond = |distance: f64, percent: f64| {
            distance > usual * percent / 100.0 && distance >= SPREADS_MIN * spread
        };
        let rises = rule.rises_percent.is_some_and(|percent| beyond(value - usual, percent));
        let falls = rule.falls_percent.is_some_and(|percent| beyond(usual - value, percent));
        Some(rises || falls)
    }
}

/// Of sorted values.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(middle - 1)?, upper))
}
