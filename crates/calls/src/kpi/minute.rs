//! Figures of one minute as rows: what is asked over days and months without reading every call.
//!
//! A version of a minute is all its rows that were made at one time: one of all calls that began in it, and one of each group
//! of them. It is made of the rows of these calls as they were then, and made again when one of them changes: of several
//! versions the latest counts, whole. So nothing has to be added or taken away exactly once: making a minute twice does no
//! harm. Calls that go on are in none.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use model::{Common, Field, Kind, Micros, Record, Rows, Table, Unit, Value, Versions};

use super::{Kpi, Sketch, Talking, Told, family, prefix};

/// Rows of minutes.
pub static KPI_1M: Table = Table {
    name: "kpi_1m",
    doc: "Figures of the calls that began in a minute, in all and by group; of several versions of a minute the latest received counts",
    // A month can be compared with the same of the year before, when its calls are gone.
    retention_days: 400,
    rows: Rows {
        // Most questions are about one kind of group.
        sorted_by: "grouped_by",
        versions: Some(Versions { of: "ts", by: "received" }),
    },
    fields: &[
        Field::new(
            "grouped_by",
            Kind::Text,
            "What makes the group: all, trunk, prefix, user_agent, answered_by, status",
        )
        .facet(),
        Field::new(
            "group_key",
            Kind::Text,
            "The group; of a trunk, src_ip and dst_ip say it. Missing: calls without such a thing",
        ),
        Field::new("is_other", Kind::Bool, "The groups beyond the largest ones, as one"),
        count("attempts", "Calls that were tried, without those of which the fate is open (RFC 6076 3)"),
        count("open", "Calls of which the fate never became known"),
        count("redirected", "Ended by 3xx"),
        count("answered_calls", "Answered by 2xx"),
        count("completed", "Answered, and ended by a BYE that was answered (RFC 6076 4.9)"),
        count("effective", "Answered, or 480, 486, 600, 603 (RFC 6076 4.7)"),
        count("delivered", "Answered, or the network did its job all the same (ITU-T E.425)"),
        count("ineffective", "408, 500, 503, 504 (RFC 6076 4.8)"),
        count("abandoned", "Given up by the caller"),
        count("conversations", "Conversations that have ended"),
        count("short", "Of these, shorter than 10 s"),
        Field::new("talk", Kind::Int64, "Length of these together").unit(Unit::Microseconds),
        count("messages", "SIP messages, each hop's message once"),
        count("retransmissions", "Of these, sent again"),
        Field::new(
            "pdd_sketch",
            Kind::Bytes,
            "Session request delays of calls that rang or were answered, as a sketch (docs/calls.md)",
        ),
        Field::new("failed_pdd_sketch", Kind::Bytes, "Those of calls that failed, as a sketch"),
        Field::new("disconnect_delay_sketch", Kind::Bytes, "Session disconnect delays, as a sketch"),
        Field::new(
            "talking",
            Kind::Bytes,
            "Conversation in this minute and in each after it (docs/calls.md)",
        ),
    ],
};

const fn count(name: &'static str, doc: &'static str) -> Field {
    Field::new(name, Kind::Int32, doc)
}

/// Digits of the prefixes that are told apart: a country and its networks. Shorter ones follow from them.
pub const PREFIX_DIGITS: usize = 4;

/// Groups of one kind in one minute, the largest ones; the others are one. More would be no fewer than the calls.
pub const GROUPS_MAX: usize = 100;

pub const MINUTE: i64 = Micros::MINUTE;

/// What makes groups of the calls of a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    All,
    /// Where the first INVITE came from and went to.
    Trunk,
    /// First digits of who was called.
    Prefix,
    /// The caller's, without its version.
    UserAgent,
    /// The answerer's, without its version.
    AnsweredBy,
    Status,
}

impl By {
    pub const ALL: [Self; 6] =
        [Self::All, Self::Trunk, Self::Prefix, Self::UserAgent, Self::AnsweredBy, Self::Status];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Trunk => "trunk",
            Self::Prefix => "prefix",
            Self::UserAgent => "user_agent",
            Self::AnsweredBy => "answered_by",
            Self::Status => "status",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == name)
    }
}

/// A call that is over, as it counts.
#[derive(Clone, Copy, Debug)]
pub struct Over<'a> {
    pub told: Told,
    /// From the answer to BYE, or to its last message.
    pub talked: Option<(i64, i64)>,
    pub src: Option<&'a str>,
    pub dst: Option<&'a str>,
    /// Who was called.
    pub callee: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub answered_by: Option<&'a str>,
}

/// What some of the calls of a minute come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    pub kpi: Kpi,
    pub talking: Talking,
}

impl Share {
    fn size(&self) -> u64 {
        self.kpi.attempts + self.kpi.open
    }

    fn join(&mut self, other: &Self) {
        self.kpi.join(&other.kpi);
        self.talking.join(&other.talking);
    }
}

