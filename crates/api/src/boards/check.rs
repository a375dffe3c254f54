//! Whether a document is a board. What is wrong is said with the panel and the field.

use serde_json::{Map, Value};

use super::document::{Board, COLUMNS, Chart, Of, Panel, Source, SourceKind, VERSION};
use crate::call::By;
use crate::error::ApiError;
use crate::limits;
use crate::state::ApiState;
use crate::{ask, counts, time};

/// What a server says of a board and does not take from others: a board that was read can be sent as it is.
const TOLD: [&str; 5] = ["id", "owner", "is_mine", "created", "changed"];

/// A board as it was sent, and what was said beside it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) board: Board,
    pub(super) shared: bool,
    /// The version that was changed.
    pub(super) version: Option<i64>,
}

/// Reads a document and checks all of it.
pub(super) fn read(state: &ApiState, body: Value) -> Result<Sent, ApiError> {
    let Value::Object(mut sent) = body else {
        return Err(ApiError::bad_request("a board is a JSON object"));
    };
    for name in TOLD {
        sent.remove(name);
    }
    let shared = match sent.remove("shared") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(shared)) => shared,
        Some(other) => return Err(wrong(None, "shared", format!("must be true or false, not {other}"))),
    };
    let version = match sent.remove("version") {
        None | Some(Value::Null) => None,
        Some(version) => Some(version.as_i64().ok_or_else(|| wrong(None, "version", "must be a number"))?),
    };
    known_version(&sent)?;
    let value = Value::Object(sent);
    let board: Board = serde_path_to_error::deserialize(&value)
        .map_err(|error| unreadable(&value, &error.path().to_string(), error.inner()))?;
    whole(state, &board)?;
    Ok(Sent { board, shared, version })
}

fn known_version(sent: &Map<String, Value>) -> Result<(), ApiError> {
    match sent.get("rhapsode_board") {
        Some(version) if version.as_u64() == Some(u64::from(VERSION)) => Ok(()),
        Some(version) => {
            let what = format!("this server knows version {VERSION} of boards, not {version}");
            Err(wrong(None, "rhapsode_board", what))
        }
        None => Err(wrong(
            None,
            "rhapsode_board",
            format!("is missing: a board begins with \"rhapsode_board\": {VERSION}"),
        )),
    }
}

/// An error of the shape, with the panel it lies in: `panels[2].source.of` is a path of programs.
fn unreadable(value: &Value, path: &str, error: &serde_json::Error) -> ApiError {
    let inside = path.strip_prefix("panels[").and_then(|rest| rest.split_once(']'));
    let Some((place, field)) = inside.and_then(|(place, field)| Some((place.parse::<usize>().ok()?, field)))
    else {
        return wrong(None, if path == "." { "board" } else { path }, error);
    };
    let title = value["panels"][place]["title"].as_str().unwrap_or_default();
    let field = field.trim_start_matches('.');
    wrong(Some((place, title)), if field.is_empty() { "panel" } else { field }, error)
}

fn wrong(panel: Option<(usize, &str)>, field: &str, what: impl std::fmt::Display) -> ApiError {
    let panel = panel.map(|(place, title)| {
        let title: String = title.chars().take(limits::BOARD_TITLE_LETTERS_MAX).collect();
        format!("panel {} \"{title}\": ", place + 1)
    });
    ApiError::bad_request(format!("{}`{field}`: {what}", panel.unwrap_or_default()))
}

fn whole(state: &ApiState, board: &Board) -> Result<(), ApiError> {
    line(&board.title, 1, limits::BOARD_TITLE_LETTERS_MAX).map_err(|what| wrong(None, "title", what))?;
    letters(&board.note, limits::BOARD_NOTE_LETTERS_MAX).map_err(|what| wrong(None, "note", what))?;
    let back = board.from.strip_prefix('-').and_then(time::span).is_some_and(|span| span > 0);
    if !back {
        let what = format!("must be a span back from now such as -1h, not `{}`", board.from);
        return Err(wrong(None, "from", what));
    }
    if board.refresh_seconds != 0 && !(5..=3_600).contains(&board.refresh_seconds) {
        let what = format!("must be 5 to 3600, or 0 for never, not {}", board.refresh_seconds);
        return Err(wrong(None, "refresh_seconds", what));
    }
    let most = limits::BOARD_PANELS_MAX;
    if board.panels.len() > most {
        return Err(wrong(None, "panels", format!("{} are more than {most}", board.panels.len())));
    }
    for (place, panel) in board.panels.iter().enumerate() {
        let here = |(field, what): Wrong| wrong(Some((place, &panel.title)), field, what);
        self::panel(state, panel).map_err(here)?;
        if let Some(other) = board.panels[..place].iter().position(|other| overlap(panel, other)) {
            return Err(here(("x", format!("it lies over panel {}", other + 1))));
        }
    }
    Ok(())
}

