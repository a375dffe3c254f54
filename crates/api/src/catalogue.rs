use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use model::{Kind, Unit};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ErrorBody;
use crate::state::ApiState;

/// What can be asked: the names of the query language and of SQL.
#[derive(Serialize, ToSchema)]
pub(crate) struct Catalogue {
    tables: Vec<Table>,
    /// Friendly names of the query language beside the fields.
    aliases: Vec<Named>,
    /// What may be odd about a packet.
    flags: Vec<Named>,
    /// The flags among them that name a correction of what known senders get wrong.
    corrections: Vec<Correction>,
    /// Why a packet may be refused.
    refusals: Vec<Named>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Correction {
    name: &'static str,
    /// Who is known to need it.
    senders: &'static str,
    doc: &'static str,
    /// Whether it is on unless the configuration says otherwise.
    is_default: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Table {
    name: &'static str,
    doc: &'static str,
    /// The HEP types it holds; none: whatever no other table does.
    #[schema(value_type = Vec<i32>)]
    hep_types: Vec<u16>,
    /// All columns in stored order.
    fields: Vec<Field>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Field {
    name: &'static str,
    /// text, int16, int32, int64, float, bool, time, bytes, ip, text_list, json
    kind: &'static str,
    /// s, ms, us, bytes, percent
    unit: Option<&'static str>,
    /// Few distinct values: worth offering for choice.
    facet: bool,
    /// Found fast among many.
    indexed: bool,
    doc: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Named {
    name: &'static str,
    doc: &'static str,
}

/// Tables, fields and flags
#[utoipa::path(get, path = "/api/v1/catalogue", tag = "about",
    responses((status = 200, body = Catalogue), (status = 401, body = ErrorBody)))]
pub(crate) async fn catalogue(State(state): State<ApiState>) -> Json<Catalogue> {
    let protocols = state.protocols();
    let tables = state.tables().iter().map(|table| Table {
        name: table.name,
        doc: table.doc,
        hep_types: protocols.hep_types(table),
        fields: table.columns().map(Field::from).collect(),
    });
    let aliases = state.catalogue().aliases().map(|(name, doc)| Named { name, doc });
    let flags = protocols::flags().iter().map(|(name, doc)| Named { name, doc });
    let corrections = protocols::corrections::ALL.iter().map(|rule| Correction {
        name: rule.name,
        senders: rule.senders,
        doc: rule.doc,
        is_default: rule.is_default,
    });
    let decoder = hep::Refusal::ALL.iter().map(|refusal| (refusal.cause(), refusal.doc()));
    let refusals: BTreeMap<_, _> = decoder.chain(state.live().refusals()).collect();
    Json(Catalogue {
        tables: tables.collect(),
        aliases: aliases.collect(),
        flags: flags.collect(),
        corrections: corrections.collect(),
        refusals: refusals.into_iter().map(|(name, doc)| Named { name, doc }).collect(),
    })
}

impl From<&model::Field> for Field {
    fn from(field: &model::Field) -> Self {
        Self {
            name: field.name,
            kind: kind_name(field.kind),
            unit: field.unit.map(unit_name),
            facet: field.facet,
            indexed: field.indexed,
            doc: field.doc,
        }
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Int16 => "int16",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Float => "float",
        Kind::Bool => "bool",
        Kind::Time => "time",
        Kind::Bytes => "bytes",
        Kind::Ip => "ip",
        Kind::TextList => "text_list",
        Kind::Json => "json",
    }
}

pub(crate) const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Bytes => "bytes",
        Unit::Percent => "percent",
    }
}
