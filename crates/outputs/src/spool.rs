//! What waits on disk: files of records that are written at one end, read at the other and removed when done with.
//!
//! ```text
//! FOLDER/NUMBER.spool   "RHSPOOL1", then records: length u32, checksum u32 (of what follows), received i64, bytes;
//!                       numbers little-endian; the next number begins a new file
//! FOLDER/position       NUMBER OFFSET: everything before is done with
//! ```
//!
//! A record is in the hands of the operating system when it counts as spooled: it outlives this program, not a power cut.
//! After a kill what was sent since the position was written is sent again.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use model::Micros;

use crate::queue::{Item, Overflow, Taken, cause};

const MAGIC: &[u8; 8] = b"RHSPOOL1";
const HEADER_BYTES: u64 = 8;

/// Length, checksum, time.
const FIXED_BYTES: usize = 4 + 4 + 8;

/// A file ends here: room comes back a file at a time.
const FILE_BYTES: u64 = 8 << 20;

/// What an item may have; more in a length is damage.
const ITEM_BYTES_MAX: usize = 16 << 20;

pub(crate) struct Spool {
    folder: PathBuf,
    bytes_max: u64,
    /// Oldest first.
    segments: VecDeque<Segment>,
    /// The last segment, while it may grow.
    writer: Option<File>,
    reader: Option<Reader>,
    next_number: u64,
    /// Ticket of the first mark.
    first_ticket: u64,
    /// What was taken and not all before it is done with.
    marks: VecDeque<Mark>,
    position: (u64, u64),
    moved: bool,
    waiting: u64,
}

struct Segment {
    number: u64,
    bytes: u64,
    /// Records that were not taken yet.
    left: u64,
}

struct Reader {
    number: u64,
    file: BufReader<File>,
    offset: u64,
}

struct Mark {
    number: u64,
    end: u64,
    done: bool,
}

impl Spool {
    /// Opens a folder, with what an earlier run left in it.
    pub(crate) fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let position = read_position(folder)?;
        let mut numbers: Vec<u64> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_suffix(".spool"))
                .and_then(|number| number.parse::<u64>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        let mut segments = VecDeque::new();
        for &number in &numbers {
            let path = path(folder, number);
            let from = if number == position.0 { position.1 } else { HEADER_BYTES };
            let (left, bytes) = if number < position.0 { (0, 0) } else { scan(&path, from)? };
            if left == 0 {
                fs::remove_file(&path)?;
            } else {
                segments.push_back(Segment { number, bytes, left });
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            bytes_max,
            waiting: segments.iter().map(|segment| segment.left).sum(),
            segments,
            writer: None,
            reader: None,
            next_number: numbers.last().copied().unwrap_or(0).max(position.0) + 1,
            first_ticket: 0,
            marks: VecDeque::new(),
            position,
            moved: false,
        })
    }

    fn write(&mut self, item: &Item) -> io::Result<()> {
        if self.writer.is_none() || self.segments.back().is_none_or(|segment| segment.bytes >= FILE_BYTES) {
            let number = self.next_number;
            // One of this number is there if the disk was full just now.
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .open(path(&self.folder, number))?;
            file.write_all(MAGIC)?;
            self.next_number += 1;
            self.segments.push_back(Segment { number, bytes: HEADER_BYTES, left: 0 });
            self.writer = Some(file);
        }
        let (Some(file), Some(segment)) = (&mut self.writer, self.segments.back_mut()) else { return Ok(()) };
        let record = encode(item);
        if let Err(error) = file.write_all(&record) {
            // Half a record must not stand between whole ones.
            let cut = file.set_len(segment.bytes).and_then(|()| file.seek(SeekFrom::Start(segment.bytes)));
            if cut.is_err() {
                self.writer = None;
            }
            return Err(error);
        }
        segment.bytes += record.len() as u64;
        segment.left += 1;
        self.waiting += 1;
        Ok(())
    }

    fn read(&mut self, number: u64) -> io::Result<(Item, u64)> {
        if self.reader.as_ref().is_none_or(|reader| reader.number != number) {
            let offset = if number == self.position.0 { self.position.1 } else { HEADER_BYTES };
            let mut file = File::open(path(&self.folder, number))?;
            file.seek(SeekFrom::Start(offset))?;
            self.reader = Some(Reader { number, file: BufReader::new(file), offset });
        }
        let Some(reader) = &mut self.reader else { return Err(io::ErrorKind::NotFound.into()) };
        let item = decode(&mut reader.file)?;
        reader.offset += (FIXED_BYTES + item.bytes.len()) as u64;
        Ok((item, reader.offset))
    }

    /// Forgets what is done with, oldest first.
    fn advance(&mut self) {
        while let Some(mark) = self.marks.front().filter(|mark| mark.done) {
            self.position = (mark.number, mark.end);
            self.moved = true;
            self.marks.pop_front();
            self.first_ticket += 1;
        }
        while let Some(segment) = self.segments.front() {
            let used = self.marks.iter().any(|mark| mark.number == segment.number);
            if segment.left > 0 || used {
                break;
            }
            let number = segment.number;
            if self.segments.len() == 1 {
                self.writer = None;
            }
            if self.reader.as_ref().is_some_and(|reader| reader.number == number) {
                self.reader = None;
            }
            if let Err(error) = fs::remove_file(path(&self.folder, number)) {
                tracing::warn!(%error, folder = %self.folder.display(), "a file of the spool cannot be removed");
            }
            self.segments.pop_front();
        }
    }

    fn mark(&mut self, number: u64, end: u64, done: bool) -> u64 {
        self.marks.push_back(Mark { number, end, done });
        self.first_ticket + self.marks.len() as u64 - 1
    }
}

