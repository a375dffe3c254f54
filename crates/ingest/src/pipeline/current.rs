//! The rows of what goes on in one derived table: each once, its latest.

use std::collections::HashMap;

use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use model::{Record, Table};
use store::TableBatch;

/// Batches with fewer rows become one when there are [`SMALL_MAX`] of them, so that a question looks at few.
const SMALL_ROWS: usize = 4_096;
const SMALL_MAX: usize = 8;

pub(super) struct Current {
    fresh: TableBatch,
    /// Rows of `fresh` by id; a row that was put twice counts once.
    fresh_ids: Vec<i64>,
    groups: Vec<Group>,
    places: HashMap<i64, Place>,
}

/// Which row of which batch.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    group: u64,
    row: usize,
}

struct Group {
    name: u64,
    rows: RecordBatch,
    alive: Vec<bool>,
    dead: usize,
}

impl Current {
    pub(super) fn new(table: &'static Table) -> Self {
        Self {
            fresh: TableBatch::new(table),
            fresh_ids: Vec::new(),
            groups: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// Puts a row in the place of the one with its id.
    pub(super) fn put(&mut self, record: &Record<'_>) {
        self.remove(record.common.id);
        self.fresh.push(record);
        self.fresh_ids.push(record.common.id);
    }

    pub(super) fn remove(&mut self, id: i64) {
        let Some(place) = self.places.remove(&id) else { return };
        if let Some(group) = self.groups.iter_mut().find(|group| group.name == place.group)
            && std::mem::take(&mut group.alive[place.row])
        {
            group.dead += 1;
        }
    }

    /// All rows that are there now.
    pub(super) fn batches(&mut self) -> Result<Vec<RecordBatch>, ArrowError> {
        if !self.fresh.is_empty() {
            let rows = self.fresh.finish();
            let ids = std::mem::take(&mut self.fresh_ids);
            self.add(rows, &ids);
        }
        for at in 0..self.groups.len() {
            if self.groups[at].dead > 0 {
                let group = std::mem::replace(&mut self.groups[at], Group::empty());
                let left = filter_record_batch(&group.rows, &BooleanArray::from(group.alive))?;
                self.groups[at] = self.group(left, group.name);
            }
        }
        self.groups.retain(|group| group.rows.num_rows() > 0);
        self.join_small()?;
        Ok(self.groups.iter().map(|group| group.rows.clone()).collect())
    }

    /// A new group. Of rows with one id the last counts.
    fn add(&mut self, rows: RecordBatch, ids: &[i64]) {
        let name = self.groups.iter().map(|group| group.name).max().unwrap_or(0) + 1;
        let mut group = Group { name, alive: vec![true; ids.len()], rows, dead: 0 };
        for (row, id) in ids.iter().enumerate() {
            if let Some(before) = self.places.insert(*id, Place { group: name, row }) {
                group.alive[before.row] = false;
                group.dead += 1;
            }
        }
        self.groups.push(group);
    }

    /// Rows that are all there, under the name they had.
    fn group(&mut self, rows: RecordBatch, name: u64) -> Group {
        if let Some(ids) = rows.column_by_name("id").and_then(|ids| ids.as_primitive_opt::<Int64Type>()) {
            for (row, id) in ids.values().iter().enumerate() {
                self.places.insert(*id, Place { group: name, row });
            }
        }
        Group { name, alive: vec![true; rows.num_rows()], rows, dead: 0 }
    }

    fn join_small(&mut self) -> Result<(), ArrowError> {
        let is_small = |group: &Group| group.rows.num_rows() < SMALL_ROWS;
        if self.groups.iter().filter(|group| is_small(group)).count() < SMALL_MAX {
            return Ok(());
        }
        let (small, large): (Vec<Group>, Vec<Group>) =
            std::mem::take(&mut self.groups).into_iter().partition(is_small);
        self.groups = large;
        let Some(first) = small.first() else { return Ok(()) };
        let (schema, name) = (first.rows.schema(), first.name);
        let joined = concat_batches(&schema, small.iter().map(|group| &group.rows))?;
        let joined = self.group(joined, name);
        self.groups.push(joined);
        Ok(())
    }
}

impl Group {
    fn empty() -> Self {
        let schema = std::sync::Arc::new(arrow::datatypes::Schema::empty());
        Self { name: 0, rows: RecordBatch::new_empty(schema), alive: Vec::new(), dead: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use calls::CALLS;
    use model::{Common, Micros, Value};
    use proptest::prelude::*;

    use super::*;

    fn record(id: i64, status: i64) -> Record<'static> {
        let common = Common {
            id,
            ts: Micros(0),
            received: Micros(0),
            sender: [192, 0, 2, 1].into(),
            listener: "udp",
            hep_version: 3,
            hep_type: 0,
            transport: "udp",
            src_ip: None,
            src_port: None,
            dst_ip: None,
            dst_port: None,
            capture_id: None,
            node: None,
            correlation_id: None,
            call_id: None,
            size: i32::try_from(status).expect("small"),
            flags: Vec::new(),
        };
        Record { table: &CALLS, common, values: vec![Value::Null; CALLS.fields.len()], extra: None, raw: &[] }
    }

    fn shown(current: &mut Current) -> BTreeMap<i64, i32> {
        let mut all = BTreeMap::new();
        for rows in current.batches().expect("batches") {
            let ids = rows.column_by_name("id").expect("ids").as_primitive::<Int64Type>();
            let sizes =
                rows.column_by_name("size").expect("sizes").as_primitive::<arrow::datatypes::Int32Type>();
            for (id, size) in ids.values().iter().zip(sizes.values()) {
                assert!(all.insert(*id, *size).is_none(), "{id} is there twice");
            }
        }
        all
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(i64),
        Remove(i64),
        Show,
    }

    proptest! {
        #[test]
        fn each_is_there_once_as_it_was_put_last(
            steps in prop::collection::vec(
                prop_oneof![
                    (0..20_i64).prop_map(Step::Put),
                    (0..20_i64).prop_map(Step::Remove),
                    Just(Step::Show),
                ],
                0..120,
            ),
        ) {
            let mut current = Current::new(&CALLS);
            let mut model = BTreeMap::new();
            for (at, step) in steps.iter().enumerate() {
                match step {
                    Step::Put(id) => {
                        current.put(&record(*id, at as i64));
                        model.insert(*id, at as i32);
                    }
                    // What was put is shown before it goes: one look makes one row of a call.
                    Step::Remove(id) => {
                        prop_assert_eq!(&shown(&mut current), &model);
                        current.remove(*id);
                        model.remove(id);
                    }
                    Step::Show => prop_assert_eq!(&shown(&mut current), &model),
                }
            }
            prop_assert_eq!(shown(&mut current), model);
        }
    }
}
