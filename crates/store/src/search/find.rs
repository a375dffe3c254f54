//! Search: newest first (or oldest first), streaming.
//!
//! Time is walked in slices that begin small and grow. Each slice is one plan, sorted and limited, over the files
//! whose ranges touch it; its rows go out before the next slice is looked at. So the first rows come at once,
//! however long the whole range is, and a limit ends the walk.

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr as Compiled, Operator, cast, lit};
use datafusion::scalar::ScalarValue;
use model::Table;
use tokio::sync::Semaphore;

use crate::StoreError;
use crate::lake::encode::ROW_GROUP_ROWS;
use crate::schema::{UTC, arrow_type};
use crate::search::answer::Onward;
use crate::search::compile::{binary, compile, named};
use crate::search::engine::Engine;
use crate::search::provider::Snapshot;
use crate::search::prune::names_a_call;
use crate::search::{Answer, Cursor, Order, SearchRequest};
use crate::view::{Range, TableView, View};

/// Rows that the first slice looks at: little enough to be answered in a few milliseconds.
const SLICE_ROWS_FIRST: u64 = 50_000;

/// A slice looks at no more than this: all of them might have to be sorted.
const SLICE_ROWS_MAX: u64 = 400_000;

/// The stretches of time that a file's row groups may be of, newest last: they follow time, and which row is in which is
/// not known without opening the file. What a slice of one looks at is then about a row group.
fn by_row_group(ts: Range, rows: u64) -> impl Iterator<Item = (Range, u64)> {
    let groups = rows.div_ceil(ROW_GROUP_ROWS as u64).max(1);
    let length = i128::from(ts.max) - i128::from(ts.min) + 1;
    let start = move |group: u64| {
        let moment = i128::from(ts.min) + length * i128::from(group) / i128::from(groups);
        i64::try_from(moment).unwrap_or(i64::MAX)
    };
    (0..groups)
        .map(move |group| {
            let max = if group + 1 == groups { ts.max } else { start(group + 1).saturating_sub(1) };
            (Range { min: start(group), max }, rows / groups)
        })
        .filter(|(ts, _)| ts.min <= ts.max)
}

/// Name of the column that says which table a row is of.
const TABLE_COLUMN: &str = "table";

impl Engine {
    pub(crate) async fn search(
        &self,
        view: Arc<View>,
        request: SearchRequest,
        turns: &Arc<Semaphore>,
    ) -> Result<Answer, StoreError> {
        let mut search = Search::new(self, &view, &request)?;
        let limits = search.limits;
        let schema = Arc::clone(&search.schema);
        Ok(self.answer(schema, limits, &self.searching, turns, move |rows| async move {
            if let Err(error) = search.narrow().await {
                rows.send(Err(error)).await;
                return;
            }
            let mut left = search.limit;
            for slice in search.slices() {
                let plan = match search.plan(slice, left) {
                    Ok(Some(plan)) => plan,
                    Ok(None) => continue,
                    Err(error) => {
                        rows.send(Err(error)).await;
                        return;
                    }
                };
                let mut found = 0;
                let finish = |batch: RecordBatch| {
                    found += batch.num_rows();
                    whole(&batch, &search.schema)
                };
                let onward = rows.send_all(plan, finish).await;
                left = left.map(|left| left.saturating_sub(found));
                if onward == Onward::Stop || left == Some(0) {
                    return;
                }
            }
        }))
    }
}

/// A request, checked and compiled.
struct Search {
    session: SessionContext,
    tables: Vec<Source>,
    schema: SchemaRef,
    window: Range,
    after: Option<Cursor>,
    order: Order,
    limit: Option<usize>,
    limits: crate::Limits,
}

/// A table that may hold answers.
struct Source {
    snapshot: Arc<Snapshot>,
    condition: Compiled,
}

impl Search {
    fn new(engine: &Engine, view: &View, request: &SearchRequest) -> Result<Self, StoreError> {
        for name in &request.tables {
            if !view.tables.iter().any(|table| table.table.name == name) {
                return Err(StoreError::UnknownTable(name.clone()));
            }
        }
        let asked = |table: &&Arc<TableView>| {
            request.tables.is_empty() && !table.is_derived
                || request.tables.iter().any(|name| name == table.table.name)
        };
        let views: Vec<Arc<TableView>> = view
            .tables
            .iter()
            .filter(asked)
            .map(|table| if request.only_open { Arc::new(table.only_open()) } else { Arc::clone(table) })
            .collect();
        let views: Vec<&Arc<TableView>> = views.iter().collect();
        let all: Vec<&Table> = view.tables.iter().map(|table| table.table).collect();
        let fields = answer_fields(&views, &all, &request.columns)?;
        let tables = views
            .into_iter()
            .filter_map(|view| {
                Some(Source {
                    condition: compile(&request.expr, view.table)?,
                    snapshot: engine.snapshot(view),
                })
            })
            .collect();
        Ok(Self {
            session: engine.session(),
            tables,
            schema: Arc::new(Schema::new(fields)),
            window: Range {
                min: request.from.map_or(i64::MIN, |from| from.0),
                max: request.to.map_or(i64::MAX, |to| to.0.saturating_sub(1)),
            },
            after: request.after,
            order: request.order,
            limit: request.limit,
            limits: request.limits.unwrap_or(engine.limits),
        })
    }

