//! From rows of `kpi_1m` to points.
//!
//! A minute comes again in a newer version: its points have the same series and time, and take the place of those before.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array as _, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use calls::kpi::{By, Kpi, Sketch};
use model::Micros;
use store::columns::{bytes, flags, number, numbers, text, texts};

use super::InfluxDb;
use super::line::{Fields, series};
use crate::gather::{Made, unreadable};
use crate::queue::{Item, cause};

/// Series of one output. What comes beyond is counted with the others of its kind: a scan must not make a series of every
/// address it comes from.
const SERIES_MAX: usize = 10_000;

/// Minutes of which it is remembered what was sent, to take back what a newer version does not have: those of a day. Of 600
/// series each they are some 14 MB.
const MINUTES_MAX: usize = 1_440;

/// Microseconds in the column, seconds in the field.
const TALK: &str = "talk";

/// Percentiles of delays, as `GET /api/v1/kpi` has them.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

pub(crate) struct InfluxDbMaker {
    config: InfluxDb,
    node: String,
    series_max: usize,
    known: HashSet<Arc<str>>,
    /// The series of the latest version of each.
    minutes: BTreeMap<i64, BTreeSet<Arc<str>>>,
}

impl InfluxDbMaker {
    pub(crate) fn new(config: &InfluxDb, node: &str) -> Self {
        Self {
            config: config.clone(),
            node: node.to_owned(),
            series_max: SERIES_MAX,
            known: HashSet::new(),
            minutes: BTreeMap::new(),
        }
    }

    /// Of whole versions, each with its rows side by side.
    pub(crate) fn make(&mut self, batch: &RecordBatch) -> Made {
        let Ok(rows) = Rows::of(batch) else { return unreadable(batch) };
        let mut made = Made::default();
        let all: Vec<usize> = (0..batch.num_rows()).collect();
        for version in all.chunk_by(|a, b| rows.version(*a) == rows.version(*b)) {
            self.make_version(&rows, version, &mut made);
        }
        made
    }

    fn make_version(&mut self, rows: &Rows, version: &[usize], made: &mut Made) {
        let Some((Some(minute), Some(received))) = version.first().map(|row| rows.version(*row)) else {
            version.iter().for_each(|_| made.lose(cause::UNSENDABLE));
            return;
        };
        // Names that are alike once they are cut have one series, which tells of both.
        let mut points: BTreeMap<Arc<str>, Kpi> = BTreeMap::new();
        let mut now = BTreeSet::new();
        for row in version {
            let Some(by) = rows.by(*row).filter(|by| self.config.groups.contains(by)) else { continue };
            let series = self.series(rows, *row, by);
            now.insert(Arc::clone(&series));
            match rows.kpi(*row) {
                Some(kpi) => points.entry(series).or_default().join(&kpi),
                None => made.lose(cause::UNSENDABLE),
            }
        }
        if let Some(before) = self.minutes.remove(&minute) {
            points.extend(before.difference(&now).map(|series| (Arc::clone(series), Kpi::default())));
        }
        // A sender whose clock is ahead must not take the places of minutes that come again.
        if minute <= received {
            self.minutes.insert(minute, now);
        }
        while self.minutes.len() > MINUTES_MAX {
            self.minutes.pop_first();
        }
        made.items.extend(points.iter().map(|(series, kpi)| Item {
            received: Micros(received),
            bytes: fields(kpi).at(series, minute).into_bytes().into(),
        }));
    }

    fn series(&mut self, rows: &Rows, row: usize, by: By) -> Arc<str> {
        let group = if rows.is_other(row) {
            vec![InfluxDb::IS_OTHER]
        } else {
            let texts = [("group_key", &rows.key), ("src_ip", &rows.src), ("dst_ip", &rows.dst)];
            texts.into_iter().filter_map(|(name, texts)| Some((name, text(texts, row)?))).collect()
        };
        let wanted = self.name(by, &group);
        if let Some(known) = self.known.get(wanted.as_str()) {
            return Arc::clone(known);
        }
        // Few, and there has to be room for them.
        let is_whole = by == By::All || rows.is_other(row);
        let wanted = if is_whole || self.known.len() < self.series_max {
            wanted
        } else {
            self.name(by, &[InfluxDb::IS_OTHER])
        };
        let wanted: Arc<str> = wanted.into();
        self.known.insert(Arc::clone(&wanted));
        wanted
    }

