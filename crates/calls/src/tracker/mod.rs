//! Calls and registrations while they go on: messages in as they arrive, rows out.
//!
//! Facts and findings of a row are those of [`Call`], read from all messages of the call so far, whatever the order
//! they came in. When a row is due follows from arrival times alone, which whoever feeds this hands in; what is in
//! the row follows from the times of the messages alone.

mod kept;
pub(crate) mod patience;
pub(crate) mod seen;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use crate::call::Call;
use crate::message::Message;
use crate::row::{Origin, Row, Told};
use crate::state::State;
use kept::Kept;
use patience::{HOLD, Patience, hold};
use seen::Sorted;

/// One message as one capture point saw it.
#[derive(Clone, Debug, Default)]
pub struct Sighting<'a> {
    pub message: Message<'a>,
    /// When it arrived here, microseconds since 1970.
    pub received: i64,
    /// Capture point, as a fingerprint.
    pub point: u64,
    pub sender: &'a str,
    pub listener: &'a str,
    pub transport: &'a str,
    pub hep_version: i16,
    pub hep_type: i32,
    pub capture_id: Option<i64>,
    pub node: Option<&'a str>,
    pub correlation_id: Option<&'a str>,
}

/// How much may be remembered.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls and registrations that go on at one time. Beyond it those that have been quiet longest are told as they
    /// are, and taken up again when they go on.
    pub open_max: usize,
    /// Calls told to their end whose late messages are still recognised.
    pub recent_max: usize,
}

impl Default for Limits {
    /// A large switch has some tens of thousands at one time. At two and a half kilobytes each this is 500 MB.
    fn default() -> Self {
        Self { open_max: 200_000, recent_max: 200_000 }
    }
}

/// What was not followed as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages of calls that have more than are kept; counted in their row.
    pub beyond: u64,
    /// Calls that were told before their end for want of room.
    pub evicted: u64,
}

/// The calls and registrations that go on.
#[derive(Debug)]
pub struct Tracker {
    limits: Limits,
    by_call_id: HashMap<Box<str>, usize>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// What is to be looked at, by arrival time: time, slot, and how often the slot had been used.
    looks: BinaryHeap<Reverse<(i64, usize, u32)>>,
    /// The first message of each call that no row tells of yet, in order of arrival.
    untold: VecDeque<(i64, usize, u32)>,
    /// Calls told to their end, by hash of the Call-ID: when their last message was.
    recent: HashMap<u64, i64>,
    recent_order: VecDeque<u64>,
    /// Calls whose earlier messages are elsewhere.
    strangers: Vec<String>,
    /// How many calls wait for their earlier messages.
    waiting: usize,
    counts: Counts,
    room: Vec<u8>,
    /// Buffers of calls that are over: allocating for every call would cost more than following it.
    spare: Vec<Vec<u8>>,
}

/// Buffers that are kept, and how large each may be: a few megabytes, and what an ordinary call needs.
const SPARE_MAX: usize = 1_024;
const SPARE_BYTES_MAX: usize = 16 << 10;

#[derive(Debug, Default)]
struct Slot {
    uses: u32,
    open: Option<Box<Open>>,
}

/// What makes us look at a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Its time has come.
    Due,
    /// There are too many.
    Room,
}

/// A call that goes on.
#[derive(Debug)]
struct Open {
    call_id: Box<str>,
    origin: Origin,
    kept: Kept,
    /// Messages beyond those kept.
    beyond: u64,
    /// Arrival of the newest message.
    received: i64,
    /// The first message that no row tells of.
    untold: Option<i64>,
    /// When that arrived.
    untold_since: i64,
    /// When it is to be looked at; what else is in the heap for it is outdated.
    look_at: i64,
    /// As its last row told.
    state: State,
    is_quiet: bool,
    /// Its earlier messages are asked for; until they are there it has no row.
    waits: bool,
    /// An earlier row told it to its end, or may have.
    is_retold: bool,
}

impl Tracker {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            by_call_id: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            looks: BinaryHeap::new(),
            untold: VecDeque::new(),
            recent: HashMap::new(),
            recent_order: VecDeque::new(),
            strangers: Vec::new(),
            waiting: 0,
            counts: Counts::default(),
            room: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Takes the next message to arrive.
    pub fn take(&mut self, seen: &Sighting<'_>) {
        let Some(call_id) = seen.message.call_id.filter(|call_id| !call_id.is_empty()) else { return };
        let known = self.by_call_id.get(call_id).copied();
        if let Some(slot) = known.or_else(|| self.begin(call_id, seen)) {
            self.add(slot, seen);
        }
    }

    /// Takes an earlier message of a call in [`Tracker::strangers`].
    pub fn take_past(&mut self, seen: &Sighting<'_>) {
        if let Some(slot) = seen.message.call_id.and_then(|call_id| self.by_call_id.get(call_id)).copied() {
            self.add(slot, seen);
        }
    }