    /// Leaves out what cannot hold an answer, once for the whole window: of a question about one call a file or two
    /// are left to be cut into slices.
    async fn narrow(&mut self) -> Result<(), StoreError> {
        let state = self.session.state();
        for table in &mut self.tables {
            let filters = [table.condition.clone(), within(self.window)];
            table.snapshot = Arc::new(table.snapshot.narrowed(&state, &filters).await?);
        }
        Ok(())
    }

    /// The stretches of time to look at, in the order asked for. Together they are the window.
    fn slices(&self) -> Vec<Range> {
        let mut window = self.window;
        match (self.after, self.order) {
            (Some(after), Order::NewestFirst) => window.max = window.max.min(after.ts.0),
            (Some(after), Order::OldestFirst) => window.min = window.min.max(after.ts.0),
            (None, _) => {}
        }
        if window.min > window.max {
            return Vec::new();
        }
        if self.tables.iter().all(|table| names_a_call(&table.condition)) {
            // Few rows: a plan for each slice would cost more than to find them all at once.
            return vec![window];
        }
        let mut parts: Vec<(Range, u64)> = self
            .tables
            .iter()
            .flat_map(|table| {
                let view = table.snapshot.view();
                let files = view.files.iter().map(|file| (file.ranges.map(|ranges| ranges.ts), file.rows));
                let hot = view.hot.iter().map(|hot| (Some(hot.ranges.ts), hot.rows.num_rows() as u64));
                files.chain(hot)
            })
            // A file whose times are unknown is part of every slice and shapes none.
            .filter_map(|(ts, rows)| Some((ts?, rows)))
            .flat_map(|(ts, rows)| by_row_group(ts, rows))
            .filter(|(ts, _)| ts.max >= window.min && ts.min <= window.max)
            .collect();
        match self.order {
            Order::NewestFirst => parts.sort_unstable_by_key(|(ts, _)| std::cmp::Reverse(ts.max)),
            Order::OldestFirst => parts.sort_unstable_by_key(|(ts, _)| ts.min),
        }
        let mut slices = Vec::new();
        let mut rows_max = SLICE_ROWS_FIRST;
        let mut rows_here = 0;
        for (ts, rows) in parts {
            if rows_here > 0 && rows_here + rows > rows_max {
                // Nothing from here on reaches beyond this part's end.
                let cut = match self.order {
                    Order::NewestFirst if ts.max < window.max => {
                        let slice = Range { min: ts.max + 1, max: window.max };
                        window.max = ts.max;
                        Some(slice)
                    }
                    Order::OldestFirst if ts.min > window.min => {
                        let slice = Range { min: window.min, max: ts.min - 1 };
                        window.min = ts.min;
                        Some(slice)
                    }
                    _ => None,
                };
                if let Some(slice) = cut {
                    slices.push(slice);
                    rows_here = 0;
                    rows_max = (rows_max * 2).min(SLICE_ROWS_MAX);
                }
            }
            rows_here += rows;
        }
        slices.push(window);
        slices
    }

    /// How to get the rows of one slice; `None` if no table has any. Columns that none of its tables has are left out:
    /// planning costs as much as there are columns, and an answer over all tables has two hundred.
    fn plan(&self, slice: Range, limit: Option<usize>) -> Result<Option<DataFrame>, StoreError> {
        let by = [sort_column(&self.schema, "ts"), sort_column(&self.schema, "id")];
        let touched: Vec<&Source> =
            self.tables.iter().filter(|table| touches(table.snapshot.view(), slice)).collect();
        let has = |field: &&Arc<Field>| {
            let name = field.name();
            name == TABLE_COLUMN
                || touched.iter().any(|table| table.snapshot.view().table.column(name).is_some())
        };
        let fields: Vec<&Arc<Field>> = self.schema.fields().iter().filter(has).collect();
        let mut union: Option<DataFrame> = None;
        for table in touched {
            let mut condition = binary(table.condition.clone(), Operator::And, within(slice));
            if let Some(after) = self.after {
                condition = binary(condition, Operator::And, beyond(after, self.order));
            }
            let mut columns = columns_of(table.snapshot.view().table, &fields);
            for (name, source) in by.iter().zip(["ts", "id"]).filter(|(name, _)| name.starts_with(SORT_ONLY))
            {
                columns.push(named(source).alias(name));
            }
            let rows = self
                .session
                .read_table(Arc::clone(&table.snapshot) as _)?
                .filter(condition)?
                .select(columns)?;
            union = Some(match union {
                None => rows,
                Some(union) => union.union(rows)?,
            });
        }
        let Some(union) = union else { return Ok(None) };
        let ascending = self.order == Order::OldestFirst;
        let sort = by.map(|name| Sort::new(named(&name), ascending, false)).to_vec();
        let mut found = union.sort(sort)?;
        if limit.is_some() {
            found = found.limit(0, limit)?;
        }
        let columns: Vec<Compiled> = fields.iter().map(|field| named(field.name())).collect();
        Ok(Some(found.select(columns)?))
    }
}

