//! The same conditions as a search's, to be evaluated on single batches: for rows that are watched as they come.

use std::sync::Arc;

use datafusion::common::DFSchema;
use model::Table;
use model::query::Expr;

use crate::StoreError;
use crate::search::compile::compile;
use crate::search::engine::Engine;
use crate::tail::Filter;
use crate::view::{TableView, View};

impl Engine {
    /// One place a table; nothing where no row can satisfy the condition.
    pub(crate) async fn filters(
        &self,
        view: &View,
        expr: &Expr,
        columns: &[String],
    ) -> Result<Vec<Option<Filter>>, StoreError> {
        let unknown =
            |name: &&String| !view.tables.iter().any(|view| view.table.column(name.as_str()).is_some());
        if let Some(name) = columns.iter().find(unknown) {
            return Err(StoreError::UnknownColumn(name.clone()));
        }
        let session = self.state(Vec::new());
        let tables = view.tables.clone();
        let (expr, columns) = (expr.clone(), columns.to_vec());
        self.on_question_thread(async move {
            let filter = |view: &Arc<TableView>| {
                let Some(condition) = compile(&expr, view.table) else { return Ok(None) };
                let schema = DFSchema::try_from(Arc::clone(&view.schema))?;
                Ok(Some(Filter {
                    condition: session.create_physical_expr(condition, &schema)?,
                    columns: places(view.table, &columns),
                    table: view.table.name,
                }))
            };
            tables.iter().map(filter).collect()
        })
        .await
    }
}

/// Where the columns asked for stand in the table: all but the payload if none is named.
fn places(table: &Table, asked: &[String]) -> Vec<usize> {
    let is_asked = |name: &str| match asked {
        [] => name != "raw",
        asked => asked.iter().any(|asked| asked == name),
    };
    table.columns().enumerate().filter(|(_, field)| is_asked(field.name)).map(|(place, _)| place).collect()
}