    fn name(&self, by: By, group: &[(&str, &str)]) -> String {
        let fixed = self.config.fixed_tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let own = [("grouped_by", by.as_str()), ("node_id", self.node.as_str())];
        let tags = fixed.chain(own).chain(group.iter().copied()).collect();
        series(&self.config.measurement, &tags)
    }
}

fn fields(kpi: &Kpi) -> Fields {
    let mut fields = Fields::default();
    for (name, count) in Kpi::COUNTS.into_iter().zip(kpi.counts()).filter(|(name, _)| *name != TALK) {
        fields.integer(name, count);
    }
    fields.float("talk_seconds", kpi.talk as f64 / 1e6);
    for (name, sketch) in
        [("pdd", &kpi.pdd), ("failed_pdd", &kpi.failed_pdd), ("disconnect_delay", &kpi.disconnect_delay)]
    {
        fields.integer(&format!("{name}_count"), sketch.count());
        for (quantile, part) in QUANTILES {
            if let Some(micros) = sketch.quantile(part) {
                fields.float(&format!("{name}_{quantile}_seconds"), micros.round() / 1e6);
            }
        }
    }
    fields
}

/// The columns that are read.
struct Rows {
    minutes: Int64Array,
    received: Int64Array,
    grouped_by: StringArray,
    key: StringArray,
    src: StringArray,
    dst: StringArray,
    is_other: BooleanArray,
    /// Of [`Kpi::COUNTS`].
    counts: Vec<Int64Array>,
    sketches: [BinaryArray; 3],
}

impl Rows {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let [pdd, failed_pdd, disconnect_delay] =
            ["pdd_sketch", "failed_pdd_sketch", "disconnect_delay_sketch"].map(|name| bytes(batch, name));
        Ok(Self {
            minutes: numbers(batch, "ts")?,
            received: numbers(batch, "received")?,
            grouped_by: texts(batch, "grouped_by")?,
            key: texts(batch, "group_key")?,
            src: texts(batch, "src_ip")?,
            dst: texts(batch, "dst_ip")?,
            is_other: flags(batch, "is_other")?,
            counts: Kpi::COUNTS.iter().map(|name| numbers(batch, name)).collect::<Result<_, _>>()?,
            sketches: [pdd?, failed_pdd?, disconnect_delay?],
        })
    }

    fn version(&self, row: usize) -> (Option<i64>, Option<i64>) {
        (number(&self.minutes, row), number(&self.received, row))
    }

    fn by(&self, row: usize) -> Option<By> {
        text(&self.grouped_by, row).and_then(By::named)
    }

    fn is_other(&self, row: usize) -> bool {
        self.is_other.is_valid(row) && self.is_other.value(row)
    }

    /// `None`: one of its sketches cannot be read.
    fn kpi(&self, row: usize) -> Option<Kpi> {
        let [pdd, failed_pdd, disconnect_delay] =
            self.sketches.each_ref().map(|sketches| Sketch::of_bytes(sketches.value(row)));
        Some(Kpi {
            pdd: pdd?,
            failed_pdd: failed_pdd?,
            disconnect_delay: disconnect_delay?,
            ..Kpi::of_counts(|place| u64::try_from(self.counts[place].value(row)).unwrap_or(0))
        })
    }
}

#[cfg(test)]
mod tests {
    use calls::State;
    use calls::kpi::{KPI_1M, Minute, Over, Told};
    use store::TableBatch;

    use super::*;
    use crate::http::{Endpoint, Place};

    const BEGIN: i64 = 1_795_300_020_000_000;

    fn maker(groups: &[By]) -> InfluxDbMaker {
        let config = InfluxDb {
            endpoint: Endpoint::default(),
            place: Place::Database { database: "voip".to_owned(), retention_policy: None },
            measurement: "kpi".to_owned(),
            groups: groups.to_vec(),
            fixed_tags: BTreeMap::from([("site".to_owned(), "pop 3".to_owned())]),
        };
        InfluxDbMaker::new(&config, "n1")
    }