impl Overflow for Spool {
    fn put(&mut self, item: &Item) -> Result<(), &'static str> {
        let bytes = (FIXED_BYTES + item.bytes.len()) as u64;
        if item.bytes.len() > ITEM_BYTES_MAX || self.bytes() + bytes > self.bytes_max {
            return Err(cause::SPOOL_FULL);
        }
        self.write(item).map_err(|error| {
            tracing::debug!(%error, folder = %self.folder.display(), "cannot write to the spool");
            cause::SPOOL_FAILED
        })
    }

    fn take(&mut self) -> Option<Taken> {
        let place = self.segments.iter().position(|segment| segment.left > 0)?;
        let number = self.segments[place].number;
        match self.read(number) {
            Ok((item, end)) => {
                self.segments[place].left -= 1;
                self.waiting -= 1;
                Some(Taken::Item(self.mark(number, end, false), item))
            }
            Err(error) => {
                // What follows cannot be found either.
                let lost = std::mem::take(&mut self.segments[place].left);
                tracing::error!(%error, records = lost, "cannot read {}", path(&self.folder, number).display());
                self.waiting -= lost;
                let end = self.segments[place].bytes;
                if place + 1 == self.segments.len() {
                    self.writer = None;
                }
                self.mark(number, end, true);
                self.advance();
                Some(Taken::Lost(lost))
            }
        }
    }

    fn done(&mut self, ticket: u64) {
        let place = ticket.checked_sub(self.first_ticket).and_then(|place| usize::try_from(place).ok());
        if let Some(mark) = place.and_then(|place| self.marks.get_mut(place)) {
            mark.done = true;
        }
        self.advance();
    }

    fn commit(&mut self) {
        if !std::mem::take(&mut self.moved) {
            return;
        }
        let (number, offset) = self.position;
        let write = || {
            let new = self.folder.join("position.new");
            fs::write(&new, format!("{number} {offset}\n"))?;
            fs::rename(new, self.folder.join("position"))
        };
        if let Err(error) = write() {
            tracing::warn!(%error, folder = %self.folder.display(), "cannot note how far the spool was sent");
        }
    }

    fn waiting(&self) -> u64 {
        self.waiting
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:012}.spool"))
}

fn read_position(folder: &Path) -> io::Result<(u64, u64)> {
    let text = match fs::read_to_string(folder.join("position")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, HEADER_BYTES)),
        Err(error) => return Err(error),
    };
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(number)), Some(Ok(offset))) if offset >= HEADER_BYTES => Ok((number, offset)),
        // Sent again is better than not at all.
        _ => Ok((0, HEADER_BYTES)),
    }
}

/// How many whole records stand behind `from`, and where the last one ends; half a one is cut off.
fn scan(path: &Path, from: u64) -> io::Result<(u64, u64)> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut magic = [0; 8];
    if length < HEADER_BYTES || file.read_exact(&mut magic).is_err() || &magic != MAGIC {
        tracing::warn!("{} is no file of a spool, or was never filled", path.display());
        return Ok((0, 0));
    }
    let mut reader = BufReader::new(&file);
    let mut end = from.min(length);
    reader.seek(SeekFrom::Start(end))?;
    let mut records = 0;
    let mut head = [0; 4];
    while length - end >= FIXED_BYTES as u64 {
        reader.read_exact(&mut head)?;
        let bytes = u32::from_le_bytes(head) as u64 + FIXED_BYTES as u64;
        if bytes > length - end {
            break;
        }
        reader.seek_relative(bytes as i64 - 4)?;
        end += bytes;
        records += 1;
    }
    if end < length {
        tracing::warn!(bytes = length - end, "the end of {} was never written whole", path.display());
        file.set_len(end)?;
    }
    Ok((records, end))
}

fn encode(item: &Item) -> Vec<u8> {
    let mut record = Vec::with_capacity(FIXED_BYTES + item.bytes.len());
    record.extend_from_slice(&(item.bytes.len() as u32).to_le_bytes());
    record.extend_from_slice(&[0; 4]);
    record.extend_from_slice(&item.received.0.to_le_bytes());
    record.extend_from_slice(&item.bytes);
    let checksum = crc32fast::hash(&record[8..]);
    record[4..8].copy_from_slice(&checksum.to_le_bytes());
    record
}

