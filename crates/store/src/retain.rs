//! Retention: which files go, oldest first, and when their bytes come back.
//!
//! A file leaves in two steps. First it leaves its table, by a commit: no new question sees it. After a grace
//! period it leaves the disk: questions that started before, here or in another program, have ended by then.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use model::{Micros, Table};

use crate::clock::now;
use crate::config::{Config, Retention, Rules};
use crate::error::StoreError;
use crate::hot::Hot;
use crate::lake::{Lake, LakeFile, LakeTable, Place, Reserve, free_disk};
use crate::status::Alarms;
use crate::view::View;

pub(crate) struct Retain {
    rules: Rules,
    place: Place,
    reserve: Reserve,
    /// The data folder, whose disk the log needs.
    data: PathBuf,
    alarms: Arc<Alarms>,
    leaving: VecDeque<Leaving>,
}

/// A file that belongs to no table any more and is still on disk.
struct Leaving {
    place: usize,
    name: String,
    bytes: u64,
    delete_at: Instant,
}

/// What the rules look at besides the files.
#[derive(Clone, Copy, Debug)]
struct Situation {
    now: Micros,
    free_disk: Option<u64>,
    /// Bytes that will come back when files that left are deleted.
    leaving: u64,
}

impl Retain {
    pub(crate) fn new(config: &Config, rules: Rules, place: &Place, node: &str, alarms: Arc<Alarms>) -> Self {
        Self {
            rules,
            place: place.clone(),
            reserve: Reserve::of(place, node),
            data: config.dir.clone(),
            alarms,
            leaving: VecDeque::new(),
        }
    }

    /// Finds files that an earlier run removed from their table, or wrote and never committed.
    pub(crate) async fn take_up_strays(&mut self, lake: &Lake) {
        for (place, table) in lake.tables.iter().enumerate() {
            match table.strays().await {
                Ok(strays) => {
                    for (name, bytes) in strays {
                        self.leave(place, name, bytes);
                    }
                }
                Err(error) => tracing::warn!(table = table.table.name, %error, "cannot look for stray files"),
            }
        }
    }

