//! Which minutes of figures are to be made again, and when. Pure: time and what was told go in.
//!
//! A minute's figures are made of the rows of the calls that began in it. Each row that tells a call to its end makes its
//! minute stale, and a stale minute is made again after about twice as long as it is old: most calls of a minute end within a
//! few of them, and one that ends after hours must not have its minute made every few seconds. Whoever asks meanwhile reads
//! the rows of stale minutes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use calls::kpi::{MINUTE, Minute};
use calls::{CALLS, Row};

/// Minutes that are made from one question: few enough rows to hold, of a busy site a million.
const SPAN_MAX: i64 = 10;

/// Longest time that a stale minute waits, in times of the shortest: with ten minutes these are four hours.
const WAIT_TIMES_MAX: u32 = 24;

/// Stale minutes that are remembered: of a month. Beyond it, as when years are imported, figures of earlier time are read from
/// rows for good.
const STALE_MAX: usize = 50_000;

/// Rows told before anything was known of minutes may be of calls that began by a clock ahead of ours.
const CLOCK_SLACK: i64 = 5 * MINUTE;

#[derive(Debug)]
pub(super) struct Minutes {
    since: i64,
    /// When each became stale.
    stale: BTreeMap<i64, i64>,
    /// Calls that were told to their end and go on all the same, and the minutes they began in: what is in a row already and
    /// what is not yet cannot be told apart before they end again.
    retold: HashMap<i64, i64>,
    wait_min: i64,
}

impl Minutes {
    /// `known`: what an earlier run knew. `has_calls`: it has told calls.
    pub(super) fn new(known: Option<store::Minutes>, has_calls: bool, now: i64, wait_min: Duration) -> Self {
        let first = if has_calls { Minute::around(now.saturating_add(CLOCK_SLACK)) } else { i64::MIN };
        let store::Minutes { since, stale } =
            known.unwrap_or(store::Minutes { since: first, stale: Vec::new() });
        Self {
            // It may have been written while the clock was far ahead.
            since: since.min(Minute::around(now.saturating_add(CLOCK_SLACK))),
            stale: stale.into_iter().map(|minute| (minute, now)).collect(),
            retold: HashMap::new(),
            wait_min: i64::try_from(wait_min.as_micros()).unwrap_or(i64::MAX),
        }
    }

    /// A row has been told. `is_retold`: an earlier row may have told its call to its end.
    pub(super) fn told(&mut self, row: &Row, is_retold: bool, now: i64) {
        if !std::ptr::eq(row.table, &raw const CALLS) {
            return;
        }
        let minute = Minute::around(row.begun());
        if !row.is_open {
            self.retold.remove(&row.id);
        } else if is_retold {
            self.retold.insert(row.id, minute);
        } else {
            return;
        }
        if minute < self.since {
            return;
        }
        self.stale.entry(minute).or_insert(now);
        if self.stale.len() > STALE_MAX {
            self.begin_anew(now);
        }
    }

    /// Nothing is known of any minute before now.
    fn begin_anew(&mut self, now: i64) {
        self.since = Minute::around(now.saturating_add(CLOCK_SLACK));
        self.stale = self.stale.split_off(&self.since);
    }

    /// What went on is not followed any more.
    pub(super) fn lose(&mut self, now: i64) {
        self.retold.clear();
        self.begin_anew(now);
    }

    /// Minutes in a row whose time has come: the beginning of the first and the end of the last.
    pub(super) fn due(&self, now: i64) -> Option<(i64, i64)> {
        let goes_on: HashSet<i64> = self.retold.values().copied().collect();
        let is_due = |minute: i64, since: i64| {
            let wait_max = self.wait_min.saturating_mul(WAIT_TIMES_MAX.into());
            let wait = since.saturating_sub(minute).saturating_mul(2).clamp(self.wait_min, wait_max);
            now.saturating_sub(since) >= wait && !goes_on.contains(&minute)
        };
        let mut due = self.stale.iter().filter(|(minute, since)| is_due(**minute, **since));
        let first = *due.next()?.0;
        let mut end = first + MINUTE;
        for (minute, _) in due {
            if *minute != end || end - first >= SPAN_MAX * MINUTE {
                break;
            }
            end += MINUTE;
        }
        Some((first, end))
    }

    /// These have a version with all that was told so far.
    pub(super) fn made(&mut self, (first, end): (i64, i64)) {
        self.stale.retain(|minute, _| !(first..end).contains(minute));
    }

    /// These could not be made now.
    pub(super) fn put_off(&mut self, (first, end): (i64, i64), now: i64) {
        self.stale.range_mut(first..end).for_each(|(_, since)| *since = now);
    }

    /// What is to be remembered.
    pub(super) fn state(&self) -> store::Minutes {
        store::Minutes { since: self.since, stale: self.stale.keys().copied().collect() }
    }
}

#[cfg(test)]
mod tests {
    use calls::{End, Limits, Message, Sighting, Tracker};

    use super::*;

    const NOW: i64 = 1_795_300_000_000_000;
    const SECOND: i64 = 1_000_000;

    fn minutes() -> Minutes {
        Minutes::new(None, false, NOW, Duration::from_secs(600))
    }

