//! Whether calls that were over go on: then their ends were told too soon.
//!
//! A capture point that is seconds behind the others sends its part of every call after the rest of it has come. To find
//! the rest again takes more than to wait for that part.

/// Ends between two verdicts.
const ENDS: u32 = 500;

/// Finding the messages of a call again costs some fifty times what following it does.
const MANY: u32 = ENDS / 50;

/// Verdicts for which calls are waited for once many came back: the capture point will not have caught up by the next.
const PATIENT_FOR: u32 = 20;

#[derive(Debug, Default)]
pub(super) struct Comebacks {
    ended: u32,
    came_back: u32,
    patient_for: u32,
}

impl Comebacks {
    /// A call was told to its end.
    pub(super) fn ended(&mut self) {
        self.ended += 1;
        if self.ended < ENDS {
            return;
        }
        let were_many = self.came_back >= MANY;
        self.patient_for = if were_many { PATIENT_FOR } else { self.patient_for.saturating_sub(1) };
        (self.ended, self.came_back) = (0, 0);
    }

    /// One that had been told to its end goes on.
    pub(super) fn came_back(&mut self) {
        self.came_back += 1;
    }

    /// Waiting is cheaper.
    pub(super) fn are_many(&self) -> bool {
        self.patient_for > 0 || self.came_back >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_waited_for_while_many_come_back_and_for_some_time_after() {
        let mut comebacks = Comebacks::default();
        let end = |comebacks: &mut Comebacks, count| (0..count).for_each(|_| comebacks.ended());
        (1..MANY).for_each(|_| comebacks.came_back());
        assert!(!comebacks.are_many());
        end(&mut comebacks, ENDS);
        assert!(!comebacks.are_many());
        (0..MANY).for_each(|_| comebacks.came_back());
        assert!(comebacks.are_many(), "at once: they are being looked up now");
        end(&mut comebacks, ENDS * PATIENT_FOR);
        assert!(comebacks.are_many());
        end(&mut comebacks, ENDS);
        assert!(!comebacks.are_many());
    }
}
