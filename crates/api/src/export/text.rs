use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Writer;
use crate::ask::Partial;
use crate::call::endpoint;
use crate::label::label;
use crate::row::Row;

/// For people and for mail: a line about each message, then the message itself.
#[derive(Default)]
pub(super) struct Text {
    text: String,
}

impl Writer for Text {
    fn row(&mut self, row: &Row) {
        let end = |ip: &Option<String>, port| endpoint(ip.as_deref(), port).unwrap_or_else(|| "?".to_owned());
        let (source, destination) = (end(&row.src_ip, row.src_port), end(&row.dst_ip, row.dst_port));
        let transport = row.transport.as_deref().unwrap_or("unknown");
        let (ts, id, label) = (row.ts, row.id, label(row));
        let heading = format!("--- {ts} {source} -> {destination} {transport} {label} (message {id})");
        self.line(&heading);
        match std::str::from_utf8(&row.raw) {
            _ if row.payload_gone => self.line("(its payload has passed its age)"),
            Ok(payload) => self.line(payload.trim_end_matches(['\r', '\n'])),
            Err(_) => {
                self.line(&format!("{} bytes, base64:", row.raw.len()));
                self.line(&STANDARD.encode(&row.raw));
            }
        }
        self.line("");
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text).into_bytes()
    }

    fn end(&mut self, partial: Option<&Partial>) {
        if let Some(partial) = partial {
            self.line(&format!("--- not complete: {}", partial.reason));
        }
    }
}

impl Text {
    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("memory takes what is written");
    }
}
