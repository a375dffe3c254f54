//! Calls counted where they began, point by point and group by group.

use std::collections::HashMap;

use calls::kpi::{Kpi, Share, Sketch};
use model::Micros;
use store::columns::number;

use super::{Figures, Group, KpiAnswer, Quantiles, Series};
use crate::ask::{Partial, Window};
use crate::call::figures::Calls;
use crate::error::ApiError;
use crate::time;

/// Points of a series: more than a screen has columns.
const POINTS_MAX: i64 = 2_000;

/// Groups that are told one by one; all others are one more, so that no search can make a million of them.
const GROUPS_TOLD: usize = 50;

/// Groups that are counted apart while reading; what comes after is with the others.
pub(crate) const GROUPS_MAX: usize = 5_000;

/// Points in all groups together.
pub(crate) const GROUP_POINTS_MAX: usize = 200_000;

/// The group of all that is in no other.
const OTHER: &str = "other";

/// The points of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) from: i64,
    pub(crate) every: i64,
    pub(crate) points: usize,
}

impl Grid {
    pub(crate) fn new(window: Window, every: Option<&str>, now: Micros) -> Result<Self, ApiError> {
        let text = every.filter(|text| !text.is_empty()).unwrap_or("1m");
        let wrong = |why: &str| ApiError::bad_request(format!("`every`: {why}: `{text}`"));
        let before =
            time::point(&format!("-{}", text.trim_start_matches('-')), now).map_err(|why| wrong(&why))?;
        let every = now.0 - before.0;
        if every < Micros::SECOND {
            return Err(wrong("shorter than a second"));
        }
        // Points are where clocks have them, so that one asked again is the same.
        let from = window.from.0.div_euclid(every) * every;
        let to = window.to.0.min(now.0.max(window.from.0));
        let points = (to - from) / every + 1;
        if points > POINTS_MAX {
            return Err(wrong(&format!("{points} points are more than {POINTS_MAX}: make them longer")));
        }
        Ok(Self { from, every, points: usize::try_from(points).unwrap_or(1) })
    }

    /// A single point.
    pub(crate) fn whole(window: Window) -> Self {
        Self { from: window.from.0, every: (window.to.0 - window.from.0).max(1), points: 1 }
    }

    pub(crate) fn point(&self, at: i64) -> Option<usize> {
        let point = usize::try_from((at - self.from).div_euclid(self.every)).ok()?;
        (point < self.points).then_some(point)
    }
}

#[derive(Clone, Default)]
pub(super) struct Point {
    kpi: Kpi,
    /// Microseconds of conversations.
    talking: i64,
}

/// Which calls of a minute.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    All,
    Group(Option<&'a str>),
    /// Those in no group that is told apart.
    Others,
}

pub(super) struct Gathered {
    grid: Grid,
    all: Vec<Point>,
    /// A group for each key that calls have.
    groups: HashMap<Option<String>, Vec<Point>>,
    others: Option<Vec<Point>>,
}

impl Gathered {
    pub(super) fn new(grid: Grid) -> Self {
        Self { grid, all: vec![Point::default(); grid.points], groups: HashMap::new(), others: None }
    }

    pub(super) fn add(&mut self, rows: &Calls, row: usize, key: Option<Option<&str>>, now: Micros) {
        let told = rows.told(row);
        let begun = self.grid.point(rows.begun.value(row));
        let talked = number(&rows.answered, row).map(|answered| {
            let is_open = rows.is_open.value(row);
            let end = number(&rows.ended, row)
                .or_else(|| if is_open { Some(now.0) } else { number(&rows.last, row) });
            (answered, end.unwrap_or(answered))
        });
        let grid = self.grid;
        let add = |points: &mut Vec<Point>| {
            if let Some(point) = begun {
                points[point].kpi.add(&told);
            }
            if let Some((answered, ended)) = talked {
                talk(points, grid, answered, ended);
            }
        };
        add(&mut self.all);
        if let Some(key) = key {
            add(self.group(key.map(str::to_owned)));
        }
    }

    /// Counts calls that began in a minute.
    pub(super) fn add_minute(&mut self, begin: i64, share: &Share, which: Which<'_>) {
        let grid = self.grid;
        let points = match which {
            Which::All => &mut self.all,
            Which::Group(key) => self.group(key.map(str::to_owned)),
            Which::Others => self.others.get_or_insert_with(|| vec![Point::default(); grid.points]),
        };
        if let Some(point) = grid.point(begin) {
            points[point].kpi.join(&share.kpi);
        }
        for (minute, micros) in share.talking.of(begin) {
            if let Some(point) = grid.point(minute) {
                points[point].talking += micros;
            }
        }
    }

    /// The points of a group; those of the others if there are too many.
    fn group(&mut self, key: Option<String>) -> &mut Vec<Point> {
        let points = self.grid.points;
        let groups_max = GROUPS_MAX.min(GROUP_POINTS_MAX / points.max(1));
        if self.groups.contains_key(&key) || self.groups.len() < groups_max {
            self.groups.entry(key).or_insert_with(|| vec![Point::default(); points])
        } else {
            self.others.get_or_insert_with(|| vec![Point::default(); points])
        }
    }

