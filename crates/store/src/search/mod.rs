//! Asking: how does a question become rows, newest first, without reading what cannot hold an answer?
//!
//! A question is put to one immutable [`View`]. Files and hot batches that cannot match by time, arrival or id are
//! left out before anything is opened; inside a file the Parquet reader cuts by bloom filter, row group and page,
//! and evaluates the rest of the condition before it decodes the other columns. Every plan ends in DataFusion's own
//! `DataSourceExec` nodes, so that it can be spread over other nodes later.

mod answer;
mod compile;
mod deadline;
mod engine;
mod filter;
mod find;
mod functions;
mod messages;
mod provider;
mod prune;
mod sql;

use model::Micros;
use model::query::Expr;

pub use answer::{Answer, Cut};
pub(crate) use engine::Engine;

/// What to find.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    pub expr: Expr,
    /// Names; empty for all tables.
    pub tables: Vec<String>,
    /// Of `ts`, included.
    pub from: Option<Micros>,
    /// Of `ts`, not included.
    pub to: Option<Micros>,
    /// Go on after this row, in the order asked for.
    pub after: Option<Cursor>,
    /// Columns of the answer, in order. The answer has `table` (text) before them; a row whose table lacks a column
    /// has nothing there. Empty for all columns of all tables except `raw`.
    pub columns: Vec<String>,
    /// Most rows; `None` for all.
    pub limit: Option<usize>,
    pub order: Order,
    /// Only rows of what goes on: see [`crate::Derived::open`]. They are all in memory.
    pub only_open: bool,
    /// Instead of the store's own limits.
    pub limits: Option<crate::Limits>,
}

/// By `ts`, and by `id` among equal times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// A row's place in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub ts: Micros,
    pub id: i64,
}

impl SearchRequest {
    /// Everything that satisfies the expression, newest first.
    pub fn new(expr: Expr) -> Self {
        Self {
            expr,
            tables: Vec::new(),
            from: None,
            to: None,
            after: None,
            columns: Vec::new(),
            limit: None,
            order: Order::NewestFirst,
            only_open: false,
            limits: None,
        }
    }
}
