//! The last packets as they were received, until the rows made of them have been looked at.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::log::Block;

/// Rows that wait for one who watches are bounded to 16 MB, and so are those that wait to be published; a packet takes
/// hardly more than its row. Twice that is kept, so that a relay that keeps up with the rows finds its packets.
const BYTES_MAX: usize = 64 << 20;

/// Filled by the receiver, block by block, if any output needs packets; read by row id.
#[derive(Debug, Default)]
pub struct Window(Mutex<Blocks>);

#[derive(Debug, Default)]
struct Blocks {
    /// By sequence number.
    blocks: VecDeque<Arc<Frames>>,
    bytes: usize,
}

/// The frames of one block, end to end.
#[derive(Debug)]
pub(crate) struct Frames {
    seq: u64,
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Window {
    /// Copies the frames of a block; the oldest go when there are too many.
    pub fn put(&self, block: &Block) {
        let mut frames = Frames {
            seq: block.seq(),
            ends: Vec::with_capacity(block.len()),
            bytes: Vec::with_capacity(block.bytes()),
        };
        for entry in block {
            frames.bytes.extend_from_slice(entry.frame);
            frames.ends.push(frames.bytes.len() as u32);
        }
        frames.bytes.shrink_to_fit();
        let mut kept = self.lock();
        kept.bytes += frames.cost();
        kept.blocks.push_back(Arc::new(frames));
        while kept.bytes > BYTES_MAX && kept.blocks.len() > 1 {
            let Some(oldest) = kept.blocks.pop_front() else { break };
            kept.bytes -= oldest.cost();
        }
    }

    /// The block that a row is of, if it is still here.
    pub(crate) fn frames(&self, id: i64) -> Option<Arc<Frames>> {
        let seq = store::block(id);
        let kept = self.lock();
        let place = kept.blocks.binary_search_by_key(&seq, |frames| frames.seq).ok()?;
        kept.blocks.get(place).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frames {
    pub(crate) fn holds(&self, id: i64) -> bool {
        self.seq == store::block(id)
    }

    /// The packet that a row of this block was made of.
    pub(crate) fn of(&self, id: i64) -> Option<&[u8]> {
        let place = (id & 0xffff) as usize;
        let end = *self.ends.get(place)? as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.bytes.get(Range { start, end })
    }

    fn cost(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<u32>() + size_of::<Self>()
    }
}
