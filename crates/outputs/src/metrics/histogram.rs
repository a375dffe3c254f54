//! How values are spread, and for each stretch one call that shows it.

/// Counts by stretches of values.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// One more than there are bounds.
    counts: Vec<u64>,
    sum: f64,
    exemplars: Vec<Option<Exemplar>>,
}

/// A call with such a value: from the chart to the call.
#[derive(Clone, Debug)]
pub(super) struct Exemplar {
    pub(super) call_id: String,
    pub(super) value: f64,
    pub(super) at_micros: i64,
}

impl Exemplar {
    pub(super) const LABEL: &str = "call_id";

    /// OpenMetrics 1.0 allows 128 characters for names and values together.
    const CALL_ID_MAX: usize = 128 - Self::LABEL.len();
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let stretches = bounds.len() + 1;
        Self { bounds, counts: vec![0; stretches], sum: 0.0, exemplars: vec![None; stretches] }
    }

    /// Of counts that somebody else has made.
    pub(super) fn of(bounds: &'static [f64], counts: Vec<u64>, sum: f64) -> Self {
        Self { exemplars: vec![None; counts.len()], bounds, counts, sum }
    }

    /// Adds a value, and the call it was seen in with the time of that.
    pub(super) fn observe(&mut self, value: f64, seen: Option<(&str, i64)>) {
        if !value.is_finite() {
            return;
        }
        let place = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.counts[place] += 1;
        self.sum += value;
        if let Some((call_id, at_micros)) = seen
            && !call_id.is_empty()
            && call_id.chars().count() <= Exemplar::CALL_ID_MAX
        {
            let slot = self.exemplars[place].get_or_insert_with(|| Exemplar {
                call_id: String::new(),
                value,
                at_micros,
            });
            // The text is used again: this is done for every value.
            slot.call_id.clear();
            slot.call_id.push_str(call_id);
            (slot.value, slot.at_micros) = (value, at_micros);
        }
    }

    pub(super) fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// By stretch, the last one beyond all bounds.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    pub(super) fn exemplar(&self, stretch: usize) -> Option<&Exemplar> {
        self.exemplars[stretch].as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_below_it() {
        let mut histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 2.5, f64::NAN] {
            histogram.observe(value, None);
        }
        assert_eq!((histogram.counts(), histogram.sum()), ([2, 1, 1].as_slice(), 5.5));
    }

    #[test]
    fn the_latest_call_stands_for_its_stretch_unless_its_name_is_too_long() {
        let mut histogram = Histogram::new(&[1.0]);
        histogram.observe(0.1, Some(("first", 1)));
        histogram.observe(0.2, Some(("second", 2)));
        histogram.observe(0.3, Some((&"x".repeat(122), 3)));
        let exemplar = histogram.exemplar(0).expect("one was seen");
        assert_eq!((exemplar.call_id.as_str(), exemplar.value, exemplar.at_micros), ("second", 0.2, 2));
        assert!(histogram.exemplar(1).is_none());
    }
}
