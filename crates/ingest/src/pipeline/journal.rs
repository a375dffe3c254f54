use std::time::Duration;

use arrow::array::RecordBatch;
use calls::kpi::{By, KPI_1M};
use model::query::{Expr, FieldRef, Literal, Op};
use model::{COMMON, Micros, Table};
use store::log::{Block, BlockBuilder, Damage, LogError};
use store::{Derived, Going, Limits, Minutes, Order, SearchRequest, Store, StoreError, Unfinished};

use super::{over, sightings};

/// Rows of calls are asked for by the thread that follows calls: it has no more time than this.
const CALLS_TIME_MAX: Duration = Duration::from_secs(10);

/// What the pipeline needs of the store: the seam where tests put a log that fails.
pub(crate) trait Journal: Send + Sync {
    fn append(&self, builder: &mut BlockBuilder) -> Result<Block, LogError>;
    /// The highest block so far.
    fn last_seq(&self) -> u64;
    fn replay(&self, after: u64) -> Box<dyn Iterator<Item = Result<Block, Damage>> + '_>;
    /// The highest block that this table has in the lake.
    fn settled(&self, table: &'static Table) -> u64;
    /// Makes rows searchable; `upto` says that all rows of all blocks up to it have now been given.
    fn publish(&self, upto: u64, batches: Vec<(&'static Table, RecordBatch)>) -> Result<(), StoreError>;
    /// Tables whose rows are made of messages; none: no rows are.
    fn derived(&self) -> &'static [&'static Table];
    fn publish_derived(
        &self,
        upto: u64,
        told: Vec<Derived>,
        unfinished: Unfinished,
    ) -> Result<(), StoreError>;
    /// What went on when an earlier run ended.
    fn carried(&self) -> Vec<Going>;
    /// All SIP messages of these calls.
    fn messages_of(&self, call_ids: &[String]) -> Result<Vec<RecordBatch>, StoreError>;
    /// What an earlier run knew of minutes.
    fn minutes(&self) -> Option<Minutes>;
    /// Rows of calls that began at the first time or later, but before the last.
    fn calls_of(&self, span: (i64, i64)) -> Result<Vec<RecordBatch>, StoreError>;
    /// What there is of the figures of these minutes, of all calls of each.
    fn figures_of(&self, span: (i64, i64)) -> Result<Vec<RecordBatch>, StoreError>;
}

impl Journal for Store {
    fn append(&self, builder: &mut BlockBuilder) -> Result<Block, LogError> {
        self.log().append(builder)
    }

    fn last_seq(&self) -> u64 {
        self.log().last_seq()
    }

    fn replay(&self, after: u64) -> Box<dyn Iterator<Item = Result<Block, Damage>> + '_> {
        Box::new(self.log().replay(after))
    }

    fn settled(&self, table: &'static Table) -> u64 {
        Store::settled(self, table)
    }

    fn publish(&self, upto: u64, batches: Vec<(&'static Table, RecordBatch)>) -> Result<(), StoreError> {
        Store::publish(self, upto, batches)
    }

    fn derived(&self) -> &'static [&'static Table] {
        Store::derived(self)
    }

    fn publish_derived(
        &self,
        upto: u64,
        told: Vec<Derived>,
        unfinished: Unfinished,
    ) -> Result<(), StoreError> {
        Store::publish_derived(self, upto, told, unfinished)
    }

    fn carried(&self) -> Vec<Going> {
        self.take_carried()
    }

    fn messages_of(&self, call_ids: &[String]) -> Result<Vec<RecordBatch>, StoreError> {
        let call_id = COMMON.iter().find(|field| field.name == "call_id").expect("every table has it");
        let values = call_ids.iter().map(|call_id| Literal::Text(call_id.clone())).collect();
        let mut request = SearchRequest::new(Expr::InList { field: FieldRef::new(None, call_id), values });
        request.tables = vec![sightings::TABLE.to_owned()];
        request.columns = sightings::columns().map(str::to_owned).collect();
        request.order = Order::OldestFirst;
        self.search_now(request)
    }

    fn minutes(&self) -> Option<Minutes> {
        Store::minutes(self)
    }

    fn calls_of(&self, span: (i64, i64)) -> Result<Vec<RecordBatch>, StoreError> {
        self.search_now(within(span, &calls::CALLS, Expr::Always, over::columns()))
    }

    fn figures_of(&self, span: (i64, i64)) -> Result<Vec<RecordBatch>, StoreError> {
        let Some(by) = KPI_1M.column("grouped_by") else { return Ok(Vec::new()) };
        let is_all = Expr::Compare {
            field: FieldRef::new(None, by),
            op: Op::Eq,
            value: Literal::Text(By::All.as_str().to_owned()),
        };
        self.search_now(within(span, &KPI_1M, is_all, over::SIZE_COLUMNS.iter().copied()))
    }
}

/// Rows of a table that are of this time: from the first, and before the last.
fn within(
    (from, to): (i64, i64),
    table: &Table,
    expr: Expr,
    columns: impl Iterator<Item = &'static str>,
) -> SearchRequest {
    SearchRequest {
        tables: vec![table.name.to_owned()],
        from: Some(Micros(from)),
        to: Some(Micros(to)),
        columns: columns.map(str::to_owned).collect(),
        order: Order::OldestFirst,
        limits: Some(Limits { time_max: CALLS_TIME_MAX, ..Limits::default() }),
        ..SearchRequest::new(expr)
    }
}