/// The column to sort by: the answer's own if it has it. Carrying it twice would hide from the planner that both are
/// the same order.
fn sort_column(answer: &Schema, name: &str) -> String {
    if answer.column_with_name(name).is_some() { name.to_owned() } else { format!("{SORT_ONLY}{name}") }
}

/// Before the name of a column that is there to sort by: no column of a table begins like this.
const SORT_ONLY: char = '#';

fn touches(table: &TableView, slice: Range) -> bool {
    let meets = |ts: Range| ts.max >= slice.min && ts.min <= slice.max;
    table.hot.iter().any(|batch| meets(batch.ranges.ts))
        || table.files.iter().any(|file| file.ranges.is_none_or(|ranges| meets(ranges.ts)))
}

fn within(slice: Range) -> Compiled {
    let mut condition = lit(true);
    if slice.min > i64::MIN {
        condition = binary(condition, Operator::And, binary(named("ts"), Operator::GtEq, time(slice.min)));
    }
    if slice.max < i64::MAX {
        condition = binary(condition, Operator::And, binary(named("ts"), Operator::LtEq, time(slice.max)));
    }
    condition
}

fn beyond(after: Cursor, order: Order) -> Compiled {
    let operator = if order == Order::NewestFirst { Operator::Lt } else { Operator::Gt };
    let later = binary(named("ts"), operator, time(after.ts.0));
    let same = binary(named("ts"), Operator::Eq, time(after.ts.0));
    let next = binary(named("id"), operator, lit(after.id));
    binary(later, Operator::Or, binary(same, Operator::And, next))
}

fn time(micros: i64) -> Compiled {
    lit(ScalarValue::TimestampMicrosecond(Some(micros), Some(UTC.into())))
}

/// The columns of the answer: those asked for, or all but the payload.
fn answer_fields(
    views: &[&Arc<TableView>],
    all: &[&Table],
    asked: &[String],
) -> Result<Vec<Field>, StoreError> {
    let mut fields = vec![Field::new(TABLE_COLUMN, DataType::Utf8, false)];
    if asked.is_empty() {
        for field in views.iter().flat_map(|view| view.table.columns()) {
            if field.name != "raw" && !fields.iter().any(|known| known.name() == field.name) {
                fields.push(Field::new(field.name, common_type(field.name, all), true));
            }
        }
        return Ok(fields);
    }
    for name in asked {
        if name == TABLE_COLUMN || fields.iter().any(|known| known.name() == name) {
            continue;
        }
        if !all.iter().any(|table| table.column(name).is_some()) {
            return Err(StoreError::UnknownColumn(name.clone()));
        }
        fields.push(Field::new(name, common_type(name, all), true));
    }
    Ok(fields)
}

/// The type of a column; text where tables disagree.
fn common_type(name: &str, tables: &[&Table]) -> DataType {
    let mut types = tables.iter().filter_map(|table| table.column(name)).map(|field| arrow_type(field.kind));
    let Some(first) = types.next() else { return DataType::Null };
    if types.all(|other| other == first) { first } else { DataType::Utf8 }
}

/// Rows with all columns of the answer.
fn whole(rows: &RecordBatch, answer: &SchemaRef) -> Result<RecordBatch, StoreError> {
    let columns = answer.fields().iter().map(|field| {
        let found = rows.column_by_name(field.name()).map(Arc::clone);
        found.unwrap_or_else(|| new_null_array(field.data_type(), rows.num_rows()))
    });
    RecordBatch::try_new(Arc::clone(answer), columns.collect())
        .map_err(|error| StoreError::from(DataFusionError::from(error)))
}

fn columns_of(table: &Table, fields: &[&Arc<Field>]) -> Vec<Compiled> {
    fields
        .iter()
        .map(|field| {
            let name = field.name();
            let value = if name == TABLE_COLUMN {
                lit(table.name)
            } else {
                match table.column(name) {
                    Some(column) if arrow_type(column.kind) == *field.data_type() => named(name),
                    Some(_) => cast(named(name), field.data_type().clone()),
                    None => cast(lit(ScalarValue::Null), field.data_type().clone()),
                }
            };
            value.alias(name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_row_groups_are_the_whole_file() {
        let all = |min, max, rows| by_row_group(Range { min, max }, rows).collect::<Vec<_>>();
        assert_eq!(all(5, 9, 10), [(Range { min: 5, max: 9 }, 10)]);
        let groups = ROW_GROUP_ROWS as u64;
        for (min, max, rows) in
            [(0, 99, 3 * groups), (7, 8, 32 * groups), (i64::MIN, i64::MAX, 2 * groups + 1)]
        {
            let stretches = all(min, max, rows);
            assert_eq!((stretches[0].0.min, stretches[stretches.len() - 1].0.max), (min, max));
            assert!(stretches.windows(2).all(|pair| pair[0].0.max + 1 == pair[1].0.min), "{stretches:?}");
        }
    }
}
