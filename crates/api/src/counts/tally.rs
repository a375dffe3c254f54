//! Records counted point by point: in all, by texts, or by ranges of a number.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use model::{Aliases, Field, Kind, Micros};
use store::columns::{as_texts, numbers};

use super::{Counted, CountedGroup, CountedRange, Counts};
use crate::ask::Partial;
use crate::call::{GROUP_POINTS_MAX, GROUPS_MAX, Grid};
use crate::catalogue::unit_name;
use crate::facets::{VERSION, condition};

/// What is told apart.
#[derive(Clone, Copy)]
pub(super) enum Counting {
    All,
    Groups(&'static Field),
    Ranges(&'static Field),
}

impl Counting {
    pub(super) const fn field(self) -> Option<&'static Field> {
        match self {
            Self::All => None,
            Self::Groups(field) | Self::Ranges(field) => Some(field),
        }
    }
}

pub(super) struct Tally {
    grid: Grid,
    counting: Counting,
    all: Vec<u64>,
    groups: HashMap<String, Vec<u64>>,
    /// Of groups beyond the limit.
    beyond: Vec<u64>,
    ranges: BTreeMap<i32, Vec<u64>>,
    none: u64,
    pub(super) oldest: i64,
    /// Of an answer that was cut: from when on all was read.
    pub(super) known_from: Option<i64>,
    /// The record that was read last, where records have versions: not counted before another one comes.
    last: Option<Pending>,
}

struct Pending {
    id: i64,
    judged: i64,
    at: i64,
    values: Values,
}

/// What a record says of the field.
enum Values {
    None,
    Number(f64),
    Texts(Vec<String>),
}

impl Tally {
    pub(super) fn new(grid: Grid, counting: Counting) -> Self {
        Self {
            grid,
            counting,
            all: vec![0; grid.points],
            groups: HashMap::new(),
            beyond: vec![0; grid.points],
            ranges: BTreeMap::new(),
            none: 0,
            oldest: i64::MAX,
            known_from: None,
            last: None,
        }
    }

    /// Rows in the order of their time. What comes late makes another row of a call that was told: these are neighbours then,
    /// and the one that was judged last counts.
    pub(super) fn add(&mut self, batch: &RecordBatch, has_versions: bool) -> Result<(), ArrowError> {
        let times = numbers(batch, "ts")?;
        let column = Column::of(batch, self.counting)?;
        let versions = has_versions
            .then(|| Ok::<_, ArrowError>((numbers(batch, VERSION[0])?, numbers(batch, VERSION[1])?)))
            .transpose()?;
        for row in 0..batch.num_rows() {
            let at = times.value(row);
            self.oldest = self.oldest.min(at);
            let values = column.values(row);
            let Some((ids, judged)) = &versions else {
                self.count(at, &values);
                continue;
            };
            let pending = Pending { id: value(ids, row), judged: value(judged, row), at, values };
            match &self.last {
                Some(last) if last.id == pending.id && last.judged > pending.judged => continue,
                Some(last) if last.id == pending.id => {}
                _ => self.finish(),
            }
            self.last = Some(pending);
        }
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(Pending { at, values, .. }) = self.last.take() {
            self.count(at, &values);
        }
    }

    fn count(&mut self, at: i64, values: &Values) {
        let Some(point) = self.grid.point(at) else { return };
        self.all[point] += 1;
        match values {
            Values::None => self.none += 1,
            Values::Number(number) => {
                let points = self.grid.points;
                self.ranges.entry(range_of(*number)).or_insert_with(|| vec![0; points])[point] += 1;
            }
            Values::Texts(texts) => {
                for text in texts {
                    self.group(text)[point] += 1;
                }
            }
        }
    }

    fn group(&mut self, text: &str) -> &mut Vec<u64> {
        let points = self.grid.points;
        let most = GROUPS_MAX.min(GROUP_POINTS_MAX / points.max(1));
        if self.groups.contains_key(text) || self.groups.len() < most {
            self.groups.entry(text.to_owned()).or_insert_with(|| vec![0; points])
        } else {
            &mut self.beyond
        }
    }