    /// Applies the rules once.
    pub(crate) async fn apply(&mut self, lake: &mut Lake, hot: &Hot) {
        // Making room may take a while, and fail.
        self.watch_disk();
        let situation = Situation {
            now: now(),
            free_disk: self.place.free_disk(),
            leaving: self.leaving.iter().map(|file| file.bytes).sum(),
        };
        let going = self.rules.now().going(&hot.view(), situation);
        let mut failed = None;
        for (place, files) in going.into_iter().enumerate().filter(|(_, files)| !files.is_empty()) {
            let table = &mut lake.tables[place];
            match self.remove(table, &files).await {
                Ok(left) => {
                    // Also those that a step before removed without learning of it.
                    let staying: HashSet<&str> = left.iter().map(|file| file.name.as_str()).collect();
                    let gone: Vec<Arc<LakeFile>> =
                        files.into_iter().filter(|file| !staying.contains(file.name.as_str())).collect();
                    hot.replace(place, table.settled(), left.into_iter().map(Arc::new).collect());
                    tracing::info!(table = table.table.name, files = gone.len(), "removed the oldest files");
                    self.leave_all(place, &gone);
                }
                // The next settling step finds out what the table has become.
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => self.alarms.clear("retain"),
            Some(error) => self.alarms.raise("retain", format!("cannot remove old files: {error}")),
        }
        self.delete_due(lake, situation.free_disk).await;
        self.reserve.keep(self.place.free_disk());
        self.watch_disk();
    }

    /// Where the disk is full once more, with the room that was set aside: a commit may also have been made, and only
    /// what comes after it have failed, which the second look finds out.
    async fn remove(
        &self,
        table: &mut LakeTable,
        files: &[Arc<LakeFile>],
    ) -> Result<Vec<LakeFile>, StoreError> {
        match table.remove(files).await {
            Err(error) if error.is_disk_full() => {
                if self.reserve.give_up() {
                    tracing::warn!("the disk is full: room set aside for removing old files is used");
                }
                table.remove(files).await
            }
            outcome => outcome,
        }
    }

    /// Files whose rows are in another file now.
    pub(crate) fn leave_all(&mut self, place: usize, files: &[Arc<LakeFile>]) {
        for file in files {
            self.leave(place, file.name.clone(), file.bytes);
        }
    }

    fn leave(&mut self, place: usize, name: String, bytes: u64) {
        self.leaving.push_back(Leaving {
            place,
            name,
            bytes,
            delete_at: Instant::now() + self.rules.now().grace,
        });
    }

    async fn delete_due(&mut self, lake: &Lake, free_disk: Option<u64>) {
        // With so little left, going on to accept packets is worth more than a reader's old snapshot.
        let pressed = free_disk.is_some_and(|free| free < self.rules.now().free_disk_min / 2);
        while let Some(file) = self.leaving.pop_front_if(|file| pressed || file.delete_at <= Instant::now()) {
            let table = &lake.tables[file.place];
            // Found at the start as a stray, and become part of the table since: its commit was still under way then.
            if !table.holds(&file.name).unwrap_or(true) {
                table.delete(&file.name).await;
            }
        }
    }

    /// Whether less is free than is to be left.
    pub(crate) fn is_disk_low(&self) -> bool {
        self.low_disk().is_some()
    }

    fn watch_disk(&self) {
        let floor = self.rules.now().free_disk_min;
        match self.low_disk() {
            Some((of, free)) => self.alarms.raise(
                "disk_low",
                format!("{free} bytes free on the disk of {of}, less than the {floor} to be left"),
            ),
            None => self.alarms.clear("disk_low"),
        }
    }

    /// Which disk has too little, and how much.
    fn low_disk(&self) -> Option<(&'static str, u64)> {
        let floor = self.rules.now().free_disk_min;
        let disks = [("the lake", self.place.free_disk()), ("the data folder", free_disk(&self.data))];
        disks.into_iter().find_map(|(of, free)| Some((of, free.filter(|free| *free < floor)?)))
    }
}

impl Retention {
    /// Days after which rows of the table lose their payload, if they do before they go.
    pub(crate) fn payload_days_of(&self, table: &Table) -> Option<u32> {
        self.payload_days.iter().find(|(name, _)| name == table.name).map(|(_, days)| *days)
    }

    /// Rows of the table that arrived before this have no payload any more.
    pub(crate) fn payload_since(&self, table: &Table, now: Micros) -> Option<Micros> {
        let age_max = i64::from(self.payload_days_of(table)?).saturating_mul(Micros::DAY);
        Some(Micros(now.0.saturating_sub(age_max)))
    }

    /// Days that rows of the table are kept.
    pub(crate) fn days_of(&self, table: &Table) -> u32 {
        self.days.iter().find(|(name, _)| name == table.name).map_or(table.retention_days, |(_, days)| *days)
    }

    /// The files to remove, per table.
    fn going(&self, view: &View, situation: Situation) -> Vec<Vec<Arc<LakeFile>>> {
        let mut going: Vec<Vec<Arc<LakeFile>>> = vec![Vec::new(); view.tables.len()];
        let mut staying: Vec<(usize, &Arc<LakeFile>)> = Vec::new();
        for (place, table) in view.tables.iter().enumerate() {
            let age_max = i64::from(self.days_of(table.table)).saturating_mul(Micros::DAY);
            let oldest = situation.now.0.saturating_sub(age_max);
            for file in table.files.iter() {
                // A file goes when its newest row is too old: none goes early.
                if newest(file) < oldest {
                    going[place].push(Arc::clone(file));
                } else {
                    staying.push((place, file));
                }
            }
        }
        let kept: u64 = staying.iter().map(|(_, file)| file.bytes).sum();
        let freed = situation.leaving + going.iter().flatten().map(|file| file.bytes).sum::<u64>();
        let over_budget = self.bytes_max.map_or(0, |max| kept.saturating_sub(max));
        let over_disk = situation.free_disk.map_or(0, |free| self.free_disk_min.saturating_sub(free + freed));
        let mut excess = over_budget.max(over_disk);
        staying.sort_by_key(|(_, file)| newest(file));
        for (place, file) in staying {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(file.bytes);
            going[place].push(Arc::clone(file));
        }
        going
    }
}

/// Arrival of the newest row, or when the file was written if that is not known.
pub(crate) fn newest(file: &LakeFile) -> i64 {
    file.ranges.map_or(file.modified_millis.saturating_mul(1000), |ranges| ranges.received.max)
}

#[cfg(test)]
mod tests {
    use model::{Field, Kind, Rows};

