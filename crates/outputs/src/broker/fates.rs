//! What became of the messages of one attempt.

use std::time::Duration;

use reach::ReachError;
use tokio::time::error::Elapsed;

use crate::queue::Verdict;
use crate::send::Reply;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Taken,
    Refused(String),
    /// The broker says no to this one, and why; whoever runs it may put that right.
    Denied(String),
    /// To be sent again, and why.
    Later(String),
}

/// Of each message in its order; those that have none yet are waited for.
#[derive(Debug)]
pub(super) struct Fates {
    fates: Vec<Option<Fate>>,
    open: usize,
}

impl Fates {
    pub(super) fn new(count: usize) -> Self {
        Self { fates: vec![None; count], open: count }
    }

    /// Only the first word counts.
    pub(super) fn decide(&mut self, place: usize, fate: Fate) {
        if let Some(open @ None) = self.fates.get_mut(place) {
            *open = Some(fate);
            self.open -= 1;
        }
    }

    /// All of which nothing is known.
    pub(super) fn decide_rest(&mut self, fate: &Fate) {
        for open in self.fates.iter_mut().filter(|known| known.is_none()) {
            *open = Some(fate.clone());
        }
        self.open = 0;
    }

    /// The attempt is over, in time or not. Whether its connection may be used for another.
    pub(super) fn end(&mut self, known: Result<Result<(), ReachError>, Elapsed>, time_max: Duration) -> bool {
        let why = match known {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no acknowledgement within {} s", time_max.as_secs_f64()),
        };
        self.decide_rest(&Fate::Later(why));
        false
    }

    pub(super) fn is_open(&self, place: usize) -> bool {
        matches!(self.fates.get(place), Some(None))
    }

    pub(super) fn are_known(&self) -> bool {
        self.open == 0
    }

    pub(super) fn reply(self) -> Reply {
        let (mut problem, mut refusal) = (None, None);
        let verdict = |fate: Option<Fate>| match fate {
            Some(Fate::Taken) => Verdict::Sent,
            Some(Fate::Refused(why)) => {
                refusal.get_or_insert(why);
                Verdict::Refused
            }
            Some(Fate::Denied(why)) => {
                problem.get_or_insert(why);
                Verdict::Behind
            }
            Some(Fate::Later(why)) => {
                problem.get_or_insert(why);
                Verdict::Again
            }
            None => Verdict::Again,
        };
        let verdicts: Vec<Verdict> = self.fates.into_iter().map(verdict).collect();
        if verdicts.iter().all(|verdict| *verdict == Verdict::Sent) {
            return Reply::Taken;
        }
        Reply::Each { verdicts, problem, refusal, after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_the_first_that_was_said_of_it() {
        let mut fates = Fates::new(5);
        fates.decide(1, Fate::Taken);
        fates.decide(1, Fate::Later("no".to_owned()));
        fates.decide(3, Fate::Refused("too large".to_owned()));
        fates.decide(4, Fate::Denied("full".to_owned()));
        fates.decide(9, Fate::Taken);
        assert!(!fates.are_known() && fates.is_open(0) && !fates.is_open(1));
        fates.decide_rest(&Fate::Later("late".to_owned()));
        assert!(fates.are_known());
        let expected = Reply::Each {
            verdicts: vec![Verdict::Again, Verdict::Sent, Verdict::Again, Verdict::Refused, Verdict::Behind],
            problem: Some("late".to_owned()),
            refusal: Some("too large".to_owned()),
            after: None,
        };
        assert_eq!(fates.reply(), expected);
        let mut fates = Fates::new(2);
        fates.decide_rest(&Fate::Taken);
        assert_eq!(fates.reply(), Reply::Taken);
    }
}
