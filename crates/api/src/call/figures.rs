//! Rows of derived tables as figures: read by the column, since a day has millions.

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use calls::State;
use calls::kpi::Told;

/// The columns that [`Calls`] reads.
pub(super) const CALL_COLUMNS: &[&str] = &[
    "id",
    "judged",
    "ts",
    "state",
    "is_open",
    "status",
    "cause",
    "answered",
    "ended",
    "last",
    "pdd",
    "ring",
    "talk",
    "disconnect_delay",
    "messages",
    "retransmissions",
];

pub(super) struct Calls {
    pub(super) rows: usize,
    pub(super) id: Int64Array,
    pub(super) judged: Int64Array,
    pub(super) begun: Int64Array,
    pub(super) is_open: BooleanArray,
    pub(super) answered: Int64Array,
    pub(super) ended: Int64Array,
    pub(super) last: Int64Array,
    state: StringArray,
    status: Int64Array,
    cause: Int64Array,
    pdd: Int64Array,
    ring: Int64Array,
    talk: Int64Array,
    disconnect_delay: Int64Array,
    messages: Int64Array,
    retransmissions: Int64Array,
}

impl Calls {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Ok(Self {
            rows: batch.num_rows(),
            id: numbers(batch, "id")?,
            judged: numbers(batch, "judged")?,
            begun: numbers(batch, "ts")?,
            is_open: column(batch, "is_open")?.as_boolean().clone(),
            answered: numbers(batch, "answered")?,
            ended: numbers(batch, "ended")?,
            last: numbers(batch, "last")?,
            state: texts(batch, "state")?,
            status: numbers(batch, "status")?,
            cause: numbers(batch, "cause")?,
            pdd: numbers(batch, "pdd")?,
            ring: numbers(batch, "ring")?,
            talk: numbers(batch, "talk")?,
            disconnect_delay: numbers(batch, "disconnect_delay")?,
            messages: numbers(batch, "messages")?,
            retransmissions: numbers(batch, "retransmissions")?,
        })
    }

    pub(super) fn told(&self, row: usize) -> Told {
        let count = |numbers: &Int64Array| u64::try_from(number(numbers, row).unwrap_or(0)).unwrap_or(0);
        Told {
            state: state(&self.state, row),
            status: number(&self.status, row),
            cause: number(&self.cause, row),
            pdd: number(&self.pdd, row),
            ring: number(&self.ring, row),
            talk: number(&self.talk, row),
            is_answered: !self.answered.is_null(row),
            disconnect_delay: number(&self.disconnect_delay, row),
            messages: count(&self.messages),
            retransmissions: count(&self.retransmissions),
        }
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
            is_open: column(batch, "is_open")?.as_boolean().clone(),
            state: texts(batch, "state")?,
            delay: numbers(batch, "register_delay")?,
        })
    }

    pub(super) fn state(&self, row: usize) -> State {
        state(&self.state, row)
    }

    pub(super) fn delay(&self, row: usize) -> Option<i64> {
        number(&self.delay, row)
    }
}

fn state(states: &StringArray, row: usize) -> State {
    State::named(states.value(row)).unwrap_or(State::Unknown)
}

pub(super) fn number(numbers: &Int64Array, row: usize) -> Option<i64> {
    (!numbers.is_null(row)).then(|| numbers.value(row))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
}

/// Numbers of any width, and times as microseconds.
pub(super) fn numbers(batch: &RecordBatch, name: &str) -> Result<Int64Array, ArrowError> {
    Ok(cast(column(batch, name)?, &DataType::Int64)?.as_primitive().clone())
}

pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    Ok(cast(column(batch, name)?, &DataType::Utf8)?.as_string().clone())
}
