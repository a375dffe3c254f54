//! Types that are defined at run time: a document gives the name, the fields, the correlation rules and the retention
//! of any JSON that comes over HEP, without a file here and without a rebuild.
//!
//! Two forms of document become one [`Definition`]: our TOML, and HOMER's `mapping_schema` ([`read_homer`]). A
//! definition is checked by [`Mapping::new`], and [`crate::Protocols::with`] puts it beside the built-in types.

mod definition;
mod error;
mod homer;
mod homer_legs;
mod path;
mod value;

pub use definition::{Correlation, Definition, FieldDefinition};
pub use error::MappingError;
pub use homer::{Imported, read_homer};
pub use homer_legs::{ImportedLegs, read_homer_legs};

use std::ops::Range;

use hep::Packet;
use model::{COMMON, Field, Kind, Rows, TAIL, Table, Value};

use crate::draft::Draft;
use crate::flags::BAD_VALUE;
use crate::json::{self, Json};
use crate::summary::Summary;
use crate::text;
use definition::{KINDS, UNITS};
use error::hint;
use homer::common_column;
use path::Tree;

/// Columns of one type. Each takes memory in every batch of rows, and a part of every file.
pub const FIELDS_MAX: usize = 200;
/// Payload types of one definition.
pub const HEP_TYPES_MAX: usize = 64;
/// Correlation rules of one type.
pub const CORRELATIONS_MAX: usize = 32;
/// Longest name of a table or column: PostgreSQL's, which clients of SQL count on.
const NAME_BYTES_MAX: usize = 63;
/// HOMER's, when nothing is said.
const RETENTION_DAYS_DEFAULT: u32 = 10;
/// A hundred years: more is a slip of the finger.
const RETENTION_DAYS_MAX: u32 = 36_500;
/// The column that joins to a call; every table has it.
const CALL_ID: &str = "call_id";
/// The column of the line that lists and ladders show.
const SUMMARY: &str = "text";

/// A type defined at run time, checked and ready to read payloads.
///
/// Its names and its table live as long as the program, as those of built-in types do: a server makes its mappings
/// once at its start, and their number is limited.
#[derive(Debug)]
pub struct Mapping {
    pub(crate) table: &'static Table,
    pub(crate) hep_types: Vec<u16>,
    profile: Option<String>,
    /// Where the values of the columns are, and then those that are only the id of the call.
    tree: Tree,
    kinds: Vec<Kind>,
    call_id_slots: Range<usize>,
    has_summary: bool,
    pub(crate) rules: Vec<Rule>,
    joins: Vec<Join>,
}

/// A join, declared: rows of other types belong to a row of this one if they have its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The column of this table.
    pub column: &'static str,
    pub table: &'static str,
    pub table_column: &'static str,
    /// How far the other row may be from this one, in seconds.
    pub seconds: [i64; 2],
}

/// A correlation whose other side has not been looked up yet.
#[derive(Debug)]
pub(crate) struct Rule {
    at: String,
    column: &'static str,
    lookup_id: u16,
    lookup_field: String,
    seconds: [i64; 2],
}

