//! What one caller may see of what is kept. Whoever asks the store for records does it with a [`View`], and a scope is part
//! of every plan that is made with one (`ask.rs`).

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use calls::kpi::KPI_1M;
use model::query::{self, Expr};
use model::{Micros, Table};

use crate::audit::Trail;
use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::limits;
use crate::state::ApiState;
use crate::time::now;

/// The state as one caller sees it.
#[derive(Clone)]
pub(crate) struct View {
    state: ApiState,
    scope: Arc<Scope>,
    trail: Trail,
}

/// What records must satisfy, so that they are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// All of them; none: everything is shown.
    terms: Vec<Expr>,
}

impl View {
    /// All that there is, for what is handed to nobody as it is.
    pub(crate) fn whole(state: &ApiState) -> Self {
        Self { state: state.clone(), scope: Arc::default(), trail: Trail::default() }
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// So many rows went to the caller.
    pub(crate) fn tell_rows(&self, rows: usize) {
        self.trail.add_rows(rows);
    }

    pub(crate) fn trail(&self) -> &Trail {
        &self.trail
    }
}

impl Deref for View {
    type Target = ApiState;

    fn deref(&self) -> &ApiState {
        &self.state
    }
}

impl FromRequestParts<ApiState> for View {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        // Without a caller there is no view: a route that is not guarded sees nothing.
        let caller = parts.extensions.get::<Caller>().ok_or_else(ApiError::unauthorized)?;
        let scope = Arc::new(Scope::of(state, &caller.scopes, now())?);
        let Ok(trail) = Trail::from_request_parts(parts, state).await;
        Ok(Self { state: state.clone(), scope, trail })
    }
}

impl Scope {
    /// Of texts that all hold. One that cannot be read any more, as of a type that is gone, shows nothing.
    fn of(state: &ApiState, texts: &[String], now: Micros) -> Result<Self, ApiError> {
        let read = |text: &String| {
            query::parse(text, state.catalogue(), now).map(|query| query.expr).map_err(|error| {
                tracing::error!(scope = %text, %error, "a scope cannot be read");
                ApiError::new(Code::Forbidden, format!("your scope cannot be read: {}", error.message))
            })
        };
        Ok(Self { terms: texts.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Refuses what is no scope.
    pub(crate) fn check(state: &ApiState, text: &str, now: Micros) -> Result<(), ApiError> {
        let wrong = |why: String| Err(ApiError::bad_request(format!("`scope`: {why}")));
        if text.len() > limits::SCOPE_BYTES_MAX {
            return wrong(format!("longer than {} bytes", limits::SCOPE_BYTES_MAX));
        }
        let expr = match query::parse(text, state.catalogue(), now) {
            Ok(query) => query.expr,
            Err(error) => {
                let suggestion = error.suggestion.map(|nearest| format!("; did you mean `{nearest}`?"));
                let message =
                    format!("{}, at {}{}", error.message, error.column, suggestion.unwrap_or_default());
                return wrong(message);
            }
        };
        if matches!(expr, Expr::Always | Expr::Never) {
            return wrong("it names nothing; leave it out for all that there is".to_owned());
        }
        if expr.reads_payload() {
            return wrong("it reads payloads, which whoever sends them writes: name fields".to_owned());
        }
        if let Some(field) = expr.name_beyond(state.protocols().tables()) {
            return wrong(format!("`{}` is of calls: name fields of messages", field.name));
        }
        Ok(())
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// The first name that rows of a derived table do not have: then these rows cannot be told apart. They are of another
    /// table than the messages they are made of.
    fn name_beyond(&self, table: &Table) -> Option<&'static str> {
        let missing = self.terms.iter().flat_map(Expr::fields).find(|field| !field.is_of(table));
        let of_table = || self.terms.iter().any(Expr::names_table).then_some("table");
        missing.map(|field| field.name).or_else(of_table)
    }

    /// Whether rows of this table can be told apart by it.
    pub(crate) fn knows(&self, table: &Table) -> bool {
        self.name_beyond(table).is_none()
    }

    /// What a plan over these tables must hold. Of messages a table without a name of the scope is as if it were empty;
    /// rows that are made of messages are refused then, as figures over nothing would be wrong.
    pub(crate) fn limit(&self, tables: &[&'static Table], derived: &[&Table]) -> Result<Expr, ApiError> {
        if self.is_everything() {
            return Ok(Expr::Always);
        }
        for table in tables.iter().filter(|table| derived.iter().any(|derived| derived.name == table.name)) {
            if table.name == KPI_1M.name {
                let message = format!("{} has figures of all calls, which your scope cannot cut", table.name);
                return Err(ApiError::new(Code::Forbidden, message));
            }
            if let Some(name) = self.name_beyond(table) {
                let message = format!("your scope names `{name}`, which rows of {} do not have", table.name);
                return Err(ApiError::new(Code::Forbidden, message));
            }
        }
        Ok(Expr::or(tables.iter().map(|table| {
            let admitted = self.terms.iter().map(|term| term.admitting(table));
            Expr::and(std::iter::once(Expr::Table(table.name)).chain(admitted))
        })))
    }
}
