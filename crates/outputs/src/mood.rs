//! What is said of an output, once for each change and not for each item.

use std::time::{Duration, Instant};

/// Items are no longer being lost when none was for this long.
const QUIET: Duration = Duration::from_secs(60);

/// What to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    Failing(String),
    Recovered,
    Losing,
    /// It has lost so many, and now loses none.
    LostSome(u64),
}

/// How an output was when it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Mood {
    failing: bool,
    /// How many were lost before those that are being lost now, and when the last of these was.
    losing: Option<(u64, Instant)>,
    dropped: u64,
}

impl Mood {
    pub(crate) fn look(&mut self, problem: Option<&str>, dropped: u64, now: Instant) -> Vec<News> {
        let mut news = Vec::new();
        match problem {
            Some(problem) if !self.failing => news.push(News::Failing(problem.to_owned())),
            None if self.failing => news.push(News::Recovered),
            _ => {}
        }
        self.failing = problem.is_some();
        if dropped > self.dropped {
            let before = self.losing.map(|(before, _)| before);
            if before.is_none() {
                news.push(News::Losing);
            }
            self.losing = Some((before.unwrap_or(self.dropped), now));
            self.dropped = dropped;
        } else if let Some((before, last)) = self.losing
            && now.saturating_duration_since(last) >= QUIET
        {
            news.push(News::LostSome(self.dropped - before));
            self.losing = None;
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let mut mood = Mood::default();
        let start = Instant::now();
        assert_eq!(mood.look(None, 0, start), []);
        assert_eq!(mood.look(Some("refused"), 0, start), [News::Failing("refused".to_owned())]);
        assert_eq!(mood.look(Some("still refused"), 5, start), [News::Losing]);
        assert_eq!(mood.look(Some("still refused"), 9_000, start), []);
        assert_eq!(mood.look(None, 9_000, start), [News::Recovered]);
        assert_eq!(mood.look(None, 9_000, start + QUIET), [News::LostSome(9_000)]);
        assert_eq!(mood.look(None, 9_000, start + 2 * QUIET), []);
        assert_eq!(mood.look(None, 9_001, start + 2 * QUIET), [News::Losing]);
        assert_eq!(mood.look(None, 9_001, start + 3 * QUIET), [News::LostSome(1)]);
    }
}