impl Mapping {
    /// Checks a definition. Positions in errors count from the definition.
    pub fn new(definition: &Definition) -> Result<Self, MappingError> {
        let name = table_name(&definition.name).map_err(|message| MappingError::new("name", message))?;
        check_amount(definition)?;
        let retention_days = definition.retention_days.unwrap_or(RETENTION_DAYS_DEFAULT);
        if !(1..=RETENTION_DAYS_MAX).contains(&retention_days) {
            let message = format!("{retention_days} days are not between 1 and {RETENTION_DAYS_MAX}");
            return Err(MappingError::new("retention_days", message));
        }
        let mut columns = Columns::default();
        for (place, field) in definition.field.iter().enumerate() {
            columns.add(field).map_err(|error| error.within(&format!("field[{place}]")))?;
        }
        let mut rules = Vec::new();
        for (place, rule) in definition.correlation_mapping.iter().enumerate() {
            let at = format!("correlation_mapping[{place}]");
            let column = match common_column(&rule.source_field) {
                Some(column) => column,
                None if names_call(&rule.lookup_field) => columns.call_id(&rule.source_field, &at)?,
                None => columns.source(&rule.source_field, &at)?,
            };
            if rule.lookup_range[0] > rule.lookup_range[1] {
                let [from, to] = rule.lookup_range;
                let message = format!("[{from}, {to}] ends before it begins");
                return Err(MappingError::new(format!("{at}.lookup_range"), message));
            }
            rules.push(Rule {
                at,
                column,
                lookup_id: rule.lookup_id,
                lookup_field: rule.lookup_field.clone(),
                seconds: rule.lookup_range,
            });
        }
        let has_summary = !columns.fields.iter().any(|field| field.name == SUMMARY);
        let (tree, kinds) = columns.tree();
        let call_id_slots = columns.fields.len()..kinds.len();
        let mut fields = columns.fields;
        if has_summary {
            fields.push(Field::new(
                SUMMARY,
                Kind::Text,
                "The fields of the record in a line; raw has everything",
            ));
        }
        let types: Vec<String> = definition.hep_types.iter().map(u16::to_string).collect();
        let doc = match &definition.doc {
            Some(doc) => doc.clone(),
            None => format!("{}, as defined for HEP type {}", definition.name, types.join(", ")),
        };
        let (name, doc) = (leaked(name), leaked(doc));
        let table = Table { name, doc, retention_days, rows: Rows::PACKETS, fields: Vec::leak(fields) };
        Ok(Self {
            table: Box::leak(Box::new(table)),
            hep_types: definition.hep_types.clone(),
            profile: definition.profile.clone(),
            tree,
            kinds,
            call_id_slots,
            has_summary,
            rules,
            joins: Vec::new(),
        })
    }

    /// Where its records go.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// HOMER's word for a part of a type's traffic.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// What its rows join to, beside the call that `call_id` names.
    pub fn joins(&self) -> &[Join] {
        &self.joins
    }

    /// Reads no payload any more: its table stays for the rows that are in it.
    #[must_use]
    pub fn retired(self) -> Self {
        Self { hep_types: Vec::new(), rules: Vec::new(), ..self }
    }

    /// Looks up the other side of every rule: `table_of` gives the table of a payload type.
    pub(crate) fn join(&mut self, table_of: impl Fn(u16) -> &'static Table) -> Result<(), MappingError> {
        for rule in std::mem::take(&mut self.rules) {
            let table = table_of(rule.lookup_id);
            let Some(table_column) = column_of(&rule.lookup_field, table) else {
                let near = hint(&rule.lookup_field, table.columns().map(|field| field.name));
                let message = format!(
                    "{:?} is no field of type {}, which is in table {}{near}",
                    rule.lookup_field, rule.lookup_id, table.name
                );
                return Err(MappingError::new(format!("{}.lookup_field", rule.at), message));
            };
            self.joins.push(Join {
                column: rule.column,
                table: table.name,
                table_column,
                seconds: rule.seconds,
            });
        }
        Ok(())
    }

