//! Rows of derived tables as figures: read by the column, since a day has millions.

use arrow::array::{BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use calls::State;
use calls::kpi::Told;
use store::columns::{flags, number, numbers, text, texts};

/// The columns that [`Calls`] reads.
pub(super) fn call_columns() -> impl Iterator<Item = &'static str> {
    ["id", "judged", "ts", "state", "is_open", "ended", "last"].into_iter().chain(Told::NUMBERS)
}

pub(super) struct Calls {
    pub(super) id: Int64Array,
    pub(super) judged: Int64Array,
    pub(super) begun: Int64Array,
    pub(super) is_open: BooleanArray,
    pub(super) answered: Int64Array,
    pub(super) ended: Int64Array,
    pub(super) last: Int64Array,
    state: StringArray,
    told: Vec<Int64Array>,
}

impl Calls {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Ok(Self {
            id: numbers(batch, "id")?,
            judged: numbers(batch, "judged")?,
            begun: numbers(batch, "ts")?,
            is_open: flags(batch, "is_open")?,
            answered: numbers(batch, "answered")?,
            ended: numbers(batch, "ended")?,
            last: numbers(batch, "last")?,
            state: texts(batch, "state")?,
            told: Told::NUMBERS.iter().map(|name| numbers(batch, name)).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.id.len()
    }

    pub(super) fn told(&self, row: usize) -> Told {
        Told::of(text(&self.state, row), |place| number(&self.told[place], row))
    }
}

/// The columns that [`Registrations`] reads.
pub(super) const REGISTRATION_COLUMNS: &[&str] =
    &["id", "judged", "ts", "state", "is_open", "register_delay"];

/// A registration as it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registration {
    id: i64,
    judged: i64,
    pub(super) begun: i64,
    pub(super) state: State,
    pub(super) delay: Option<i64>,
    pub(super) is_open: bool,
}

/// Reads rows of registrations in the order of their time. What comes late makes another row of one that was told: these
/// are neighbours then, and the one that was judged last counts.
#[derive(Default)]
pub(super) struct Registrations {
    last: Option<Registration>,
}

impl Registrations {
    pub(super) fn take(
        &mut self,
        batch: &RecordBatch,
        mut count: impl FnMut(&Registration),
    ) -> Result<(), ArrowError> {
        let (ids, judged, begun) = (numbers(batch, "id")?, numbers(batch, "judged")?, numbers(batch, "ts")?);
        let (states, are_open) = (texts(batch, "state")?, flags(batch, "is_open")?);
        let delays = numbers(batch, "register_delay")?;
        for row in 0..batch.num_rows() {
            let next = Registration {
                id: ids.value(row),
                judged: judged.value(row),
                begun: begun.value(row),
                state: text(&states, row).and_then(State::named).unwrap_or(State::Unknown),
                delay: number(&delays, row),
                is_open: are_open.value(row),
            };
            match self.last {
                Some(last) if last.id == next.id && last.judged > next.judged => continue,
                Some(last) if last.id != next.id => count(&last),
                _ => {}
            }
            self.last = Some(next);
        }
        Ok(())
    }

    /// Counts what was read last.
    pub(super) fn finish(self, mut count: impl FnMut(&Registration)) {
        self.last.iter().for_each(&mut count);
    }
}