    fn over<'a>(status: i64, src: &'a str, user_agent: &'a str) -> Over<'a> {
        let is_answered = status == 200;
        Over {
            told: Told {
                state: if is_answered { State::Ended } else { State::Failed },
                status: Some(status),
                cause: None,
                pdd: Some(900_000),
                ring: None,
                talk: is_answered.then_some(90_500_000),
                is_answered,
                disconnect_delay: None,
                messages: 7,
                retransmissions: 1,
            },
            talked: None,
            src: Some(src),
            dst: Some("192.0.2.1"),
            callee: None,
            user_agent: Some(user_agent),
            answered_by: None,
        }
    }

    /// The versions that these calls make, each as told.
    fn batch(versions: &[(i64, &[Over<'_>])]) -> RecordBatch {
        let mut batch = TableBatch::new(&KPI_1M);
        for (received, (begin, calls)) in (BEGIN + 600_000_000..).zip(versions) {
            let mut minute = Minute::new(*begin);
            calls.iter().for_each(|call| minute.add(call));
            minute.into_records(1 << 16, received).iter().for_each(|record| batch.push(record));
        }
        batch.finish()
    }

    fn lines(made: Made) -> Vec<String> {
        assert!(made.lost.is_empty(), "{:?}", made.lost);
        let items = made.items.into_iter();
        items.map(|item| String::from_utf8(item.bytes.into_vec()).expect("text")).collect()
    }

    /// Series and attempts of each line.
    fn attempts(made: Made) -> Vec<(String, String)> {
        let pair = |line: &String| {
            let (series, fields) = line.split_once(" attempts=").expect("a point");
            (series.to_owned(), fields.split(',').next().expect("a number").to_owned())
        };
        lines(made).iter().map(pair).collect()
    }

    #[test]
    fn a_minute_is_a_point_of_each_series() {
        let calls = [over(200, "198.51.100.1", "a"), over(486, "2001:db8::1", "b")];
        let lines = lines(maker(&[By::All, By::Trunk]).make(&batch(&[(BEGIN, &calls)])));
        assert_eq!(
            lines,
            [
                "kpi,dst_ip=192.0.2.1,grouped_by=trunk,node_id=n1,site=pop\\ 3,src_ip=198.51.100.1 attempts=1i,open=0i,redirected=0i,\
                 answered_calls=1i,completed=0i,effective=1i,delivered=1i,ineffective=0i,abandoned=0i,conversations=1i,short=0i,\
                 messages=7i,retransmissions=1i,talk_seconds=90.5,pdd_count=1i,pdd_p50_seconds=0.902901,pdd_p95_seconds=0.902901,\
                 pdd_p99_seconds=0.902901,failed_pdd_count=0i,disconnect_delay_count=0i 1795300020000000000\n",
                "kpi,dst_ip=192.0.2.1,grouped_by=trunk,node_id=n1,site=pop\\ 3,src_ip=2001:db8::1 attempts=1i,open=0i,redirected=0i,\
                 answered_calls=0i,completed=0i,effective=1i,delivered=1i,ineffective=0i,abandoned=0i,conversations=0i,short=0i,\
                 messages=7i,retransmissions=1i,talk_seconds=0,pdd_count=0i,failed_pdd_count=1i,failed_pdd_p50_seconds=0.902901,\
                 failed_pdd_p95_seconds=0.902901,failed_pdd_p99_seconds=0.902901,disconnect_delay_count=0i 1795300020000000000\n",
                "kpi,grouped_by=all,node_id=n1,site=pop\\ 3 attempts=2i,open=0i,redirected=0i,answered_calls=1i,completed=0i,\
                 effective=2i,delivered=2i,ineffective=0i,abandoned=0i,conversations=1i,short=0i,messages=14i,retransmissions=2i,\
                 talk_seconds=90.5,pdd_count=1i,pdd_p50_seconds=0.902901,pdd_p95_seconds=0.902901,pdd_p99_seconds=0.902901,\
                 failed_pdd_count=1i,failed_pdd_p50_seconds=0.902901,failed_pdd_p95_seconds=0.902901,failed_pdd_p99_seconds=0.902901,\
                 disconnect_delay_count=0i 1795300020000000000\n",
            ]
        );
    }

    #[test]
    fn what_a_newer_version_does_not_have_is_taken_back() {
        let mut maker = maker(&[By::Status]);
        let first = [over(486, "198.51.100.1", "a"), over(503, "198.51.100.1", "a")];
        let second = [over(486, "198.51.100.1", "a"), over(486, "198.51.100.1", "a")];
        let status = |status: u16, attempts: &str| {
            (format!("kpi,group_key={status},grouped_by=status,node_id=n1,site=pop\\ 3"), attempts.to_owned())
        };
        // Also of two versions that are told together; another minute is not concerned.
        let told = batch(&[(BEGIN, &first), (BEGIN, &second), (BEGIN + 60_000_000, &second)]);
        let expected =
            [status(486, "1i"), status(503, "1i"), status(486, "2i"), status(503, "0i"), status(486, "2i")];
        assert_eq!(attempts(maker.make(&told)), expected);
        assert_eq!(attempts(maker.make(&batch(&[(BEGIN, &second)]))), [status(486, "2i")], "once");
    }

    #[test]
    fn what_is_remembered_of_minutes_is_bounded() {
        let mut maker = maker(&[By::All]);
        let calls = [over(486, "198.51.100.1", "a")];
        for minute in 0..MINUTES_MAX as i64 + 5 {
            maker.make(&batch(&[(BEGIN - minute * 60_000_000, &calls)]));
        }
        assert_eq!(maker.minutes.len(), MINUTES_MAX);
        assert_eq!(maker.minutes.keys().next_back(), Some(&BEGIN), "the latest are remembered");
    }

    #[test]
    fn minutes_of_a_clock_that_is_ahead_take_no_place_of_others() {
        let mut maker = maker(&[By::All]);
        let calls = [over(486, "198.51.100.1", "a")];
        let made = maker.make(&batch(&[(BEGIN + 86_400_000_000, &calls), (BEGIN, &calls)]));
        assert_eq!(lines(made).len(), 2, "both are sent");
        assert_eq!(maker.minutes.keys().collect::<Vec<_>>(), [&BEGIN]);
    }

    #[test]
    fn series_beyond_the_limit_are_one_of_their_kind() {
        let mut maker = maker(&[By::All, By::UserAgent]);
        maker.series_max = 3;
        let names: Vec<String> = (0..6).map(|name| format!("scanner{name}")).collect();
        let calls: Vec<Over<'_>> = names.iter().map(|name| over(404, "198.51.100.1", name)).collect();
        let seen = attempts(maker.make(&batch(&[(BEGIN, &calls)])));
        let sum = |kind: &str| -> u64 {
            let own = seen.iter().filter(|(series, _)| series.contains(kind));
            own.filter_map(|(_, count)| count.strip_suffix('i')?.parse::<u64>().ok()).sum()
        };
        assert_eq!((sum("grouped_by=all"), sum("grouped_by=user_agent")), (6, 6), "{seen:?}");
        let others = seen.iter().find(|(series, _)| series.contains("is_other=true"));
        assert_eq!(others.map(|(_, count)| count.as_str()), Some("4i"), "{seen:?}");
        // Those that are known stay, also in later minutes.
        let again = attempts(maker.make(&batch(&[(BEGIN + 60_000_000, &calls)])));
        assert_eq!(again, seen);
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_told_of_nobody() {
        let calls = [over(486, "198.51.100.1", "a")];
        let told = batch(&[(BEGIN, &calls)]);
        let place = told.schema().index_of("pdd_sketch").expect("a column");
        let mut columns = told.columns().to_vec();
        let broken: Vec<&[u8]> = vec![&[0xff]; told.num_rows()];
        columns[place] = Arc::new(arrow::array::BinaryArray::from(broken));
        let broken = RecordBatch::try_new(told.schema(), columns).expect("a batch");
        let mut maker = maker(&[By::All]);
        let made = maker.make(&broken);
        assert_eq!((made.items, made.lost), (vec![], vec![(cause::UNSENDABLE, 1)]));
        assert_eq!(attempts(maker.make(&told)).len(), 1);
    }
}