    /// Figures of each group over all points, the largest first; or of all calls.
    pub(super) fn totals(&self, grouped: bool) -> Vec<(Option<String>, Figures)> {
        if !grouped {
            return vec![(None, total(&self.all, self.grid))];
        }
        let groups = self.groups.iter().map(|(key, points)| (key.clone(), total(points, self.grid)));
        let mut groups: Vec<(Option<String>, Figures)> = groups.collect();
        let size = |figures: &Figures| figures.attempts + figures.open;
        groups.sort_by(|a, b| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
        groups
    }

    pub(super) fn answer(self, grouped: bool, partial: Option<Partial>, elapsed_ms: u64) -> KpiAnswer {
        let grid = self.grid;
        let series = |points: &[Point]| Series {
            total: total(points, grid),
            points: points.iter().map(|point| Figures::of(point, grid.every)).collect(),
        };
        let size =
            |points: &[Point]| points.iter().map(|point| point.kpi.attempts + point.kpi.open).sum::<u64>();
        let mut groups: Vec<(Option<String>, Vec<Point>)> = self.groups.into_iter().collect();
        // A conversation that began before is no call of this time.
        groups.retain(|(_, points)| size(points) > 0);
        groups.sort_by(|a, b| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
        let mut others = self.others;
        for (_, points) in groups.drain(GROUPS_TOLD.min(groups.len())..) {
            let others = others.get_or_insert_with(|| vec![Point::default(); grid.points]);
            for (into, from) in others.iter_mut().zip(&points) {
                into.kpi.join(&from.kpi);
                into.talking += from.talking;
            }
        }
        let told = groups.into_iter().chain(others.map(|points| (Some(OTHER.to_owned()), points)));
        let groups = told.map(|(key, points)| Group { key, series: series(&points) });
        KpiAnswer {
            from: Micros(grid.from).to_string(),
            every_seconds: grid.every / Micros::SECOND,
            all: series(&self.all),
            groups: if grouped { groups.collect() } else { Vec::new() },
            partial,
            elapsed_ms,
        }
    }
}

/// Spreads a conversation over the points it is in.
fn talk(points: &mut [Point], grid: Grid, answered: i64, ended: i64) {
    let begin = answered.max(grid.from);
    let end = ended.min(grid.from + grid.every * i64::try_from(grid.points).unwrap_or(i64::MAX));
    let mut at = begin;
    while at < end {
        let Some(point) = grid.point(at) else { break };
        let until = end.min(grid.from + grid.every * (i64::try_from(point).unwrap_or(0) + 1));
        points[point].talking += until - at;
        at = until;
    }
}

fn total(points: &[Point], grid: Grid) -> Figures {
    let mut all = Point::default();
    for point in points {
        all.kpi.join(&point.kpi);
        all.talking += point.talking;
    }
    Figures::of(&all, grid.every * i64::try_from(points.len()).unwrap_or(1))
}

impl Figures {
    /// Of calls in a span of so many microseconds.
    fn of(point: &Point, span: i64) -> Self {
        let kpi = &point.kpi;
        let seconds = span.max(1) as f64 / 1e6;
        Self {
            attempts: kpi.attempts,
            open: kpi.open,
            answered: kpi.answered,
            cps: (kpi.attempts + kpi.open) as f64 / seconds,
            concurrent: point.talking as f64 / 1e6 / seconds,
            ser: kpi.ser(),
            seer: kpi.seer(),
            isa: kpi.isa(),
            scr: kpi.scr(),
            asr: kpi.asr(),
            ner: kpi.ner(),
            acd_seconds: kpi.acd(),
            short_ratio: kpi.short_ratio(),
            abandoned_ratio: kpi.abandoned_ratio(),
            retransmission_ratio: kpi.retransmission_ratio(),
            pdd: Quantiles::of(&kpi.pdd),
            failed_pdd: Quantiles::of(&kpi.failed_pdd),
            disconnect_delay: Quantiles::of(&kpi.disconnect_delay),
        }
    }
}

impl Quantiles {
    pub(super) fn of(sketch: &Sketch) -> Self {
        let quantile = |part| sketch.quantile(part).map(|micros| micros / 1e3);
        Self { p50_ms: quantile(0.5), p95_ms: quantile(0.95), p99_ms: quantile(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_spread_over_the_points_it_is_in() {
        let grid = Grid { from: 100, every: 10, points: 3 };
        let mut points = vec![Point::default(); 3];
        talk(&mut points, grid, 95, 112);
        talk(&mut points, grid, 118, 500);
        talk(&mut points, grid, 0, 50);
        assert_eq!(points.iter().map(|point| point.talking).collect::<Vec<_>>(), [10, 4, 10]);
    }
}