/// The next version of a minute.
#[derive(Clone, Debug)]
pub struct Minute {
    begin: i64,
    all: Share,
    groups: HashMap<(By, Label), Share>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Label {
    key: Option<String>,
    src: Option<String>,
    dst: Option<String>,
}

impl Label {
    fn of(key: Option<String>) -> Self {
        Self { key, ..Self::default() }
    }
}

impl Minute {
    /// When the minute begins that this moment is in.
    pub fn around(at: i64) -> i64 {
        at.div_euclid(MINUTE).saturating_mul(MINUTE)
    }

    pub fn new(begin: i64) -> Self {
        Self { begin, all: Share::default(), groups: HashMap::new() }
    }

    pub fn add(&mut self, call: &Over<'_>) {
        let mut own = Share::default();
        own.kpi.add(&call.told);
        if let Some((answered, ended)) = call.talked {
            own.talking.add(self.begin, answered, ended);
        }
        self.all.join(&own);
        let text = |text: Option<&str>| text.map(str::to_owned);
        let labels = [
            (By::Trunk, Label { key: None, src: text(call.src), dst: text(call.dst) }),
            (By::Prefix, Label::of(call.callee.and_then(|callee| prefix(callee, PREFIX_DIGITS)))),
            (By::UserAgent, Label::of(text(call.user_agent.map(family)))),
            (By::AnsweredBy, Label::of(text(call.answered_by.map(family)))),
            (By::Status, Label::of(call.told.status.map(|status| status.to_string()))),
        ];
        for (by, label) in labels {
            self.groups.entry((by, label)).or_default().join(&own);
        }
    }

    /// How many calls it has.
    pub fn calls(&self) -> u64 {
        self.all.size()
    }

    /// Its rows, as made now. `id` is that of a call that changed: it says whose numbers these are where several nodes share a
    /// lake, each with versions of its own.
    pub fn into_records(self, id: i64, now: i64) -> Vec<Record<'static>> {
        let mut records = vec![record(self.begin, id, now, By::All, Label::default(), false, &self.all)];
        let mut groups: Vec<((By, Label), Share)> = self.groups.into_iter().collect();
        groups.sort_by(|((_, a), x), ((_, b), y)| y.size().cmp(&x.size()).then_with(|| a.cmp(b)));
        for by in By::ALL {
            let mut others: Option<Share> = None;
            let own = groups.iter().filter(|((of, _), _)| *of == by);
            for (place, ((_, label), share)) in own.enumerate() {
                if place < GROUPS_MAX {
                    records.push(record(self.begin, id, now, by, label.clone(), false, share));
                } else {
                    others.get_or_insert_default().join(share);
                }
            }
            if let Some(share) = others {
                records.push(record(self.begin, id, now, by, Label::default(), true, &share));
            }
        }
        records
    }
}

fn record(
    begin: i64,
    id: i64,
    now: i64,
    by: By,
    label: Label,
    is_other: bool,
    share: &Share,
) -> Record<'static> {
    let ip = |text: Option<String>| (text.and_then(|ip| ip.parse::<IpAddr>().ok()), None);
    let ((src_ip, src_port), (dst_ip, dst_port)) = (ip(label.src), ip(label.dst));
    Record {
        table: &KPI_1M,
        common: Common {
            id,
            ts: Micros(begin),
            received: Micros(now),
            sender: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            listener: "unknown",
            hep_version: i16::default(),
            hep_type: i32::default(),
            transport: "unknown",
            src_ip,
            src_port,
            dst_ip,
            dst_port,
            capture_id: None,
            node: None,
            correlation_id: None,
            call_id: None,
            size: 0,
            flags: Vec::new(),
        },
        values: values(by, label.key, is_other, share),
        extra: None,
        raw: &[],
    }
}