    /// The last row of a call that was refused at `at`.
    fn refused(call_id: &str, at: i64) -> Row {
        let mut tracker = Tracker::new(Limits::default());
        let raw = format!(
            "INVITE sip:b@example.com SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n\r\n"
        );
        let end = |ip| End { ip: Some(ip), port: Some(5060) };
        tracker.take(&Sighting {
            message: Message {
                id: at,
                at,
                src: end("192.0.2.1"),
                dst: end("192.0.2.2"),
                call_id: Some(call_id),
                method: Some("INVITE"),
                cseq: Some(1),
                from_tag: Some("1"),
                raw: raw.as_bytes().into(),
                ..Message::default()
            },
            received: at,
            transport: "udp",
            ..Sighting::default()
        });
        let mut rows = Vec::new();
        tracker.due(at + 400 * SECOND, &mut rows);
        rows.pop().expect("nobody answered")
    }

    #[test]
    fn a_minute_is_made_again_when_it_is_three_times_as_old() {
        let mut minutes = minutes();
        let begun = Minute::around(NOW);
        let row = refused("a", begun + 7);
        assert!(!row.is_open);
        minutes.told(&row, false, NOW + 30 * SECOND);
        assert_eq!(minutes.state(), store::Minutes { since: i64::MIN, stale: vec![begun] });
        assert_eq!(minutes.due(NOW + 629 * SECOND), None, "ten minutes at least");
        assert_eq!(minutes.due(NOW + 630 * SECOND), Some((begun, begun + MINUTE)));
        minutes.made((begun, begun + MINUTE));
        assert_eq!(minutes.state().stale, Vec::<i64>::new());
        // An hour later another of its calls ends.
        let hour = begun + 3_600 * SECOND;
        minutes.told(&refused("b", begun), false, hour);
        assert_eq!(minutes.due(hour + 7_199 * SECOND), None);
        assert!(minutes.due(hour + 7_200 * SECOND).is_some());
        // After a day it waits for four hours, and not for another day.
        minutes.made((begun, begun + MINUTE));
        let day = begun + 24 * 3_600 * SECOND;
        minutes.told(&refused("c", begun), false, day);
        assert_eq!(minutes.due(day + 4 * 3_600 * SECOND - 1), None);
        assert!(minutes.due(day + 4 * 3_600 * SECOND).is_some());
    }

    #[test]
    fn minutes_in_a_row_are_made_together() {
        let mut minutes = minutes();
        let begun = Minute::around(NOW);
        for place in (0..14).chain([20]) {
            minutes.told(&refused("a", begun + place * MINUTE), false, NOW);
        }
        let later = NOW + 24 * 3_600 * SECOND;
        let mut spans = Vec::new();
        while let Some(span) = minutes.due(later) {
            spans.push(((span.0 - begun) / MINUTE, (span.1 - begun) / MINUTE));
            minutes.made(span);
        }
        assert_eq!(spans, [(0, 10), (10, 14), (20, 21)]);
    }

    #[test]
    fn a_minute_that_could_not_be_made_waits() {
        let mut minutes = minutes();
        minutes.told(&refused("a", NOW), false, NOW);
        let later = NOW + 3_600 * SECOND;
        let span = minutes.due(later).expect("due");
        minutes.put_off(span, later);
        assert_eq!(minutes.due(later + SECOND), None);
        assert_eq!(minutes.due(later + 24 * 3_600 * SECOND), Some(span));
    }

    #[test]
    fn what_goes_on_makes_no_minute_unless_it_was_told_before() {
        let mut minutes = minutes();
        let mut row = refused("a", NOW);
        row.is_open = true;
        minutes.told(&row, false, NOW);
        assert_eq!(minutes.state().stale, Vec::<i64>::new());
        minutes.told(&row, true, NOW);
        let later = NOW + 24 * 3_600 * SECOND;
        assert_eq!(
            (minutes.state().stale.len(), minutes.due(later)),
            (1, None),
            "stale for as long as it goes on"
        );
        row.is_open = false;
        minutes.told(&row, true, NOW);
        assert!(minutes.due(later).is_some());
    }

    #[test]
    fn rows_of_before_are_not_counted_on() {
        let has_calls = Minutes::new(None, true, NOW, Duration::from_secs(600));
        let since = has_calls.state().since;
        assert!(since > NOW && since <= NOW + 6 * MINUTE);
        let known = store::Minutes { since, stale: vec![since + MINUTE] };
        let mut next = Minutes::new(Some(known.clone()), true, NOW, Duration::from_secs(600));
        assert_eq!(next.state(), known);
        next.told(&refused("a", since - 1), false, NOW);
        assert_eq!(next.state(), known, "it is read from its row for good");
    }

    #[test]
    fn years_that_are_imported_do_not_fill_memory() {
        let mut minutes = minutes();
        for place in 0..i64::try_from(STALE_MAX).expect("small") {
            minutes.stale.insert(Minute::around(NOW) - (place + 1) * MINUTE, NOW);
        }
        minutes.told(&refused("a", NOW), false, NOW);
        let state = minutes.state();
        assert!(state.since > NOW && state.stale.is_empty(), "{} from {}", state.stale.len(), state.since);
    }
}