    /// Takes the columns out of the first object of the payload. What is no JSON is kept all the same.
    pub(crate) fn understand<'a>(&self, packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
        let payload = text::of(packet, draft);
        let objects = json::objects(&payload, draft);
        let mut values = vec![Value::Null; self.kinds.len()];
        let mut is_misfit = false;
        if let Some(object) = objects.first() {
            self.tree.walk(object, &mut |slot, json| match value::typed(json, self.kinds[slot]) {
                Ok(value) => values[slot] = value,
                Err(()) => is_misfit = true,
            });
        }
        if is_misfit {
            draft.flag(BAD_VALUE);
        }
        let call_id = values[self.call_id_slots.clone()].iter().find_map(|value| match value {
            Value::Text(text) if text::is_call_id(text) => Some(text.clone()),
            _ => None,
        });
        if let Some(call_id) = call_id {
            draft.set_call_id(call_id);
        }
        let summary = self.has_summary.then(|| self.summary(&values, objects.first(), &payload));
        let own = self.table.fields.len() - usize::from(self.has_summary);
        values.into_iter().take(own).for_each(|value| draft.push(value));
        if let Some(summary) = summary {
            draft.push(summary);
        }
    }

    /// `name=value` of the columns that may be shown to all; of a type without fields, of the payload's own members.
    fn summary(&self, values: &[Value<'_>], object: Option<&Json<'_>>, payload: &str) -> Option<String> {
        let Some(object) = object else { return Summary::of(payload).finish() };
        let own = self.table.fields.len() - usize::from(self.has_summary);
        let mut summary = Summary::default();
        if own == 0 {
            let members = object.members().unwrap_or_default();
            let shown = members.iter().filter_map(|(key, value)| Some((key, value.as_text()?)));
            for (key, value) in shown.filter(|(key, _)| !crate::members::is_secret(key)) {
                summary = summary.word(&format!("{key}={value}"));
            }
            return summary.finish();
        }
        for (field, value) in self.table.fields.iter().zip(values).filter(|(field, _)| !field.private) {
            let shown = match value {
                Value::Text(text) => text.to_string(),
                Value::Int(number) if field.kind == Kind::Time => model::Micros(*number).to_string(),
                Value::Int(number) => number.to_string(),
                Value::Float(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                _ => continue,
            };
            summary = summary.word(&format!("{}={shown}", field.name));
        }
        summary.finish()
    }
}

/// The columns of a mapping as they come together. Slots of the tree are places in `fields`, and after those the
/// places of values that have no column of their own.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    paths: Vec<Vec<path::Step>>,
    /// Of Call-IDs, which go to the column `call_id` that every table has.
    call_ids: Vec<Vec<path::Step>>,
}

impl Columns {
    fn add(&mut self, definition: &FieldDefinition) -> Result<(), MappingError> {
        let path = path::parse(&definition.path).map_err(|message| MappingError::new("path", message))?;
        let name = match &definition.name {
            Some(name) => name.clone(),
            None => name_of(&path),
        };
        let name = column_name(&name).map_err(|message| MappingError::new("name", message))?;
        let wrong = |message: String| Err(MappingError::new("name", message));
        if is_common(&name) {
            return wrong(format!(
                "{name} is a column of every table; write `name` to call this one something else"
            ));
        }
        if self.fields.iter().any(|field| field.name == name) {
            return wrong(format!("{name} is there twice; write `name` to call one of them something else"));
        }
        let kind = named(definition.kind.as_deref().unwrap_or("text"), KINDS, "kind")?;
        let unit = definition.unit.as_deref().map(|unit| named(unit, UNITS, "unit")).transpose()?;
        if unit.is_some() && !matches!(kind, Kind::Int64 | Kind::Float) {
            return Err(MappingError::new("unit", "only int and float have a unit"));
        }
        if name == SUMMARY && kind != Kind::Text {
            return wrong(format!("{SUMMARY} is the line that lists show, so it must be of kind text"));
        }
        let doc = definition.doc.clone().unwrap_or_else(|| format!("{} of the payload", definition.path));
        let (indexed, facet, private) = (definition.indexed, definition.facet, definition.private);
        self.push(
            path,
            Field { unit, indexed, facet, private, ..Field::new(leaked(name), kind, leaked(doc)) },
        );
        Ok(())
    }

    fn push(&mut self, path: Vec<path::Step>, field: Field) {
        self.paths.push(path);
        self.fields.push(field);
    }

    /// The source is the id of the call: it goes to the column of that name.
    fn call_id(&mut self, source: &str, at: &str) -> Result<&'static str, MappingError> {
        let path = path::parse(source).map_err(|message| wrong_source(at, message))?;
        self.call_ids.push(path);
        Ok(CALL_ID)
    }

    /// The column that holds the source of a rule; one is made if there is none, since a join needs the value.
    fn source(&mut self, source: &str, at: &str) -> Result<&'static str, MappingError> {
        let path = path::parse(source).map_err(|message| wrong_source(at, message))?;
        if let Some(known) = self.paths.iter().position(|known| *known == path) {
            return Ok(self.fields[known].name);
        }
        let name = column_name(&name_of(&path)).map_err(|message| wrong_source(at, message))?;
        if is_common(&name) || self.fields.iter().any(|field| field.name == name) {
            let message = format!("{source:?} needs a column, and {name} is taken; define a field for it");
            return Err(wrong_source(at, message));
        }
        let name = leaked(name);
        let doc = leaked(format!("{source} of the payload, which joins to other records"));
        self.push(path, Field::new(name, Kind::Text, doc).indexed());
        Ok(name)
    }

    fn tree(&self) -> (Tree, Vec<Kind>) {
        let mut tree = Tree::default();
        let mut kinds: Vec<Kind> = self.fields.iter().map(|field| field.kind).collect();
        kinds.extend(self.call_ids.iter().map(|_| Kind::Text));
        for (slot, path) in self.paths.iter().chain(&self.call_ids).enumerate() {
            tree.insert(path, slot);
        }
        (tree, kinds)
    }
}

