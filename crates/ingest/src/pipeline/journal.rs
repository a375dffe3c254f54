use arrow::array::RecordBatch;
use model::Table;
use store::log::{Block, BlockBuilder, Damage, LogError};
use store::{Store, StoreError};

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
}
