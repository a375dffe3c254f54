//! What scripts remember from packet to packet: one table of texts for all of them, lost at a restart.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Bytes of names and values together: heplify-server's cache has as many.
const BYTES_MAX: usize = 32 << 20;

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 128;

/// Longest name and longest value.
pub(crate) const TEXT_BYTES_MAX: usize = 4 << 10;

#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    values: HashMap<Vec<u8>, (Vec<u8>, u64)>,
    /// Names with the number of their entry, the oldest first: beyond the limit these go.
    order: VecDeque<(Vec<u8>, u64)>,
    count: u64,
    bytes: usize,
}

impl Cache {
    pub(crate) fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.lock().values.get(name).map(|(value, _)| value.clone())
    }

    pub(crate) fn set(&self, name: &[u8], value: &[u8]) {
        let mut entries = self.lock();
        entries.remove(name);
        entries.count += 1;
        let number = entries.count;
        entries.bytes += cost(name, value);
        entries.values.insert(name.to_vec(), (value.to_vec(), number));
        entries.order.push_back((name.to_vec(), number));
        while entries.bytes > BYTES_MAX || entries.order.len() > 2 * entries.values.len() + 1_024 {
            let Some((name, number)) = entries.order.pop_front() else { break };
            if entries.values.get(&name).is_some_and(|(_, current)| *current == number) {
                if entries.bytes > BYTES_MAX {
                    entries.remove(&name);
                } else {
                    entries.order.push_back((name, number));
                }
            }
        }
    }

    pub(crate) fn delete(&self, name: &[u8]) {
        self.lock().remove(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn remove(&mut self, name: &[u8]) {
        if let Some((value, _)) = self.values.remove(name) {
            self.bytes -= cost(name, &value);
        }
    }
}

fn cost(name: &[u8], value: &[u8]) -> usize {
    2 * name.len() + value.len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_is_no_more_room() {
        let cache = Cache::default();
        let value = vec![b'x'; TEXT_BYTES_MAX];
        for number in 0..20_000_u32 {
            cache.set(&number.to_be_bytes(), &value);
        }
        assert_eq!(cache.get(&0_u32.to_be_bytes()), None);
        assert!(cache.get(&19_999_u32.to_be_bytes()).is_some());
        assert!(cache.lock().bytes <= BYTES_MAX);
        for _ in 0..20_000 {
            cache.set(b"one", b"name");
        }
        let entries = cache.lock();
        assert!(entries.order.len() <= 2 * entries.values.len() + 1_024);
    }
}
