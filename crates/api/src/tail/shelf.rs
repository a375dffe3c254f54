//! What one viewer has still to be sent: bounded, and what does not fit is counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Notify;

use crate::limits::{TAIL_FRAME_ROWS, TAIL_ROWS_PER_SECOND, TAIL_WAITING_ROWS_MAX};

/// Between the task that finds rows and the one that sends them.
#[derive(Default)]
pub(super) struct Shelf {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    /// As JSON, oldest first.
    rows: VecDeque<String>,
    skipped: u64,
    pace: Pace,
    /// The last text there will be.
    end: Option<String>,
    ended: bool,
}

impl Shelf {
    /// How many of the rows found the pace allows to be put.
    pub(super) fn room(&self, found: usize, now: Instant) -> usize {
        self.lock().pace.take(found, now)
    }

    /// `before` rows nobody looked at, then these, then `after` beyond the pace.
    pub(super) fn put(&self, before: u64, rows: impl Iterator<Item = String>, after: u64) {
        let mut state = self.lock();
        state.rows.extend(rows);
        state.skipped += before + after;
        while state.rows.len() > TAIL_WAITING_ROWS_MAX {
            // The oldest go: who watches wants to see what is happening now.
            state.rows.pop_front();
            state.skipped += 1;
        }
        drop(state);
        self.news.notify_one();
    }

    /// There will be no more rows; this is why.
    pub(super) fn end(&self, reason: &Value) {
        self.lock().end = Some(reason.to_string());
        self.news.notify_one();
    }

    /// The texts to send next; waits for some. `None` after the end. Nothing is lost if the future is dropped.
    pub(super) async fn take(&self) -> Option<Vec<String>> {
        loop {
            let news = self.news.notified();
            {
                let mut state = self.lock();
                if state.ended {
                    return None;
                }
                let texts = state.texts();
                if !texts.is_empty() {
                    return Some(texts);
                }
            }
            news.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn texts(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        if self.skipped > 0 {
            texts.push(super::skipped(std::mem::take(&mut self.skipped)));
        }
        let rows = self.rows.len().min(TAIL_FRAME_ROWS);
        if rows > 0 {
            let rows: Vec<String> = self.rows.drain(..rows).collect();
            texts.push(super::frame(&rows));
        }
        if texts.is_empty()
            && let Some(end) = self.end.take()
        {
            self.ended = true;
            texts.push(end);
        }
        texts
    }
}

/// Rows a second, as a bucket that fills by itself: a quiet viewer may get a burst.
struct Pace {
    allowed: f64,
    since: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { allowed: TAIL_ROWS_PER_SECOND as f64, since: None }
    }
}

impl Pace {
    fn take(&mut self, wanted: usize, now: Instant) -> usize {
        let passed = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.since = Some(now);
        let most = TAIL_ROWS_PER_SECOND as f64;
        self.allowed = (self.allowed + passed.as_secs_f64() * most).min(most);
        let taken = wanted.min(self.allowed as usize);
        self.allowed -= taken as f64;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
        range.map(|number| number.to_string())
    }

    #[test]
    fn every_row_is_sent_or_counted() {
        let shelf = Shelf::default();
        shelf.put(3, rows(0..TAIL_WAITING_ROWS_MAX + 10), 7);
        let mut sent = 0;
        let mut skipped = 0;
        loop {
            let texts = shelf.lock().texts();
            if texts.is_empty() {
                break;
            }
            for text in texts {
                let value: Value = serde_json::from_str(&text).expect("JSON");
                skipped += value["skipped"].as_u64().unwrap_or(0);
                let rows = value["messages"].as_array().map_or(0, Vec::len);
                assert!(rows <= TAIL_FRAME_ROWS);
                sent += rows;
            }
        }
        assert_eq!((sent, skipped), (TAIL_WAITING_ROWS_MAX, 3 + 10 + 7));
    }

    #[test]
    fn the_end_comes_after_what_waits_and_only_once() {
        let shelf = Shelf::default();
        shelf.put(0, rows(0..1), 0);
        shelf.end(&Value::from("over"));
        let mut state = shelf.lock();
        assert_eq!(state.texts(), ["{\"messages\":[0]}"]);
        assert_eq!(state.texts(), ["\"over\""]);
        assert!(state.ended && state.texts().is_empty());
    }

    #[test]
    fn the_pace_allows_a_burst_and_then_its_rate() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(pace.take(10 * TAIL_ROWS_PER_SECOND, start), TAIL_ROWS_PER_SECOND);
        assert_eq!(pace.take(10, start), 0);
        let half = start + Duration::from_millis(500);
        assert_eq!(pace.take(10 * TAIL_ROWS_PER_SECOND, half), TAIL_ROWS_PER_SECOND / 2);
        let later = half + Duration::from_secs(60);
        assert_eq!(
            pace.take(10 * TAIL_ROWS_PER_SECOND, later),
            TAIL_ROWS_PER_SECOND,
            "not more than a second's"
        );
    }
}
