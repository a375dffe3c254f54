use arrow::array::RecordBatch;
use model::query::{Expr, FieldRef, Literal};
use model::{COMMON, Table};
use store::log::{Block, BlockBuilder, Damage, LogError};
use store::{Derived, Going, Order, SearchRequest, Store, StoreError};

use super::sightings;

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
    fn publish_derived(&self, upto: u64, told: Vec<Derived>, waiting: Vec<Going>) -> Result<(), StoreError>;
    /// What went on when an earlier run ended.
    fn carried(&self) -> Vec<Going>;
    /// All SIP messages of these calls.
    fn messages_of(&self, call_ids: &[String]) -> Result<Vec<RecordBatch>, StoreError>;
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

    fn publish_derived(&self, upto: u64, told: Vec<Derived>, waiting: Vec<Going>) -> Result<(), StoreError> {
        Store::publish_derived(self, upto, told, waiting)
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
}
