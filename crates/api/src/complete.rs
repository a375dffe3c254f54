use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Json;
use model::query::{self, Catalogue, Expr};
use model::{Field, Kind, Micros};
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};

use crate::ask::{self, Search, Window};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::row::{Cell, Row};
use crate::state::ApiState;
use crate::view::View;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompleteQuery {
    /// The text so far.
    #[serde(default)]
    q: String,
    /// Where the cursor stands, in UTF-16 code units as browsers count; its end if not given.
    at: Option<usize>,
}

/// What may be written next at the cursor.
#[derive(Serialize, ToSchema)]
pub(crate) struct Completion {
    /// Each option replaces the text from here to the cursor; counted as `at`.
    from: usize,
    options: Vec<CompletionOption>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CompletionOption {
    text: String,
    doc: String,
}

/// Complete a search text
#[utoipa::path(get, path = "/api/v1/complete", tag = "about", params(CompleteQuery),
    responses((status = 200, body = Completion), (status = 401, body = ErrorBody)))]
pub(crate) async fn complete(
    state: View,
    Parameters(asked): Parameters<CompleteQuery>,
) -> Result<Json<Completion>, ApiError> {
    if asked.q.len() > limits::QUERY_BYTES_MAX {
        return Err(ApiError::bad_request(format!("`q` is longer than {} bytes", limits::QUERY_BYTES_MAX)));
    }
    let cursor = asked.at.map_or(asked.q.len(), |units| bytes_before(&asked.q, units));
    // What recent messages hold is gathered for all, so that it is not for who may see a part.
    let catalogue = match state.scope().is_everything() {
        true => with_values(&state).await,
        false => Arc::new(state.catalogue().clone()),
    };
    let completion = query::complete(&asked.q, cursor, &catalogue);
    let options =
        completion.options.into_iter().map(|option| CompletionOption { text: option.text, doc: option.doc });
    Ok(Json(Completion { from: units_before(&asked.q, completion.from), options: options.collect() }))
}

/// The catalogue with the values that recent messages hold, gathered now and then.
#[derive(Default)]
pub(crate) struct Gathered {
    last: Mutex<Option<(Instant, Arc<Catalogue>)>>,
}

impl Gathered {
    /// What was gathered last, and whether it is due again. Whoever is told so does it: the others go on meanwhile.
    fn take_turn(&self, plain: &Catalogue) -> (Arc<Catalogue>, bool) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some((at, known)) => {
                let is_due = at.elapsed() >= limits::COMPLETION_REFRESH;
                if is_due {
                    *at = Instant::now();
                }
                (Arc::clone(known), is_due)
            }
            None => {
                let known = Arc::new(plain.clone());
                *last = Some((Instant::now(), Arc::clone(&known)));
                (known, true)
            }
        }
    }

    fn put(&self, catalogue: Arc<Catalogue>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), catalogue));
    }
}

async fn with_values(state: &ApiState) -> Arc<Catalogue> {
    let (known, is_due) = state.gathered().take_turn(state.catalogue());
    if !is_due {
        return known;
    }
    match gather(state).await {
        Ok(catalogue) => {
            let catalogue = Arc::new(catalogue);
            state.gathered().put(Arc::clone(&catalogue));
            catalogue
        }
        // Completion without the values of today is better than none.
        Err(_) => known,
    }
}

async fn gather(state: &ApiState) -> Result<Catalogue, ApiError> {
    let now = crate::time::now();
    let tables = ask::tables(state, None)?;
    let facets: Vec<&'static Field> =
        tables.iter().flat_map(|table| table.columns()).filter(|f| f.facet).collect();
    let mut columns = vec!["id", "ts"];
    for field in &facets {
        if !columns.contains(&field.name) {
            columns.push(field.name);
        }
    }
    let search = Search {
        expr: Expr::Always,
        tables,
        window: Window { from: Micros(now.0 - Micros::HOUR), to: Micros(now.0 + Micros::HOUR) },
        after: None,
        columns,
        limit: limits::COMPLETION_SAMPLE_ROWS,
        order: Order::NewestFirst,
        time_max: limits::COMPLETION_TIME_MAX,
    };
    let rows = ask::search(&View::whole(state), search).await?.rows;
    let mut values: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for row in &rows {
        for field in &facets {
            let seen = values.entry(field.name).or_default();
            if seen.len() < limits::COMPLETION_VALUES_MAX {
                seen.extend(values_of(row, field));
            }
        }
    }
    let catalogue = state.catalogue().clone();
    Ok(values.into_iter().fold(catalogue, |catalogue, (name, values)| catalogue.with_values(name, values)))
}

fn values_of(row: &Row, field: &Field) -> Vec<String> {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).into_iter().collect();
    let text = |text: &Option<String>| text.iter().cloned().collect();
    match field.name {
        "sender" => text(&row.sender),
        "listener" => text(&row.listener),
        "transport" => text(&row.transport),
        "src_ip" => text(&row.src_ip),
        "dst_ip" => text(&row.dst_ip),
        "node" => text(&row.node),
        "hep_version" => number(row.hep_version),
        "hep_type" => number(row.hep_type),
        "capture_id" => number(row.capture_id),
        "flags" => row.flags.clone(),
        name if field.kind == Kind::TextList => match row.cell(name) {
            Some(Cell::TextList(texts)) => texts.clone(),
            _ => Vec::new(),
        },
        name => match row.cell(name) {
            Some(Cell::Text(text)) => vec![text.clone()],
            Some(Cell::Int(value)) => vec![value.to_string()],
            _ => Vec::new(),
        },
    }
}

fn bytes_before(text: &str, units: usize) -> usize {
    let mut passed = 0;
    for (at, letter) in text.char_indices() {
        if passed >= units {
            return at;
        }
        passed += letter.len_utf16();
    }
    text.len()
}

fn units_before(text: &str, bytes: usize) -> usize {
    text.get(..bytes).unwrap_or(text).encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_counted_as_browsers_do() {
        let text = "é😀=x";
        assert_eq!(bytes_before(text, 0), 0);
        assert_eq!(bytes_before(text, 1), 2);
        assert_eq!(bytes_before(text, 3), 6);
        assert_eq!(bytes_before(text, 99), text.len());
        assert_eq!(units_before(text, 6), 3);
        assert_eq!(units_before(text, text.len()), 5);
    }
}
