//! Rows that are made of other rows, such as those of calls.
//!
//! What they tell of may go on for hours, and each time something happens a new row takes the place of the one before.
//! So rows of what goes on are held here, replaced as a whole by every publishing, and never settle; a row settles when
//! nothing can follow it. Over a restart [`crate::carried`] remembers what went on.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use model::Table;

use super::{Hot, place};
use crate::StoreError;
use crate::carried::{Going, Minutes, Unfinished};
use crate::view::{HotBatch, View, fits};

/// What has become of the rows of one derived table.
#[derive(Clone, Debug)]
pub struct Derived {
    pub table: &'static Table,
    /// Rows that nothing follows. They are kept.
    pub ended: Option<RecordBatch>,
    /// All rows of what goes on, instead of those before.
    pub open: Vec<RecordBatch>,
}

/// What is to be settled of all derived tables at one moment.
pub(crate) struct DueDerived {
    /// Rows tell of all log blocks up to here.
    pub(crate) position: u64,
    pub(crate) ended: Vec<(usize, Vec<Arc<HotBatch>>)>,
    /// What goes on, and what is just ending.
    pub(crate) going: Vec<Going>,
    pub(crate) ending: Vec<Going>,
    pub(crate) minutes: Option<Minutes>,
    /// Those whose rows are just ending.
    pub(crate) ending_minutes: Vec<i64>,
}

/// How far derived rows have come; nothing before the first publishing of a run.
#[derive(Debug, Default)]
pub(super) struct Progress {
    position: Option<u64>,
    /// What goes on and has no row yet.
    waiting: Vec<Going>,
    minutes: Option<Minutes>,
}

impl Hot {
    /// See [`crate::Store::publish_derived`].
    pub(crate) fn publish_derived(
        &self,
        position: u64,
        told: Vec<Derived>,
        unfinished: Unfinished,
    ) -> Result<(), StoreError> {
        let mut prepared = Vec::with_capacity(told.len());
        for Derived { table, ended, open } in told {
            let open = open.into_iter().filter_map(|rows| HotBatch::new(rows, position)).map(HotBatch::open);
            let batches: Vec<HotBatch> =
                ended.into_iter().filter_map(|rows| HotBatch::new(rows, position)).chain(open).collect();
            prepared.push((table, batches));
        }
        let mut state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        let mut view = View::clone(&state.view);
        for (table, batches) in prepared {
            let table_view = Arc::make_mut(&mut view.tables[place(&state.view, table)?]);
            if batches.iter().any(|batch| !fits(&batch.rows, &table_view.schema)) {
                let why = format!("a batch does not have the columns of table {}", table.name);
                return Err(StoreError::Internal(why));
            }
            table_view.hot.retain(|batch| !batch.is_open);
            table_view.hot.extend(batches.into_iter().map(Arc::new));
        }
        state.view = Arc::new(view);
        state.bytes = super::settling_bytes(&state.view);
        let position = state.derived.position.map_or(position, |before| before.max(position));
        let Unfinished { going, minutes } = unfinished;
        let minutes = minutes.or_else(|| state.derived.minutes.take());
        state.derived = Progress { position: Some(position), waiting: going, minutes };
        Ok(())
    }

    /// `None` before the first publishing: what an earlier run left is still all there is to know.
    pub(crate) fn due_derived(&self) -> Option<DueDerived> {
        let state = self.lock();
        let position = state.derived.position?;
        let mut due = DueDerived {
            position,
            ended: Vec::new(),
            going: state.derived.waiting.clone(),
            ending: Vec::new(),
            minutes: state.derived.minutes.clone(),
            ending_minutes: Vec::new(),
        };
        for place in self.first_derived..state.view.tables.len() {
            let (open, ended): (Vec<_>, Vec<_>) =
                state.view.tables[place].hot.iter().cloned().partition(|batch| batch.is_open);
            due.going.extend(open.iter().flat_map(|batch| going(&batch.rows)));
            due.ending.extend(ended.iter().flat_map(|batch| going(&batch.rows)));
            due.ending_minutes.extend(ended.iter().flat_map(|batch| minutes(&batch.rows)));
            due.ended.push((place, ended));
        }
        Some(due)
    }

    /// What an earlier run knew of minutes.
    pub(crate) fn remember_minutes(&self, minutes: Option<Minutes>) {
        self.lock().derived.minutes = minutes;
    }

    pub(crate) fn minutes(&self) -> Option<Minutes> {
        self.lock().derived.minutes.clone()
    }

    /// Tables from this place on are derived.
    pub(crate) fn first_derived(&self) -> usize {
        self.first_derived
    }

    pub(super) fn is_derived(&self, place: usize) -> bool {
        place >= self.first_derived
    }
}

/// Rows of no call tell of the minutes they are of.
fn minutes(rows: &RecordBatch) -> Vec<i64> {
    let call_ids = rows.column_by_name("call_id").and_then(|column| column.as_string_opt::<i32>());
    let begins =
        rows.column_by_name("ts").and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let (Some(call_ids), Some(begins)) = (call_ids, begins) else { return Vec::new() };
    let mut minutes: Vec<i64> =
        (0..rows.num_rows()).filter(|row| call_ids.is_null(*row)).map(|row| begins.value(row)).collect();
    minutes.sort_unstable();
    minutes.dedup();
    minutes
}

fn going(rows: &RecordBatch) -> Vec<Going> {
    let call_ids = rows.column_by_name("call_id").and_then(|column| column.as_string_opt::<i32>());
    let received = rows
        .column_by_name("received")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let (Some(call_ids), Some(received)) = (call_ids, received) else { return Vec::new() };
    (0..rows.num_rows())
        .filter(|row| !call_ids.is_null(*row))
        .map(|row| Going { call_id: call_ids.value(row).to_owned(), received: received.value(row) })
        .collect()
}
