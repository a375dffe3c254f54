//! The query language through its public door.

mod admit;
mod complete;
mod errors;
mod parse;
mod round_trip;
mod smart;
mod truth;

use model::query::{Catalogue, Expr, parse};
use model::{Field, Kind, Micros, Rows, Table, Unit};

/// 2026-11-21T05:00:00Z
const NOW: Micros = Micros(1_795_237_200_000_000);

static SIP: Table = Table {
    name: "sip",
    doc: "SIP messages",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("method", Kind::Text, "Method").facet(),
        Field::new("status", Kind::Int16, "Status").facet(),
        Field::new("cseq", Kind::Int64, "CSeq number"),
        Field::new("from_user", Kind::Text, "From user").private(),
        Field::new("from_host", Kind::Text, "From host"),
        Field::new("to_user", Kind::Text, "To user").private(),
        Field::new("to_host", Kind::Text, "To host"),
        Field::new("ruri_user", Kind::Text, "Request URI user").private(),
        Field::new("ruri_host", Kind::Text, "Request URI host"),
        Field::new("pai_user", Kind::Text, "Asserted user").private(),
        Field::new("via_branch", Kind::Text, "Branch"),
        Field::new("session_id", Kind::Text, "Session-ID"),
        Field::new("user_agent", Kind::Text, "User-Agent"),
        Field::new("pdd", Kind::Int64, "Post-dial delay").unit(Unit::Milliseconds),
        Field::new("is_emergency", Kind::Bool, "Emergency call"),
    ],
};

static RTCP: Table = Table {
    name: "rtcp",
    doc: "RTCP reports",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("ssrc", Kind::Int64, "SSRC"),
        Field::new("fraction_lost", Kind::Float, "Loss").unit(Unit::Percent),
        Field::new("status", Kind::Int16, "Shares its name with sip"),
    ],
};

fn catalogue() -> Catalogue {
    Catalogue::new(&[&SIP, &RTCP]).with_values("flags", ["bad_time", "odd_chunk"])
}

fn expr(text: &str) -> Expr {
    match parse(text, &catalogue(), NOW) {
        Ok(query) => query.expr,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// The query printed in full: aliases, units, wildcards and times resolved.
fn printed(text: &str) -> String {
    expr(text).to_string()
}