fn wrong_source(at: &str, message: String) -> MappingError {
    MappingError::new(format!("{at}.source_field"), message)
}

fn check_amount(definition: &Definition) -> Result<(), MappingError> {
    let lists = [
        ("hep_types", definition.hep_types.len(), HEP_TYPES_MAX),
        ("field", definition.field.len(), FIELDS_MAX),
        ("correlation_mapping", definition.correlation_mapping.len(), CORRELATIONS_MAX),
    ];
    for (at, amount, most) in lists {
        if amount > most {
            return Err(MappingError::new(at, format!("{amount} are more than the {most} allowed")));
        }
    }
    if definition.hep_types.is_empty() {
        return Err(MappingError::new("hep_types", "no HEP type is named"));
    }
    let mut seen = definition.hep_types.clone();
    seen.sort_unstable();
    if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(MappingError::new("hep_types", format!("{} is there twice", pair[0])));
    }
    if definition.hep_types.contains(&0) {
        return Err(MappingError::new("hep_types", "0 stands for packets that name no type"));
    }
    Ok(())
}

fn named<T: Copy>(written: &str, known: &[(&str, T)], at: &str) -> Result<T, MappingError> {
    let found = known.iter().find(|(name, _)| *name == written);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let near = hint(written, names.iter().copied());
        MappingError::new(at, format!("{written:?} is none of {}{near}", names.join(", ")))
    })
}

fn is_common(name: &str) -> bool {
    COMMON.iter().chain(TAIL).any(|field| field.name == name)
}

/// The name of a table, from what people call the type.
fn table_name(written: &str) -> Result<String, String> {
    let name = column_name(written)?;
    if name == model::messages::NAME {
        return Err(format!("{name} is the view over all tables; choose another name"));
    }
    Ok(name)
}

/// Lower-case letters, digits and underscores, a letter first: what needs no quotes in SQL.
fn column_name(written: &str) -> Result<String, String> {
    let mut name = String::with_capacity(written.len());
    for letter in written.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        return Err(format!("{written:?} makes no name; a name begins with a letter from a to z"));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("{name} is longer than {NAME_BYTES_MAX} letters"));
    }
    Ok(name.to_owned())
}

/// The names along the path.
fn name_of(path: &[path::Step]) -> String {
    let names: Vec<String> = path
        .iter()
        .map(|step| match step {
            path::Step::Member(name) => name.clone(),
            path::Step::Item(place) => place.to_string(),
        })
        .collect();
    names.join("_")
}

/// Whether what a rule looks up is the Call-ID.
fn names_call(lookup_field: &str) -> bool {
    common_column(lookup_field) == Some(CALL_ID) || payload_name(lookup_field) == "callid"
}

/// The column of a table that the name of a field stands for, in HOMER's words or in ours.
fn column_of(name: &str, table: &'static Table) -> Option<&'static str> {
    let name = match common_column(name) {
        Some(column) => column.to_owned(),
        None => payload_name(name),
    };
    let known = |wanted: &str| table.columns().find(|field| field.name == wanted).map(|field| field.name);
    known(&name).or_else(|| {
        let (_, ours) = homer::SIP_COLUMNS.iter().find(|(theirs, _)| *theirs == name)?;
        known(ours)
    })
}

/// `data_header->>'from_user'` and `data_header.from_user` without what stands for the payload.
fn payload_name(name: &str) -> String {
    let plain = homer::plain(name);
    let name = plain.strip_prefix("data_header.").unwrap_or(&plain);
    column_name(name).unwrap_or_else(|_| name.to_owned())
}

fn leaked(text: String) -> &'static str {
    text.leak()
}
