//! A record without what outsiders should not see.

use serde_json::Value;

use super::{GONE, Redactor, USER_LETTERS_MIN, is_nobody, is_private};
use crate::row::{Cell, Row};

/// Members of `extra` that name a machine, a place, or what a sender wrote of its own.
const MACHINES: [&str; 6] =
    ["src_mac", "dst_mac", "geo_location", "group_id", "tag_values", "p_access_network_info"];

/// Requests whose bodies are what people wrote or dialled (RFC 3428, RFC 6086).
const SAYING: [&str; 2] = ["MESSAGE", "INFO"];

impl Redactor {
    /// A payload that is no text is left out: what it holds is not looked into. So is what names a machine of ours.
    pub(crate) fn row(&mut self, row: &Row) -> Row {
        // All of them by name: what is added to a record has to be thought of here.
        let Row {
            table,
            id,
            ts,
            received,
            sender,
            listener: _,
            hep_version,
            hep_type,
            transport,
            src_ip,
            src_port,
            dst_ip,
            dst_port,
            capture_id,
            node: _,
            correlation_id,
            call_id,
            size,
            flags,
            cells,
            extra,
            raw: _,
            payload_gone: _,
        } = row;
        let raw = self.payload(row);
        let mut text = |text: &Option<String>| text.as_deref().map(|text| self.text(text));
        let (sender, src_ip, dst_ip) = (text(sender), text(src_ip), text(dst_ip));
        let (call_id, correlation_id) = (text(call_id), text(correlation_id));
        let extra = text(&extra.as_deref().map(without_machines));
        let cells = cells.iter().filter_map(|(name, cell)| {
            let cell = if is_private(row, name) { self.private(cell) } else { self.cell(cell) };
            Some((*name, cell?))
        });
        Row {
            table,
            id: *id,
            ts: *ts,
            received: *received,
            sender,
            listener: None,
            hep_version: *hep_version,
            hep_type: *hep_type,
            transport: transport.clone(),
            src_ip,
            src_port: *src_port,
            dst_ip,
            dst_port: *dst_port,
            capture_id: *capture_id,
            node: None,
            correlation_id,
            call_id,
            size: *size,
            flags: flags.clone(),
            cells: cells.collect(),
            extra,
            payload_gone: raw.is_none(),
            raw: raw.unwrap_or_default(),
        }
    }

    /// What the payload is read as, redacted. `None`: it is not kept any more, or is no text.
    fn payload(&mut self, row: &Row) -> Option<Vec<u8>> {
        if row.payload_gone {
            return None;
        }
        let shown = row.shown();
        let text = std::str::from_utf8(shown.as_deref().unwrap_or(&row.raw)).ok()?;
        let is_request = row.int("status").is_none();
        let says = row.text("method").is_some_and(|method| SAYING.contains(&method)) && is_request;
        Some(self.message(text, says).into_bytes())
    }

    /// What is of a person and is not known goes.
    fn private(&mut self, cell: &Cell) -> Option<Cell> {
        let mut text = |text: &String| {
            let word = self.users.get(text).map(str::to_owned);
            let changed = word.unwrap_or_else(|| self.text(text));
            let may_stay = text.chars().count() < USER_LETTERS_MIN || is_nobody(text);
            if changed == *text && !may_stay { GONE.to_owned() } else { changed }
        };
        Some(match cell {
            Cell::Text(plain) => Cell::Text(text(plain)),
            Cell::TextList(plain) => Cell::TextList(plain.iter().map(text).collect()),
            other => return self.cell(other),
        })
    }

    fn cell(&mut self, cell: &Cell) -> Option<Cell> {
        Some(match cell {
            Cell::Text(text) => Cell::Text(self.text(text)),
            Cell::Json(text) => Cell::Json(self.text(text)),
            Cell::TextList(texts) => Cell::TextList(texts.iter().map(|text| self.text(text)).collect()),
            Cell::Int(_) | Cell::Float(_) | Cell::Bool(_) | Cell::Time(_) => cell.clone(),
            Cell::Bytes(_) => return None,
        })
    }
}

/// What is no object is read as a text.
fn without_machines(extra: &str) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(extra) else { return extra.to_owned() };
    members.retain(|name, _| !MACHINES.contains(&name.as_str()));
    Value::Object(members).to_string()
}
