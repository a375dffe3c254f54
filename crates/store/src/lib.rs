//! Everything that is kept: how does an accepted packet become a row that is found in a second and still there
//! after a power cut?
//!
//! ```text
//!            accepted packets                     records of all packets up to block n
//!                  |                                          |
//!            log().append                                  publish
//!                  v                                          v
//!   [ log: blocks, synced ] -- replay after a crash --> [ hot: Arrow batches ] -- settle --> [ lake: Parquet, Delta ]
//!                  ^                                          |                                    |
//!                  |                                          +------------- search, sql ----------+
//!                  +---- segments go once every table has settled past them
//! ```
//!
//! * [`log`]: accepted means written and synced here. Blocks are numbered without gaps.
//! * **Hot** ([`Store::publish`]): rows are searchable at once, held in memory, bounded. When the bound is reached,
//!   publishing waits, so that a full disk becomes back pressure and never a lost row.
//! * **Lake**: one Delta table per record kind, readable by any engine. Every commit remembers the last block it
//!   covers, so replay after a crash skips exactly what is already there, per table ([`Store::settled`]).
//! * **Derived** ([`Store::publish_derived`]): rows made of other rows, such as one for each call. They settle when
//!   nothing can follow them.
//! * **Compact**: small files of the lake become few and well sorted ones, in the background.
//! * **Ask** ([`Store::search`], [`Store::sql`]): over one immutable view of files and hot rows, each row once.
//! * **Watch** ([`Store::tail`]): rows as they are published, for whoever looks on live.
//! * **Retention**: by age, bytes and free disk, oldest first, all the time.
//! * [`backup`]: what a folder held at one moment, into another folder and back, also while a server has it open.
//! * [`check`]: without a server, whether a folder has what it should, and mending what can be mended.
//!
//! The data plane (`log`, `publish`, [`TableBatch`]) is synchronous and cheap. Questions run on threads the store
//! owns; their answers stream.

mod batch;
mod carried;
mod clock;
pub mod columns;
mod compact;
mod config;
mod error;
mod folder;
mod hot;
mod lake;
mod retain;
mod schema;
mod search;
mod settle;
mod status;
mod storage;
mod store;
mod tail;
mod times;
mod view;

pub mod backup;
pub mod check;
pub mod log;

pub use batch::TableBatch;
pub use carried::{Going, Minutes, Unfinished};
pub use config::{Bucket, Config, LakeLocation, Limits, Retention};
pub use error::StoreError;
pub use hot::Derived;
pub use lake::nodes::node_number;
pub use search::{Answer, Cursor, Cut, Order, SearchRequest};
pub use status::{Alarm, CompactionStatus, StoreStatus, TableStatus};
pub use storage::{Amount, Measured, NextFile, Storage, TableStorage};
pub use store::Store;
pub use tail::{Seen, Tail, TailEnd};
pub use times::Times;
pub use view::block;