fn decode(reader: &mut impl io::Read) -> io::Result<Item> {
    let mut fixed = [0; FIXED_BYTES];
    reader.read_exact(&mut fixed)?;
    let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let length = number(0) as usize;
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if length > ITEM_BYTES_MAX {
        return Err(damaged("a record is longer than any"));
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&fixed[8..]);
    checksum.update(&bytes);
    if checksum.finalize() != number(4) {
        return Err(damaged("a record is not what was written"));
    }
    let mut received = [0; 8];
    received.copy_from_slice(&fixed[8..]);
    Ok(Item { received: Micros(i64::from_le_bytes(received)), bytes: bytes.into() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(number: u64, bytes: usize) -> Item {
        let mut text = number.to_be_bytes().to_vec();
        text.resize(8 + bytes, number as u8);
        Item { received: Micros(number as i64), bytes: text.into() }
    }

    fn taken(spool: &mut Spool) -> (u64, Item) {
        match spool.take() {
            Some(Taken::Item(ticket, item)) => (ticket, item),
            Some(Taken::Lost(count)) => panic!("{count} lost"),
            None => panic!("nothing there"),
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(usize),
        Take,
        /// Of those taken, the one at this place.
        Done(usize),
        /// The program ends and is started again.
        Restart,
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// After any restart exactly what was not done with is there, oldest first; what was done with behind something
        /// older that was not may be there again.
        #[test]
        fn nothing_is_lost_over_restarts(
            steps in proptest::collection::vec(prop_oneof![
                5 => (0..3_000_usize).prop_map(Step::Put), 4 => Just(Step::Take), 3 => (0..5_usize).prop_map(Step::Done),
                1 => Just(Step::Restart),
            ], 1..150),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut spool = Spool::open(folder.path(), 1 << 30).unwrap();
            // Number and whether it is done with, oldest first, from the oldest that is not.
            let mut kept: VecDeque<(u64, bool)> = VecDeque::new();
            let mut at = 0;
            let mut out: Vec<(u64, u64)> = Vec::new();
            let mut next = 0;
            for step in steps {
                match step {
                    Step::Put(bytes) => {
                        spool.put(&item(next, bytes)).unwrap();
                        kept.push_back((next, false));
                        next += 1;
                    }
                    Step::Take if at < kept.len() => {
                        let (ticket, item) = taken(&mut spool);
                        prop_assert_eq!(item.received.0 as u64, kept[at].0);
                        out.push((ticket, kept[at].0));
                        at += 1;
                    }
                    Step::Take => prop_assert!(spool.take().is_none()),
                    Step::Done(place) if place < out.len() => {
                        let (ticket, number) = out.remove(place);
                        spool.done(ticket);
                        spool.commit();
                        kept.iter_mut().find(|(kept, _)| *kept == number).expect("it is kept").1 = true;
                        while kept.front().is_some_and(|(_, done)| *done) {
                            kept.pop_front();
                            at -= 1;
                        }
                    }
                    Step::Done(_) => {}
                    Step::Restart => {
                        drop(spool);
                        spool = Spool::open(folder.path(), 1 << 30).unwrap();
                        kept.iter_mut().for_each(|(_, done)| *done = false);
                        at = 0;
                        out.clear();
                    }
                }
                prop_assert_eq!(spool.waiting(), (kept.len() - at) as u64);
                if kept.is_empty() {
                    prop_assert_eq!(spool.bytes(), 0, "no room is kept for what is done with");
                }
            }
        }
    }

    #[test]
    fn it_is_bounded_and_its_room_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), 1_000).unwrap();
        let mut put = 0;
        while spool.put(&item(put, 100)).is_ok() {
            put += 1;
        }
        assert_eq!(spool.put(&item(put, 100)), Err(cause::SPOOL_FULL));
        assert!(put >= 7 && spool.bytes() <= 1_000);
        for _ in 0..put {
            let (ticket, _) = taken(&mut spool);
            spool.done(ticket);
        }
        assert_eq!((spool.bytes(), spool.waiting()), (0, 0));
        assert_eq!(spool.put(&item(0, 100)), Ok(()));
    }

    #[test]
    fn half_a_record_is_cut_and_a_changed_one_is_counted_with_all_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
        for number in 0..5 {
            spool.put(&item(number, 50)).unwrap();
        }
        drop(spool);
        let file = path(folder.path(), 1);
        let mut bytes = fs::read(&file).unwrap();
        bytes.truncate(bytes.len() - 3);
        fs::write(&file, &bytes).unwrap();
        let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
        assert_eq!(spool.waiting(), 4);
        taken(&mut spool);
        drop(spool);
        let third = 8 + 2 * (FIXED_BYTES + 58) + FIXED_BYTES;
        bytes[third] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
        let tickets = [taken(&mut spool).0, taken(&mut spool).0];
        assert!(matches!(spool.take(), Some(Taken::Lost(2))));
        assert!(spool.take().is_none());
        for ticket in tickets {
            spool.done(ticket);
        }
        assert_eq!(spool.bytes(), 0);
    }
}