    /// All earlier messages of this call have been handed in, or there are none.
    pub fn past_is_there(&mut self, call_id: &str) {
        let Some(slot) = self.by_call_id.get(call_id).copied() else { return };
        let is_empty = self.slots[slot].open.as_mut().is_some_and(|open| {
            self.waiting -= usize::from(std::mem::take(&mut open.waits));
            open.kept.is_empty()
        });
        if is_empty {
            // Retention was faster.
            self.let_go(slot, i64::MIN);
        }
    }

    /// Calls that have no row because their earlier messages are awaited, with the arrival of their newest one.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, i64)> {
        // Mostly there are none.
        let slots = if self.waiting == 0 { &[] } else { self.slots.as_slice() };
        let open = slots.iter().filter_map(|slot| slot.open.as_deref());
        open.filter(|open| open.waits).map(|open| (&*open.call_id, open.received))
    }

    /// Begins with a call of an earlier run: its messages are among the next [`Tracker::strangers`].
    pub fn carry_on(&mut self, call_id: &str, received: i64) {
        if !self.by_call_id.contains_key(call_id) {
            let slot = self.place(call_id, Origin::default(), received);
            self.wait(slot);
        }
    }

    /// Calls whose earlier messages are to be found and given to [`Tracker::take_past`].
    pub fn strangers(&mut self) -> Vec<String> {
        std::mem::take(&mut self.strangers)
    }

    /// The rows that are due by now, on the clock that dates arrivals.
    pub fn due(&mut self, now: i64, rows: &mut Vec<Row>) {
        self.make_room(now, rows);
        while let Some(Reverse((at, slot, uses))) = self.looks.peek().copied() {
            if at > now {
                break;
            }
            self.looks.pop();
            if self.is_current(slot, uses, Some(at)) {
                self.look(slot, now, rows, Why::Due);
            }
        }
    }

    /// All calls as they are now, the open ones as such: for the end of a run.
    pub fn finish(&mut self, now: i64, rows: &mut Vec<Row>) {
        for slot in 0..self.slots.len() {
            let is_untold =
                self.slots[slot].open.as_ref().is_some_and(|open| open.untold.is_some() && !open.waits);
            if is_untold {
                self.look(slot, now, rows, Why::Due);
            }
        }
    }

    /// The first message that no row tells of yet: rows tell of all before it.
    pub fn oldest_untold(&mut self) -> Option<i64> {
        while let Some((id, slot, uses)) = self.untold.front().copied() {
            let is_untold = self.is_current(slot, uses, None)
                && self.slots[slot].open.as_ref().is_some_and(|open| open.untold == Some(id));
            if is_untold {
                return Some(id);
            }
            self.untold.pop_front();
        }
        None
    }

    /// Calls and registrations that go on.
    pub fn open(&self) -> usize {
        self.by_call_id.len()
    }

    /// Bytes that the messages of open calls take.
    pub fn bytes(&self) -> usize {
        self.slots.iter().filter_map(|slot| slot.open.as_ref()).map(|open| open.kept.size()).sum()
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A slot for a call that is not known, if the message is of one that is followed.
    fn begin(&mut self, call_id: &str, seen: &Sighting<'_>) -> Option<usize> {
        let message = &seen.message;
        let opens = message.is_request() && message.to_tag.is_none();
        let is_followed = match message.method? {
            "INVITE" | "REGISTER" => true,
            "ACK" | "BYE" | "CANCEL" | "PRACK" | "UPDATE" | "INFO" | "REFER" => {
                !opens || message.is("CANCEL")
            }
            _ => false,
        };
        if !is_followed {
            return None;
        }
        let told = self.recent.get(&hash(call_id)).copied();
        let slot = self.place(call_id, Origin::of(seen), seen.received);
        // A Call-ID may be used again: what opens a call later than anything could come late is a call of its own. Phones renew
        // their registration under one Call-ID, some twice a minute (RFC 3261 10.2.4): that is another one at once.
        let late = if message.is("REGISTER") { 0 } else { patience::LATE };
        if told.is_some_and(|until| !opens || message.at <= until.saturating_add(late)) {
            self.wait(slot);
        }
        Some(slot)
    }

    fn place(&mut self, call_id: &str, origin: Origin, received: i64) -> usize {
        let open = Open {
            call_id: call_id.into(),
            origin,
            kept: Kept::reusing(self.spare.pop().unwrap_or_default()),
            state: State::Unknown,
            is_quiet: false,
            beyond: 0,
            received,
            untold: None,
            untold_since: 0,
            look_at: i64::MAX,
            waits: false,
            is_retold: false,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        self.by_call_id.insert(open.call_id.clone(), slot);
        self.slots[slot].uses += 1;
        self.slots[slot].open = Some(Box::new(open));
        slot
    }

    fn wait(&mut self, slot: usize) {
        if let Some(open) = self.slots[slot].open.as_mut() {
            open.waits = true;
            open.is_retold = true;
            self.waiting += 1;
            self.strangers.push(open.call_id.to_string());
        }
    }

    fn add(&mut self, slot: usize, seen: &Sighting<'_>) {
        let uses = self.slots[slot].uses;
        let Some(open) = self.slots[slot].open.as_mut() else { return };
        if !open.kept.add(seen) {
            open.beyond += 1;
            self.counts.beyond += 1;
        }
        open.received = open.received.max(seen.received);
        open.origin.join(seen);
        if open.untold.is_none() {
            open.untold = Some(seen.message.id);
            open.untold_since = seen.received;
            self.untold.push_back((seen.message.id, slot, uses));
            open.look_at = seen.received.saturating_add(hold(&seen.message));
            self.looks.push(Reverse((open.look_at, slot, uses)));
        }
    }

    fn is_current(&self, slot: usize, uses: u32, look_at: Option<i64>) -> bool {
        self.slots.get(slot).is_some_and(|slot| {
            slot.uses == uses
                && slot.open.as_ref().is_some_and(|open| look_at.is_none_or(|at| open.look_at == at))
        })
    }

    /// Looks at a call, and says when to look again or lets it go.
    fn look(&mut self, slot: usize, now: i64, rows: &mut Vec<Row>, why: Why) {
        let uses = self.slots[slot].uses;
        let Some(open) = self.slots[slot].open.as_mut() else { return };
        if open.waits && why == Why::Due {
            open.look_at = now.saturating_add(HOLD);
            self.looks.push(Reverse((open.look_at, slot, uses)));
            return;
        }
        let quiet = now.saturating_sub(open.received).max(0);
        if why == Why::Due
            && open.untold.is_none()
            && let Some(wait) = patience::only_to_wait(open.state, open.is_quiet, quiet)
        {
            open.look_at = now.saturating_add(wait);
            self.looks.push(Reverse((open.look_at, slot, uses)));
            let buffer = open.kept.pack(&mut self.room);
            self.recycle(buffer);
            return;
        }
        let read = open.kept.read(&open.call_id, &mut self.room);
        let sorted = Sorted::of(read);
        // As far as is known the call's own clock has gone on as ours has.
        let until = sorted.last_at().saturating_add(quiet);
        let call = Call::read(&sorted.messages, until);
        let patience = match why {
            Why::Due => {
                let untold = open.untold.map_or(0, |_| now.saturating_sub(open.untold_since));
                Patience::with(call.outcome.state, quiet, untold)
            }
            Why::Room => Patience::NONE,
        };
        let told = || {
            Row::of(&Told {
                call: &call,
                sorted: &sorted,
                origin: &open.origin,
                beyond: open.beyond,
                received: open.received,
                is_retold: open.is_retold,
                now,
                patience: &patience,
            })
        };
        let row = if patience.is_told { told() } else { None };
        let until = sorted.last_at();
        let is_news = open.untold.is_some();
        if patience.is_told {
            open.untold = None;
            open.state = call.outcome.state;
            open.is_quiet = row.as_ref().is_some_and(|row| row.is_quiet);
        }
        if let Some(wait) = patience.look_again_in {
            open.look_at = now.saturating_add(wait);
            self.looks.push(Reverse((open.look_at, slot, uses)));
            if patience.is_long {
                let buffer = open.kept.pack(&mut self.room);
                self.recycle(buffer);
            }
            // What stays as it was told needs no other row.
            let row = row.filter(|row| is_news || row.has_findings);
            rows.extend(row);
        } else {
            rows.extend(row);
            self.let_go(slot, until);
        }
    }

    fn let_go(&mut self, slot: usize, until: i64) {
        let Some(open) = self.slots[slot].open.take() else { return };
        self.waiting -= usize::from(open.waits);
        self.by_call_id.remove(&open.call_id);
        self.free.push(slot);
        let hash = hash(&open.call_id);
        self.recycle(Some(open.kept.into_buffer()));
        if self.recent.insert(hash, until).is_none() {
            self.recent_order.push_back(hash);
        }
        while self.recent_order.len() > self.limits.recent_max {
            if let Some(oldest) = self.recent_order.pop_front() {
                self.recent.remove(&oldest);
            }
        }
    }

    fn recycle(&mut self, buffer: Option<Vec<u8>>) {
        let fits = |buffer: &Vec<u8>| buffer.capacity() > 0 && buffer.capacity() <= SPARE_BYTES_MAX;
        if self.spare.len() < SPARE_MAX {
            self.spare.extend(buffer.filter(fits));
        }
    }

    /// Tells those that have been quiet longest, if there are too many.
    fn make_room(&mut self, now: i64, rows: &mut Vec<Row>) {
        if self.open() <= self.limits.open_max {
            return;
        }
        // A tenth at once: looking through all of them is not for every message.
        let going = self.open() - self.limits.open_max * 9 / 10;
        let mut quiet: Vec<(i64, usize)> = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(slot, held)| Some((held.open.as_ref()?.received, slot)))
            .collect();
        quiet.sort_unstable();
        for (_, slot) in quiet.into_iter().take(going) {
            self.counts.evicted += 1;
            self.look(slot, now, rows, Why::Room);
        }
    }
}

fn hash(call_id: &str) -> u64 {
    use std::hash::BuildHasher as _;
    std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::new().hash_one(call_id)
}