/// The field, and what is wrong with it.
type Wrong = (&'static str, String);

fn panel(state: &ApiState, panel: &Panel) -> Result<(), Wrong> {
    line(&panel.title, 0, limits::BOARD_TITLE_LETTERS_MAX).map_err(|what| ("title", what))?;
    let rows = limits::BOARD_ROWS_MAX;
    within("w", panel.w, 1, COLUMNS)?;
    within("h", panel.h, 1, limits::BOARD_PANEL_ROWS_MAX)?;
    within("x", panel.x, 0, COLUMNS - panel.w)?;
    within("y", panel.y, 0, rows - panel.h)?;
    panel.top.map_or(Ok(()), |top| within("top", top, 1, 20))?;
    let has = |field: &'static str, is: bool, allowed: bool, whose: &str| match is && !allowed {
        true => Err((field, format!("is of {whose}"))),
        false => Ok(()),
    };
    let chart = panel.chart;
    has("stacked", panel.stacked, chart == Chart::Bar, "bars")?;
    has("zone", panel.zone.is_some(), chart == Chart::Clock, "clocks")?;
    has("text", panel.text.is_some(), chart == Chart::Note, "notes")?;
    has("warn", panel.warn.is_some(), chart == Chart::Number, "numbers")?;
    has("bad", panel.bad.is_some(), chart == Chart::Number, "numbers")?;
    match (panel.warn, panel.bad) {
        (Some(_), None) => return Err(("bad", "is missing: `warn` and `bad` go together".to_owned())),
        (None, Some(_)) => return Err(("warn", "is missing: `warn` and `bad` go together".to_owned())),
        (Some(warn), Some(bad)) if warn.total_cmp(&bad).is_eq() => {
            return Err(("bad", "must differ from `warn`: the side it lies on is the bad one".to_owned()));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    if let Some(zone) = &panel.zone {
        let is_name = |zone: &str| {
            !zone.is_empty()
                && zone.len() <= limits::BOARD_ZONE_BYTES_MAX
                && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte))
        };
        if !is_name(zone) {
            return Err(("zone", format!("must be a name such as Europe/Berlin, not `{zone}`")));
        }
    }
    if let Some(text) = &panel.text {
        letters(text, limits::BOARD_NOTE_LETTERS_MAX).map_err(|what| ("text", what))?;
    }
    match (chart, &panel.source) {
        (Chart::Clock | Chart::Note, None) => Ok(()),
        (Chart::Clock | Chart::Note, Some(_)) => Err(("source", "clocks and notes have none".to_owned())),
        (_, None) => Err(("source", "is missing".to_owned())),
        (_, Some(source)) => {
            let is_sql = source.kind == SourceKind::Sql;
            has("unit", panel.unit.is_some(), is_sql, "SQL sources: others know theirs")?;
            self::source(state, chart, source)
        }
    }
}

fn source(state: &ApiState, chart: Chart, source: &Source) -> Result<(), Wrong> {
    let refused = |field: &'static str, is: bool, whose: &str| match is {
        true => Err((field, format!("is of a source of kind {whose}"))),
        false => Ok(()),
    };
    refused("source.sql", !source.sql.is_empty() && source.kind != SourceKind::Sql, "sql")?;
    refused("source.measures", !source.measures.is_empty() && source.kind != SourceKind::Kpi, "kpi")?;
    refused("source.value", source.value.is_some() && source.kind != SourceKind::Search, "search")?;
    if source.kind == SourceKind::Sql {
        refused("source.of", source.of.is_some(), "kpi or search")?;
        refused("source.q", !source.q.is_empty(), "kpi or search")?;
        refused("source.by", source.by.is_some(), "kpi or search")?;
        let longest = limits::BOARD_SQL_BYTES_MAX;
        return match source.sql.trim().len() {
            0 => Err(("source.sql", "is missing".to_owned())),
            bytes if bytes > longest => Err(("source.sql", format!("is longer than {longest} bytes"))),
            _ => Ok(()),
        };
    }
    let Some(of) = source.of else {
        return Err(("source.of", "is missing: calls, registrations or messages".to_owned()));
    };
    let longest = limits::BOARD_QUERY_BYTES_MAX;
    if source.q.len() > longest {
        return Err(("source.q", format!("is longer than {longest} bytes")));
    }
    if chart == Chart::Number && source.by.is_some() {
        return Err(("source.by", "one number has no groups".to_owned()));
    }
    if source.kind == SourceKind::Kpi {
        kpi(state, chart, source, of)
    } else {
        search(state, chart, source, of)
    }
}

