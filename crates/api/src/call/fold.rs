//! Which rows show a message that another row has shown: seen by a further capture point, or sent again. Pure.
//!
//! Everything is stored; this is where lists and ladders fold.

use std::hash::{DefaultHasher, Hasher as _};

use protocols::sighting::{Identity, Seen, Sightings, WITNESS_TIME_MAX, ports_tell};

use super::is_sip;
use crate::row::Row;

/// The fields of a row that decide.
pub(crate) const FOLD_COLUMNS: &[&str] = &[
    "id",
    "ts",
    "sender",
    "node",
    "capture_id",
    "transport",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "call_id",
    "size",
    "method",
    "status",
    "cseq",
    "cseq_method",
    "via_branch",
    "to_tag",
];

/// What each row is in view of those before it, by their places. The rows are in time order.
pub(crate) fn fold<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<Seen<usize>> {
    let mut sightings = Sightings::new(WITNESS_TIME_MAX);
    let rows = rows.into_iter().enumerate();
    rows.map(|(place, row)| match identity(row) {
        Some(identity) => sightings.see(identity, point(row), bytes(row), row.ts, place),
        None => Seen::First,
    })
    .collect()
}

/// Whether the row is a further sighting.
pub(crate) fn is_witness(seen: &Seen<usize>) -> bool {
    matches!(seen, Seen::Witness(_))
}

fn identity(row: &Row) -> Option<Identity<'_>> {
    if !is_sip(row) {
        return None;
    }
    let via_branch = row.text("via_branch");
    let transport = row.transport.as_deref().unwrap_or_default();
    let has_ports = ports_tell(transport, via_branch.map(str::as_bytes));
    Some(Identity {
        call_id: row.call_id.as_deref()?,
        cseq: Some(row.int("cseq")?),
        method: row.text("method").or_else(|| row.text("cseq_method")),
        status: row.int("status"),
        via_branch,
        to_tag: row.text("to_tag"),
        src: (row.src_ip.as_deref(), row.src_port.filter(|_| has_ports)),
        dst: (row.dst_ip.as_deref(), row.dst_port.filter(|_| has_ports)),
    })
}

/// Who saw it: the agent by its address, its name and its id.
fn point(row: &Row) -> u64 {
    hash(&(row.sender.as_deref(), row.node.as_deref(), row.capture_id))
}

