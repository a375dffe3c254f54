//! How much to try next.

/// How many at a time: halved when the other side refuses a batch as a whole, to find the one that it refuses, and
/// doubled again by what it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portion {
    rows: usize,
    rows_max: usize,
}

impl Portion {
    pub(crate) fn new(rows_max: usize) -> Self {
        let rows_max = rows_max.max(1);
        Self { rows: rows_max, rows_max }
    }

    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    /// So many were refused as a whole. False if it was a single one: it will never be taken.
    pub(crate) fn refused(&mut self, rows: usize) -> bool {
        self.rows = (rows / 2).max(1);
        rows > 1
    }

    pub(crate) fn taken(&mut self) {
        self.rows = (self.rows * 2).min(self.rows_max);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// One item that is never taken costs no other one its place.
        #[test]
        fn a_refused_item_is_found_and_all_others_are_taken(rows in 1..200_usize, bad in 0..200_usize, most in 1..64_usize) {
            let mut waiting: Vec<usize> = (0..rows).collect();
            let mut portion = Portion::new(most);
            let (mut taken, mut dropped, mut tries) = (Vec::new(), Vec::new(), 0);
            while !waiting.is_empty() {
                tries += 1;
                prop_assert!(tries < 50 + 2 * rows, "it ends");
                let batch: Vec<usize> = waiting.iter().copied().take(portion.rows()).collect();
                prop_assert!(batch.len() <= most);
                if batch.contains(&bad) {
                    if !portion.refused(batch.len()) {
                        dropped.push(waiting.remove(0));
                    }
                } else {
                    portion.taken();
                    taken.extend(waiting.drain(..batch.len()));
                }
            }
            prop_assert_eq!(taken, (0..rows).filter(|row| *row != bad).collect::<Vec<_>>());
            prop_assert_eq!(dropped, (0..rows).filter(|row| *row == bad).collect::<Vec<_>>());
        }
    }
}
