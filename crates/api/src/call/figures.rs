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
pub(super) const REGISTRATION_COLUMNS: &[&str] = &["ts", "state", "is_open", "register_delay"];

pub(super) struct Registrations {
    pub(super) rows: usize,
    pub(super) begun: Int64Array,
    pub(super) is_open: BooleanArray,
    state: StringArray,
    delay: Int64Array,
}

impl Registrations {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Ok(Self {
            rows: batch.num_rows(),
            begun: numbers(batch, "ts")?,
            is_open: flags(batch, "is_open")?,
            state: texts(batch, "state")?,
            delay: numbers(batch, "register_delay")?,
        })
    }

    pub(super) fn state(&self, row: usize) -> State {
        text(&self.state, row).and_then(State::named).unwrap_or(State::Unknown)
    }

    pub(super) fn delay(&self, row: usize) -> Option<i64> {
        number(&self.delay, row)
    }
}