    pub(super) fn told(
        mut self,
        of: &'static str,
        top: usize,
        aliases: &Aliases,
        partial: Option<Partial>,
        elapsed_ms: u64,
    ) -> Counts {
        self.finish();
        let (grid, known_from) = (self.grid, self.known_from);
        // A point of which a part was read is told too low: it is not known either.
        let begin = |point: usize| grid.from + grid.every * i64::try_from(point).unwrap_or(i64::MAX);
        let is_known = |point: usize| known_from.is_none_or(|from| begin(point) >= from);
        let counted = |points: Vec<u64>| Counted {
            total: points.iter().sum(),
            points: points
                .into_iter()
                .enumerate()
                .map(|(point, count)| is_known(point).then_some(count))
                .collect(),
        };
        let field = self.counting.field();
        let mut groups: Vec<(String, Vec<u64>)> = self.groups.into_iter().collect();
        let size = |points: &[u64]| points.iter().sum::<u64>();
        groups.sort_by(|a, b| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
        // Groups are kept as they are met, the newest first: with very many a large one may be among the others.
        let met = groups.len();
        let partial = partial.or_else(|| {
            (size(&self.beyond) > 0).then(|| {
                Partial::new(format!("of very many values the {met} that were met first are told apart"))
            })
        });
        let mut others = self.beyond;
        for (_, points) in groups.drain(top.min(groups.len())..) {
            for (into, from) in others.iter_mut().zip(&points) {
                *into += from;
            }
        }
        let group = |(value, points): (String, Vec<u64>), field: &'static Field| CountedGroup {
            alias: (field.kind == Kind::Ip)
                .then(|| aliases.name_of_host(&value))
                .flatten()
                .map(str::to_owned),
            only: condition(field, &value).to_string(),
            counted: counted(points),
            value,
        };
        let ranges = self.ranges.into_iter().map(|(range, points)| CountedRange {
            low: (range > NOT_ABOVE_ZERO).then(|| step(range)),
            high: if range > NOT_ABOVE_ZERO { step(range + 1) } else { 0.0 },
            counted: counted(points),
        });
        Counts {
            of,
            from: Micros(grid.from).to_string(),
            every_seconds: grid.every / Micros::SECOND,
            ranges: ranges.collect(),
            others: (size(&others) > 0).then(|| counted(others)),
            groups: field
                .map_or_else(Vec::new, |field| groups.into_iter().map(|one| group(one, field)).collect()),
            all: counted(self.all),
            none: self.none,
            unit: field.and_then(|field| field.unit).map(unit_name),
            partial,
            elapsed_ms,
        }
    }
}

/// The column of a batch that is told apart.
enum Column {
    Nothing,
    Numbers(Float64Array),
    Texts(StringArray),
    /// Where the texts of each row begin and end.
    Lists(StringArray, Vec<i32>),
}

impl Column {
    fn of(batch: &RecordBatch, counting: Counting) -> Result<Self, ArrowError> {
        let Some(column) = counting.field().and_then(|field| batch.column_by_name(field.name)) else {
            return Ok(Self::Nothing);
        };
        Ok(match counting {
            Counting::Ranges(_) => {
                Self::Numbers(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            Counting::Groups(_) | Counting::All => match column.as_list_opt::<i32>() {
                Some(lists) => Self::Lists(as_texts(lists.values())?, lists.value_offsets().to_vec()),
                None => Self::Texts(as_texts(column)?),
            },
        })
    }

    fn values(&self, row: usize) -> Values {
        match self {
            Self::Numbers(numbers) if numbers.is_valid(row) => Values::Number(numbers.value(row)),
            Self::Texts(texts) if texts.is_valid(row) => Values::Texts(vec![texts.value(row).to_owned()]),
            Self::Lists(texts, ends) => {
                let place = |row: usize| usize::try_from(ends[row]).unwrap_or_default();
                let own = place(row)..place(row + 1);
                if own.is_empty() {
                    return Values::None;
                }
                Values::Texts(own.map(|place| texts.value(place).to_owned()).collect())
            }
            Self::Nothing | Self::Numbers(_) | Self::Texts(_) => Values::None,
        }
    }
}

fn value(numbers: &Int64Array, row: usize) -> i64 {
    if numbers.is_valid(row) { numbers.value(row) } else { 0 }
}

/// The range of all that is not above zero.
const NOT_ABOVE_ZERO: i32 = i32::MIN;

/// Ranges outside of these powers of ten are the lowest and the highest: no number of microseconds has more digits.
const POWERS: std::ops::RangeInclusive<i32> = -3..=18;

/// Three in a power of ten: from 1, from 2, from 5.
fn range_of(number: f64) -> i32 {
    // Also what is no number.
    if number.is_nan() || number <= 0.0 {
        return NOT_ABOVE_ZERO;
    }
    let (lowest, highest) = (POWERS.start() * 3, POWERS.end() * 3 + 2);
    // By comparing, since a logarithm may lie a little beside a whole number.
    (lowest + 1..=highest).find(|range| step(*range) > number).map_or(highest, |above| above - 1)
}

fn step(range: i32) -> f64 {
    let first = [1.0, 2.0, 5.0][usize::try_from(range.rem_euclid(3)).unwrap_or_default()];
    first * 10_f64.powi(range.div_euclid(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_lies_in_its_range() {
        for (number, low, high) in
            [(1.0, 1.0, 2.0), (1.99, 1.0, 2.0), (2.0, 2.0, 5.0), (700_000.0, 500_000.0, 1e6), (0.3, 0.2, 0.5)]
        {
            let range = range_of(number);
            assert!((step(range) - low).abs() < low * 1e-9, "{number}: from {}", step(range));
            assert!((step(range + 1) - high).abs() < high * 1e-9, "{number}: to {}", step(range + 1));
        }
        for odd in [0.0, -7.0, f64::NAN] {
            assert_eq!(range_of(odd), NOT_ABOVE_ZERO);
        }
        assert_eq!(range_of(f64::INFINITY), range_of(1e30));
        assert_eq!(range_of(1e-30), POWERS.start() * 3);
    }
}