/// In the order of the fields of [`KPI_1M`].
fn values(by: By, key: Option<String>, is_other: bool, share: &Share) -> Vec<Value<'static>> {
    let Share { kpi, talking } = share;
    let mut values = vec![Value::from(by.as_str()), key.into(), Value::Bool(is_other)];
    for (name, count) in Kpi::COUNTS.into_iter().zip(kpi.counts()) {
        let most = KPI_1M.column(name).map_or(i64::MAX, |field| match field.kind {
            Kind::Int32 => i32::MAX.into(),
            _ => i64::MAX,
        });
        values.push(Value::Int(i64::try_from(count).unwrap_or(most).min(most)));
    }
    let sketches = [&kpi.pdd, &kpi.failed_pdd, &kpi.disconnect_delay].map(Sketch::to_bytes);
    values.extend(sketches.into_iter().chain([talking.to_bytes()]).map(|bytes| Value::Bytes(bytes.into())));
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    const BEGIN: i64 = 1_795_300_020_000_000;

    fn over<'a>(status: i64, src: &'a str, callee: &'a str) -> Over<'a> {
        let is_answered = status == 200;
        Over {
            told: Told {
                state: if is_answered { State::Ended } else { State::Failed },
                status: Some(status),
                cause: None,
                pdd: Some(900_000),
                ring: None,
                talk: is_answered.then_some(90_000_000),
                is_answered,
                disconnect_delay: is_answered.then_some(20_000),
                messages: 7,
                retransmissions: 1,
            },
            talked: is_answered.then_some((BEGIN + 30_000_000, BEGIN + 120_000_000)),
            src: Some(src),
            dst: Some("192.0.2.1"),
            callee: Some(callee),
            user_agent: Some("Asterisk PBX 18.4.0"),
            answered_by: None,
        }
    }

    fn told(records: &[Record<'_>], by: &str) -> Vec<(String, i64)> {
        let text = |value: Value<'_>| match value {
            Value::Text(text) => text.into_owned(),
            _ => "-".to_owned(),
        };
        let number = |value: Value<'_>| if let Value::Int(number) = value { number } else { -1 };
        let own = records.iter().filter(|record| record.value("grouped_by") == Value::from(by));
        own.map(|record| {
            let name = match (record.value("is_other"), record.common.src_ip) {
                (Value::Bool(true), _) => "others".to_owned(),
                (_, Some(src)) => src.to_string(),
                _ => text(record.value("group_key")),
            };
            (name, number(record.value("attempts")))
        })
        .collect()
    }

    #[test]
    fn a_minute_is_told_in_all_and_by_group() {
        let mut minute = Minute::new(BEGIN);
        minute.add(&over(200, "198.51.100.1", "+4930123"));
        minute.add(&over(200, "198.51.100.1", "+4989123"));
        minute.add(&over(486, "198.51.100.2", "bob"));
        let records = minute.into_records(77, BEGIN + 5);
        let pairs =
            |by| told(&records, by).iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>();
        assert_eq!(pairs("all"), ["- 3"]);
        assert_eq!(pairs("trunk"), ["198.51.100.1 2", "198.51.100.2 1"]);
        assert_eq!(pairs("prefix"), ["- 1", "+4930 1", "+4989 1"], "a name has none");
        assert_eq!(pairs("user_agent"), ["Asterisk PBX 3"]);
        assert_eq!(pairs("status"), ["200 2", "486 1"]);
        assert!(records.iter().all(|record| record.values.len() == KPI_1M.fields.len()));
        assert!(records.iter().all(|record| (record.common.id, record.common.received.0) == (77, BEGIN + 5)));
        let Value::Bytes(bytes) = records[0].value("pdd_sketch") else { panic!("a sketch") };
        assert_eq!(Sketch::of_bytes(&bytes).map(|sketch| sketch.count()), Some(2));
        let Value::Bytes(bytes) = records[0].value("talking") else { panic!("minutes") };
        let talking: Vec<(i64, i64)> = Talking::of_bytes(&bytes).expect("read").of(BEGIN).collect();
        assert_eq!(talking, [(BEGIN, 60_000_000), (BEGIN + MINUTE, 120_000_000)]);
    }

    #[test]
    fn no_scan_makes_more_groups_than_there_is_room_for() {
        let mut minute = Minute::new(BEGIN);
        let sources: Vec<String> = (0..150).map(|host| format!("198.51.100.{host}")).collect();
        for src in &sources {
            minute.add(&over(404, src, "1000"));
        }
        minute.add(&over(404, &sources[120], "1000"));
        let records = minute.into_records(1, BEGIN);
        let trunks = told(&records, "trunk");
        assert_eq!(trunks.len(), GROUPS_MAX + 1);
        assert_eq!(trunks[0], ("198.51.100.120".to_owned(), 2), "the largest first");
        assert_eq!(trunks[GROUPS_MAX], ("others".to_owned(), 50));
        assert_eq!(trunks.iter().map(|(_, count)| count).sum::<i64>(), 151, "all are in one of them");
    }

    /// Where tables disagree on what a name is, answers over them have text.
    #[test]
    fn names_mean_the_same_as_in_rows_of_calls() {
        for table in crate::TABLES.iter().chain(protocols::Protocols::built_in().tables()) {
            for field in KPI_1M.fields {
                let other = table.column(field.name).map(|other| (other.kind, other.unit));
                let own = (field.kind, field.unit);
                assert!(other.is_none_or(|other| other == own), "{} of {}", field.name, table.name);
            }
        }
    }

    #[test]
    fn counts_stand_in_the_columns_of_their_names() {
        let places: Vec<&str> = KPI_1M.fields.iter().map(|field| field.name).collect();
        assert_eq!(places[3..3 + Kpi::COUNTS.len()], Kpi::COUNTS);
        let kpi = Kpi::of_counts(|place| place as u64 + 1);
        assert_eq!(kpi.counts(), std::array::from_fn(|place| place as u64 + 1));
        assert_eq!((kpi.attempts, kpi.answered, kpi.talk, kpi.retransmissions), (1, 4, 12, 14));
    }

    #[test]
    fn a_minute_without_calls_is_told_too() {
        let records = Minute::new(BEGIN).into_records(1, BEGIN);
        assert_eq!(told(&records, "all"), [("-".to_owned(), 0)], "it takes the place of an earlier version");
        assert_eq!(records.len(), 1);
    }
}