fn kpi(state: &ApiState, chart: Chart, source: &Source, of: Of) -> Result<(), Wrong> {
    let table = match of {
        Of::Calls => calls::CALLS.name,
        Of::Registrations => calls::REGISTRATIONS.name,
        Of::Messages => return Err(("source.of", "figures are of calls or registrations".to_owned())),
    };
    if let Some(table) = crate::call::derived_table(state, table) {
        ask::question_about(state, Some(&source.q), time::now(), table)
            .map_err(|error| ("source.q", error.message))?;
    }
    if let Some(other) = source.measures.iter().find(|measure| !measure.is_of(of)) {
        let name = serde_json::to_value(other).unwrap_or_default();
        return Err(("source.measures", format!("{table} have no {name}")));
    }
    if let Some(by) = &source.by {
        if of == Of::Registrations {
            return Err(("source.by", "registrations have no groups".to_owned()));
        }
        By::named(by).map_err(|error| ("source.by", error.to_string()))?;
    } else if chart == Chart::Heat {
        return Err(("source.by", "is missing: the groups are the rows of a heat map".to_owned()));
    }
    let most = if source.by.is_some() || chart == Chart::Number { 1 } else { 4 };
    match source.measures.len() {
        0 => Err(("source.measures", "names no figure".to_owned())),
        number if number > most => Err(("source.measures", format!("{number} are more than {most} here"))),
        _ => Ok(()),
    }
}

fn search(state: &ApiState, chart: Chart, source: &Source, of: Of) -> Result<(), Wrong> {
    let table = match of {
        Of::Calls => Some(calls::CALLS.name),
        Of::Registrations => Some(calls::REGISTRATIONS.name),
        Of::Messages => None,
    };
    ask::question(state, Some(&source.q), time::now()).map_err(|error| ("source.q", error.message))?;
    match (chart, &source.by, &source.value) {
        (Chart::Heat, Some(_), Some(_)) => {
            return Err((
                "source.value",
                "a heat map is by groups or by ranges of a number, not both".to_owned(),
            ));
        }
        (Chart::Heat, None, None) => {
            return Err((
                "source.value",
                "is missing: the ranges of a number are the rows of a heat map".to_owned(),
            ));
        }
        (Chart::Heat, _, _) | (_, _, None) => {}
        (_, _, Some(_)) => return Err(("source.value", "is of heat maps".to_owned())),
    }
    let Ok(tables) = ask::tables(state, table) else { return Ok(()) };
    if let Some(by) = &source.by {
        counts::group_field(&tables, by).map_err(|what| ("source.by", what))?;
    }
    if let Some(value) = &source.value {
        counts::number_field(&tables, value).map_err(|what| ("source.value", what))?;
    }
    Ok(())
}

fn overlap(one: &Panel, other: &Panel) -> bool {
    let cross = |a: u32, size_a: u32, b: u32, size_b: u32| a < b + size_b && b < a + size_a;
    cross(one.x, one.w, other.x, other.w) && cross(one.y, one.h, other.y, other.h)
}

fn within(field: &'static str, value: u32, least: u32, most: u32) -> Result<(), Wrong> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err((field, format!("must be {least} to {most} here, not {value}"))),
    }
}

fn line(text: &str, least: usize, most: usize) -> Result<(), String> {
    if text.trim().chars().count() < least || text.contains(char::is_control) {
        return Err(format!("must have {least} to {most} letters on one line"));
    }
    letters(text, most)
}

fn letters(text: &str, most: usize) -> Result<(), String> {
    match text.chars().count() {
        number if number > most => Err(format!("{number} letters are more than {most}")),
        _ => Ok(()),
    }
}
