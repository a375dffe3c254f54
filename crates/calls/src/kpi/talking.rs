//! How long was talked in which minute.

use super::pairs;

const MINUTE: i64 = 60_000_000;

/// Minutes of one conversation that are told apart: a week. What goes on for longer is a line that was left open.
const MINUTES_MAX: i64 = 7 * 24 * 60;

/// Microseconds of conversations by minute, counted from the minute their calls began in. It can be added up, as long as
/// these are calls of one minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Talking {
    by_minute: Vec<u64>,
}

impl Talking {
    /// A conversation of a call that began in the minute that begins at `minute`.
    pub fn add(&mut self, minute: i64, answered: i64, ended: i64) {
        let end = ended.min(minute.saturating_add(MINUTES_MAX * MINUTE));
        let mut at = answered.max(minute);
        while at < end {
            let place = (at - minute) / MINUTE;
            let until = end.min(minute + (place + 1) * MINUTE);
            if let Ok(place) = usize::try_from(place) {
                self.put(place, (until - at).unsigned_abs());
            }
            at = until;
        }
    }

    pub fn join(&mut self, other: &Self) {
        for (place, micros) in other.by_minute.iter().enumerate() {
            self.put(place, *micros);
        }
    }

    fn put(&mut self, place: usize, micros: u64) {
        if self.by_minute.len() <= place {
            self.by_minute.resize(place + 1, 0);
        }
        self.by_minute[place] = self.by_minute[place].saturating_add(micros);
    }

    /// Those with conversations.
    fn filled(&self) -> impl Iterator<Item = (usize, u64)> {
        self.by_minute.iter().copied().enumerate().filter(|(_, micros)| *micros > 0)
    }

    /// When each minute with conversations begins, and the microseconds of them, for calls of this minute.
    pub fn of(&self, minute: i64) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.filled().map(move |(place, micros)| {
            let begin = minute.saturating_add(i64::try_from(place).unwrap_or(MINUTES_MAX) * MINUTE);
            (begin, i64::try_from(micros).unwrap_or(i64::MAX))
        })
    }

    /// As a table keeps it; [`Talking::of_bytes`] reads it back.
    pub fn to_bytes(&self) -> Vec<u8> {
        pairs::write(self.filled().map(|(place, micros)| (place as u64, micros)))
    }

    /// `None`: this is something else.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let mut talking = Self::default();
        pairs::read(bytes, |place, micros| {
            let place = i64::try_from(place).ok().filter(|place| *place < MINUTES_MAX)?;
            talking.put(usize::try_from(place).ok()?, micros);
            Some(())
        })?;
        Some(talking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_spread_over_its_minutes() {
        let mut talking = Talking::default();
        let begun = 100 * MINUTE;
        talking.add(begun, begun + MINUTE / 2, begun + 3 * MINUTE + 7);
        talking.add(begun, begun, begun + 1);
        talking.add(begun, begun + 5, begun + 5);
        let told: Vec<(i64, i64)> = talking.of(begun).collect();
        let minute = |place: i64| begun + place * MINUTE;
        assert_eq!(
            told,
            [(minute(0), MINUTE / 2 + 1), (minute(1), MINUTE), (minute(2), MINUTE), (minute(3), 7)]
        );
        assert_eq!(Talking::of_bytes(&talking.to_bytes()), Some(talking.clone()));
        let mut both = talking.clone();
        both.join(&talking);
        assert_eq!(both.of(begun).map(|(_, micros)| micros).sum::<i64>(), 2 * (5 * MINUTE / 2 + 8));
        talking.add(begun, i64::MIN, i64::MAX);
        assert_eq!(talking.of(begun).count() as i64, MINUTES_MAX);
    }
}