/// Lists do not read payloads; there their length stands for them.
fn bytes(row: &Row) -> u64 {
    if row.raw.is_empty() { hash(&row.size) } else { hash(&row.raw) }
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use model::Micros;
    use protocols::Protocols;

    use super::*;
    use crate::row::Cell;

    const SECOND: i64 = Micros::SECOND;
    const START: i64 = 1_700_000_000 * SECOND;

    fn table(name: &str) -> &'static model::Table {
        let tables = Protocols::built_in().tables();
        tables.iter().find(|table| table.name == name).expect("it is built in")
    }

    /// An INVITE of `a` to `b`, `after` microseconds from the start, as the capture point `node` wrote it down.
    fn invite(node: &str, after: i64) -> Row {
        let mut row = Row::new(table("sip"));
        row.ts = Micros(START + after);
        row.node = Some(node.to_owned());
        row.sender = Some("192.0.2.9".to_owned());
        row.transport = Some("udp".to_owned());
        row.call_id = Some("call".to_owned());
        (row.src_ip, row.src_port) = (Some("192.0.2.1".to_owned()), Some(5060));
        (row.dst_ip, row.dst_port) = (Some("192.0.2.2".to_owned()), Some(5060));
        row.size = 500;
        row.cells = vec![
            ("method", Cell::Text("INVITE".to_owned())),
            ("cseq", Cell::Int(1)),
            ("cseq_method", Cell::Text("INVITE".to_owned())),
            ("via_branch", Cell::Text("z9hG4bK1".to_owned())),
        ];
        row
    }

    fn with(mut row: Row, change: impl FnOnce(&mut Row)) -> Row {
        change(&mut row);
        row
    }

    fn set(row: &mut Row, field: &'static str, value: Cell) {
        row.cells.retain(|(name, _)| *name != field);
        row.cells.push((field, value));
    }

    fn reply(node: &str, after: i64, status: i64, to_tag: &str) -> Row {
        with(invite(node, after), |row| {
            row.cells.retain(|(name, _)| *name != "method");
            set(row, "status", Cell::Int(status));
            set(row, "to_tag", Cell::Text(to_tag.to_owned()));
        })
    }

    #[test]
    fn two_capture_points_see_one_message_whatever_bytes_they_wrote() {
        let rows = [
            invite("a", 0),
            with(invite("b", 300), |row| row.size = 480),
            with(invite("a", 1_000), |row| row.capture_id = Some(7)),
        ];
        assert_eq!(fold(&rows), [Seen::First, Seen::Witness(0), Seen::Witness(0)]);
        // Another address is another agent, and so has seen it once; the same one writes it down a second time.
        let rows = [
            invite("a", 0),
            with(invite("a", 300), |row| row.sender = Some("192.0.2.8".to_owned())),
            invite("a", 600),
        ];
        assert_eq!(fold(&rows), [Seen::First, Seen::Witness(0), Seen::Witness(0)]);
    }

    #[test]
    fn a_message_sent_again_is_told_from_a_copy_seen_by_another() {
        // T1 after T1, each sending seen by two.
        let rows = [
            invite("a", 0),
            invite("b", 400),
            invite("a", SECOND / 2),
            invite("b", SECOND / 2 + 400),
            invite("a", SECOND * 3 / 2),
        ];
        assert_eq!(
            fold(&rows),
            [Seen::First, Seen::Witness(0), Seen::Again(0), Seen::Witness(2), Seen::Again(0)]
        );
    }

    #[test]
    fn a_clock_that_is_far_off_makes_no_witness() {
        let apart = |time| fold(&[invite("a", 0), invite("b", time)])[1];
        assert_eq!(apart(WITNESS_TIME_MAX), Seen::Witness(0));
        assert_eq!(apart(WITNESS_TIME_MAX + 1), Seen::First);
        // Nobody repeats for longer than 64*T1: a new try of a client that changes nothing.
        let again = |time| fold(&[invite("a", 0), invite("a", time)])[1];
        assert_eq!(again(32 * SECOND), Seen::Again(0));
        assert_eq!(again(60 * SECOND), Seen::First);
    }

    #[test]
    fn the_next_hop_is_never_folded() {
        let hop = |change: fn(&mut Row)| fold(&[invite("a", 0), with(invite("b", 100), change)])[1];
        assert_eq!(hop(|_| {}), Seen::Witness(0), "nothing differs");
        for (what, change) in [
            (
                "a proxy's branch",
                (|row| set(row, "via_branch", Cell::Text("z9hG4bK2".into()))) as fn(&mut Row),
            ),
            ("another source", |row| row.src_ip = Some("192.0.2.3".into())),
            ("another destination", |row| row.dst_ip = Some("192.0.2.3".into())),
            ("another port of the same host", |row| row.dst_port = Some(5080)),
            ("another leg", |row| row.call_id = Some("b2b-call".into())),
            ("a new request", |row| set(row, "cseq", Cell::Int(2))),
            ("another method", |row| set(row, "method", Cell::Text("ACK".into()))),
        ] {
            assert_eq!(hop(change), Seen::First, "{what}");
        }
    }

    #[test]
    fn on_connections_the_branch_tells_and_ports_do_not() {
        let over_tcp = |branch: &'static str| {
            let row = |node, after, port| {
                with(invite(node, after), |row| {
                    row.transport = Some("tcp".to_owned());
                    row.src_port = Some(port);
                    set(row, "via_branch", Cell::Text(branch.to_owned()));
                })
            };
            fold(&[row("a", 0, 5060), row("b", 100, 40_000)])[1]
        };
        assert_eq!(over_tcp("z9hG4bK1"), Seen::Witness(0));
        assert_eq!(over_tcp("1"), Seen::First, "a branch of RFC 2543 tells nothing, so ports must");
    }

    #[test]
    fn replies_are_told_apart_by_status_tag_and_contents() {
        let rows = [
            reply("a", 0, 180, "x"),
            reply("b", 100, 180, "x"),
            // Of another phone that rings, and the answer.
            reply("a", 200, 180, "y"),
            reply("a", 300, 200, "x"),
            // Further progress of the same phone: bytes decide for one capture point.
            with(reply("a", SECOND, 180, "x"), |row| row.size = 700),
        ];
        assert_eq!(fold(&rows), [Seen::First, Seen::Witness(0), Seen::First, Seen::First, Seen::First]);
    }

    #[test]
    fn payloads_decide_where_they_are_read_and_their_length_where_not() {
        let again = |first: &[u8], second: &[u8]| {
            let row = |after, raw: &[u8]| with(invite("a", after), |row| row.raw = raw.to_vec());
            fold(&[row(0, first), row(SECOND / 2, second)])[1]
        };
        assert_eq!(again(b"", b""), Seen::Again(0));
        assert_eq!(again(b"same", b"same"), Seen::Again(0));
        assert_eq!(again(b"same", b"else"), Seen::First);
    }

    #[test]
    fn what_cannot_be_identified_is_a_message_of_its_own() {
        let twice =
            |change: fn(&mut Row)| fold(&[with(invite("a", 0), change), with(invite("b", 100), change)]);
        for change in [
            (|row| row.call_id = None) as fn(&mut Row),
            |row| row.cells.retain(|(name, _)| *name != "cseq"),
            |row| row.table = table("log"),
        ] {
            assert_eq!(twice(change), [Seen::First, Seen::First]);
        }
        assert!(is_witness(&Seen::Witness(3)) && !is_witness(&Seen::Again(3)) && !is_witness(&Seen::First));
    }

    /// Far more sendings than are remembered: what is looked at stays bounded and each row still gets its answer.
    #[test]
    fn endless_repetitions_stay_repetitions() {
        let rows: Vec<Row> = (0..500).map(|number| invite("a", number * SECOND / 10)).collect();
        let seen = fold(&rows);
        assert_eq!(seen[0], Seen::First);
        assert!(seen[1..].iter().all(|seen| *seen == Seen::Again(0)), "{seen:?}");
    }
}