    use super::*;
    use crate::lake::Payload;
    use crate::lake::keys::Keys;
    use crate::view::{Range, Ranges, TableView};

    static ONE: Table = Table {
        name: "one",
        doc: "",
        retention_days: 10,
        rows: Rows::PACKETS,
        fields: &[Field::new("x", Kind::Text, "")],
    };
    static TWO: Table = Table { name: "two", doc: "", retention_days: 2, rows: Rows::PACKETS, fields: &[] };

    const NOW: Micros = Micros(100 * Micros::DAY);

    fn file(age_days: i64, bytes: u64) -> Arc<LakeFile> {
        let received = NOW.0 - age_days * Micros::DAY;
        let range = Range { min: received - 5 * Micros::DAY, max: received };
        Arc::new(LakeFile {
            name: format!("{age_days}-{bytes}"),
            bytes,
            rows: 1,
            modified_millis: NOW.0 / 1000,
            ranges: Some(Ranges {
                id: Range { min: 0, max: 0 },
                ts: Range { min: 0, max: 0 },
                received: range,
            }),
            checksum: None,
            payload: Payload::Unmeasured,
            keys: Keys::default(),
        })
    }

    fn view(one: Vec<Arc<LakeFile>>, two: Vec<Arc<LakeFile>>) -> View {
        let table = |table, files: Vec<Arc<LakeFile>>| {
            let mut view = TableView::new(table, Vec::new());
            view.files = Arc::new(files);
            Arc::new(view)
        };
        View { tables: vec![table(&ONE, one), table(&TWO, two)] }
    }

    fn names(rules: &Retention, view: &View, free_disk: Option<u64>, leaving: u64) -> Vec<Vec<String>> {
        let going = rules.going(view, Situation { now: NOW, free_disk, leaving });
        going.iter().map(|files| files.iter().map(|file| file.name.clone()).collect()).collect()
    }

    fn rules() -> Retention {
        Retention { free_disk_min: 0, ..Retention::default() }
    }

    #[test]
    fn age_is_per_table_and_counts_from_the_newest_row() {
        let view = view(vec![file(11, 1), file(9, 1)], vec![file(3, 1), file(1, 1)]);
        assert_eq!(names(&rules(), &view, None, 0), [["11-1"], ["3-1"]]);
        let longer = Retention { days: vec![("two".to_owned(), 5)], ..rules() };
        assert_eq!(names(&longer, &view, None, 0), [vec!["11-1"], vec![]]);
    }

    #[test]
    fn over_budget_the_oldest_of_all_tables_go() {
        let view = view(vec![file(5, 40), file(1, 40)], vec![file(1, 30)]);
        let rules = Retention { bytes_max: Some(100), ..rules() };
        assert_eq!(names(&rules, &view, None, 0), [vec!["5-40"], vec![]]);
        let rules = Retention { bytes_max: Some(50), ..rules };
        assert_eq!(names(&rules, &view, None, 0).concat().len(), 2);
    }

    #[test]
    fn what_is_already_leaving_counts_as_free() {
        let view = view(vec![file(5, 40), file(1, 40)], Vec::new());
        let rules = Retention { free_disk_min: 100, ..rules() };
        assert_eq!(names(&rules, &view, Some(70), 0), [vec!["5-40"], vec![]]);
        assert_eq!(names(&rules, &view, Some(70), 30), [Vec::<String>::new(), vec![]]);
    }
}
