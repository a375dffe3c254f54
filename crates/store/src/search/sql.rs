//! Read-only SQL: exactly one query over our tables, and nothing else.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::config::Dialect;
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement as Ast};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::search::Answer;
use crate::search::engine::Engine;
use crate::search::messages::messages;
use crate::view::View;
use crate::{Limits, StoreError};

/// Longest statement: far beyond what people write, enough for a pasted list of ten thousand Call-IDs.
const STATEMENT_BYTES_MAX: usize = 512 * 1024;

/// Most operators, parentheses and keywords. Each can nest the plan one deeper, and a plan is walked by recursion:
/// the threads for questions have room for this many.
const NESTING_TOKENS_MAX: usize = 2_000;

impl Engine {
    pub(crate) async fn sql(
        &self,
        view: Arc<View>,
        text: &str,
        limits: Option<Limits>,
    ) -> Result<Answer, StoreError> {
        let snapshots = self.snapshots(&view);
        let mut tables: Vec<(&str, Arc<dyn TableProvider>)> =
            snapshots.iter().map(|(name, table)| (*name, Arc::clone(table) as _)).collect();
        tables.extend(messages(&snapshots)?.map(|messages| (model::messages::NAME, messages)));
        let planning = plan(self.state(tables), text.to_owned());
        let frame = self.on_question_thread(planning).await?;
        let schema = Arc::clone(frame.schema().inner());
        let limits = limits.unwrap_or(self.limits);
        Ok(self.answer(schema, limits, &self.sql, &self.turns, move |rows| async move {
            rows.send_all(frame, Ok).await;
        }))
    }
}

async fn plan(state: SessionState, text: String) -> Result<DataFrame, StoreError> {
    check_size(&text)?;
    let statement = state.sql_to_statement(&text, &Dialect::PostgreSQL)?;
    check(&statement)?;
    let plan = state.statement_to_plan(statement).await?;
    // The second lock on the same door: nothing but a query comes out of the planner.
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    Ok(SessionContext::new_with_state(state).execute_logical_plan(plan).await?)
}

fn check_size(text: &str) -> Result<(), StoreError> {
    if text.len() > STATEMENT_BYTES_MAX {
        return Err(StoreError::Refused(format!("a statement of {} bytes is too long", text.len())));
    }
    let dialect = PostgreSqlDialect {};
    let tokens =
        Tokenizer::new(&dialect, text).tokenize().map_err(|error| StoreError::Query(error.to_string()))?;
    let nesting = tokens.iter().filter(|token| nests(token)).count();
    if nesting > NESTING_TOKENS_MAX {
        return Err(StoreError::Refused(format!(
            "a statement with {nesting} operators and keywords is too deep, {NESTING_TOKENS_MAX} are allowed"
        )));
    }
    Ok(())
}

/// Whether a token may make the plan deeper: all but names, values and what separates them.
fn nests(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::EOF => false,
        _ => true,
    }
}

/// Exactly one `SELECT`, or several joined by `UNION` and the like, perhaps with `WITH` before them.
fn check(statement: &Statement) -> Result<(), StoreError> {
    match statement {
        Statement::Statement(ast) => match ast.as_ref() {
            Ast::Query(query) => check_query(query),
            other => Err(refused(&other.to_string())),
        },
        other => Err(refused(&other.to_string())),
    }
}

fn check_query(query: &Query) -> Result<(), StoreError> {
    if let Some(with) = &query.with {
        for part in &with.cte_tables {
            check_query(&part.query)?;
        }
    }
    check_body(&query.body)
}

fn check_body(body: &SetExpr) -> Result<(), StoreError> {
    match body {
        SetExpr::Select(select) if select.into.is_some() => Err(refused("SELECT INTO")),
        SetExpr::Select(_) | SetExpr::Values(_) => Ok(()),
        SetExpr::Query(query) => check_query(query),
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        other => Err(refused(&other.to_string())),
    }
}

fn refused(what: &str) -> StoreError {
    let word: String = what.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    StoreError::Refused(format!("only a single SELECT is answered here, not {word}"))
}
