//! The view `messages`: every stored packet once, whatever its table, with the columns that scripts rely on.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::LogicalPlanBuilder;
use model::messages::COLUMNS;

use crate::search::compile::named;
use crate::search::provider::Snapshot;

pub(super) fn messages(tables: &[(&'static str, Arc<Snapshot>)]) -> Result<Option<Arc<dyn TableProvider>>> {
    let mut union: Option<LogicalPlanBuilder> = None;
    for (name, table) in tables.iter().filter(|(_, table)| !table.view().is_derived) {
        let source = provider_as_source(Arc::clone(table) as Arc<dyn TableProvider>);
        let rows =
            LogicalPlanBuilder::scan(*name, source, None)?.project(COLUMNS.iter().map(|name| named(name)))?;
        union = Some(match union {
            None => rows,
            Some(union) => union.union(rows.build()?)?,
        });
    }
    let Some(union) = union else { return Ok(None) };
    Ok(Some(Arc::new(ViewTable::new(union.build()?, None))))
}
