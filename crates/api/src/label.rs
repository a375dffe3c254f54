//! The few words a record is shown by in lists and on the arrows of a ladder.

use crate::row::Row;

/// Letters of a label: more do not fit above an arrow.
const LETTERS_MAX: usize = 120;

/// Names of RTCP packet types (IANA, "RTP Parameters").
const RTCP_NAMES: &[(i64, &str)] = &[
    (200, "SR"),
    (201, "RR"),
    (202, "SDES"),
    (203, "BYE"),
    (204, "APP"),
    (205, "RTPFB"),
    (206, "PSFB"),
    (207, "XR"),
];

/// `INVITE`, `180 Ringing`, `RTCP SR`, the first line of a log; anything else by what it is and how long.
pub(crate) fn label(row: &Row) -> String {
    let label = match row.table.name {
        "sip" => sip(row),
        "rtcp" => Some(rtcp(row)),
        _ => row.text("text").map(first_line),
    };
    label.filter(|label| !label.is_empty()).unwrap_or_else(|| opaque(row))
}

fn sip(row: &Row) -> Option<String> {
    match (row.int("status"), row.text("reason_phrase"), row.text("method")) {
        (Some(status), Some(reason), _) => Some(cut(&format!("{status} {reason}"))),
        (Some(status), None, _) => Some(status.to_string()),
        (None, _, method) => method.map(cut),
    }
}

fn rtcp(row: &Row) -> String {
    let Some(number) = row.int("report_type") else { return "RTCP".to_owned() };
    match RTCP_NAMES.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => format!("RTCP {name}"),
        None => format!("RTCP {number}"),
    }
}

fn opaque(row: &Row) -> String {
    match row.hep_type {
        Some(number) => format!("{} (HEP type {number}), {} bytes", row.table.name, row.size),
        None => format!("{}, {} bytes", row.table.name, row.size),
    }
}

fn first_line(text: &str) -> String {
    cut(text.trim_start().lines().next().unwrap_or_default().trim_end())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Cell;

    fn labelled(table: &str, cells: Vec<(&'static str, Cell)>) -> String {
        let tables = protocols::Protocols::built_in().tables();
        let table = tables.iter().find(|known| known.name == table).expect("a table");
        let mut row = Row::new(table);
        row.cells = cells;
        row.hep_type = Some(34);
        row.size = 512;
        label(&row)
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn each_kind_has_its_words() {
        assert_eq!(labelled("sip", vec![("method", text("INVITE"))]), "INVITE");
        let reply =
            vec![("method", text("INVITE")), ("status", Cell::Int(180)), ("reason_phrase", text("Ringing"))];
        assert_eq!(labelled("sip", reply), "180 Ringing");
        assert_eq!(labelled("sip", vec![("status", Cell::Int(699))]), "699");
        assert_eq!(labelled("rtcp", vec![("report_type", Cell::Int(200))]), "RTCP SR");
        assert_eq!(labelled("rtcp", vec![("report_type", Cell::Int(250))]), "RTCP 250");
        assert_eq!(labelled("rtcp", vec![]), "RTCP");
        assert_eq!(labelled("log", vec![("text", text("\n  one\r\ntwo"))]), "one");
        assert_eq!(labelled("other", vec![]), "other (HEP type 34), 512 bytes");
        assert_eq!(labelled("sip", vec![]), "sip (HEP type 34), 512 bytes", "a fragment");
    }

    #[test]
    fn long_lines_are_cut_between_letters() {
        let label = labelled("log", vec![("text", text(&"é".repeat(500)))]);
        assert_eq!(label.chars().count(), LETTERS_MAX + 3);
    }
}
