//! Leaving out what cannot satisfy a condition: files and hot batches by their ranges of `id`, `ts` and `received`,
//! files also by the filter of the calls they hold.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, TimestampMicrosecondArray, UInt64Array};
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};

use crate::lake::LakeFile;
use crate::lake::keys::KEY_COLUMNS;
use crate::schema::UTC;
use crate::view::{HotBatch, Range, Ranges, TableView};

/// Files and hot batches, in the order of the view.
pub(super) type Parts<'v> = (Vec<&'v Arc<LakeFile>>, Vec<&'v Arc<HotBatch>>);

/// Those that may hold an answer.
pub(super) fn prune<'v>(view: &'v TableView, state: &dyn Session, filters: &[Expr]) -> Result<Parts<'v>> {
    if view.files.is_empty() && view.hot.is_empty() {
        return Ok(Parts::default());
    }
    let Some(filter) = conjunction(filters.iter().cloned()) else {
        return Ok((view.files.iter().collect(), view.hot.iter().collect()));
    };
    let schema = DFSchema::try_from(Arc::clone(&view.schema))?;
    let filter = state.create_physical_expr(filter, &schema)?;
    let predicate =
        PruningPredicateBuilder::new().with_file_schema(Arc::clone(&view.schema)).try_build(filter);
    let Ok(predicate) = predicate else {
        // Not every expression can be turned into one over ranges; then everything is read.
        return Ok((view.files.iter().collect(), view.hot.iter().collect()));
    };
    let files = keep(&predicate, &view.files, |file| (file.ranges, file.rows))?;
    let hot = keep(&predicate, &view.hot, |batch| (Some(batch.ranges), batch.rows.num_rows() as u64))?;
    Ok((files, hot))
}

/// Whether only rows of certain calls can satisfy the condition: those are few, and files without them are known.
pub(super) fn names_a_call(filter: &Expr) -> bool {
    !may_hold(filter, &|_| false)
}

/// Whether rows that satisfy the condition may be among the calls that `holds` knows of.
pub(super) fn may_hold(filter: &Expr, holds: &impl Fn(&str) -> bool) -> bool {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            may_hold(left, holds) && may_hold(right, holds)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            may_hold(left, holds) || may_hold(right, holds)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (left.as_ref(), right.as_ref()) {
                (column, value) | (value, column) if is_key(column) => text(value).is_none_or(holds),
                _ => true,
            }
        }
        Expr::InList(InList { expr, list, negated: false }) if is_key(expr) => {
            list.iter().any(|value| text(value).is_none_or(holds))
        }
        _ => true,
    }
}

fn is_key(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if KEY_COLUMNS.contains(&column.name.as_str()))
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn keep<'v, T>(
    predicate: &PruningPredicate,
    parts: &'v [Arc<T>],
    facts: impl Fn(&T) -> (Option<Ranges>, u64),
) -> Result<Vec<&'v Arc<T>>> {
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let parts_facts = Facts(parts.iter().map(|part| facts(part)).collect());
    let kept = predicate.prune(&parts_facts)?;
    Ok(parts.iter().zip(kept).filter_map(|(part, kept)| kept.then_some(part)).collect())
}

/// Ranges and number of rows of each part.
struct Facts(Vec<(Option<Ranges>, u64)>);

impl Facts {
    fn column(&self, name: &str, pick: fn(Range) -> i64) -> Option<ArrayRef> {
        let values = |range: fn(&Ranges) -> Range| {
            self.0.iter().map(move |(ranges, _)| ranges.as_ref().map(range).map(pick))
        };
        let times = |range| Arc::new(values(range).collect::<TimestampMicrosecondArray>().with_timezone(UTC));
        match name {
            "id" => Some(Arc::new(values(|ranges| ranges.id).collect::<Int64Array>())),
            "ts" => Some(times(|ranges| ranges.ts)),
            "received" => Some(times(|ranges| ranges.received)),
            _ => None,
        }
    }
}

impl PruningStatistics for Facts {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.column(&column.name, |range| range.min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.column(&column.name, |range| range.max)
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        // A foreign file without statistics says nothing about its rows either.
        Some(Arc::new(self.0.iter().map(|(ranges, rows)| ranges.map(|_| *rows)).collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
