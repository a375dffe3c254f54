//! Pairs of numbers, the first of each growing, in few bytes: each number as in LEB128 (seven bits a byte, the lowest first,
//! the top bit set but in the last), the first of a pair as its distance from the one before.

pub(super) fn write(pairs: impl Iterator<Item = (u64, u64)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = 0;
    for (place, count) in pairs {
        put(&mut bytes, place - before);
        put(&mut bytes, count);
        before = place;
    }
    bytes
}

/// Hands out the pairs again; `None` where the bytes are something else, or who takes them finds so.
pub(super) fn read(mut bytes: &[u8], mut pair: impl FnMut(u64, u64) -> Option<()>) -> Option<()> {
    let mut place = 0_u64;
    while !bytes.is_empty() {
        place = place.checked_add(take(&mut bytes)?)?;
        pair(place, take(&mut bytes)?)?;
    }
    Some(())
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    // Nearly all are small.
    if let [first @ 0..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        return Some(u64::from(*first));
    }
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(first & 0x7f);
        // The tenth byte has room for one bit.
        if part.leading_zeros() < shift {
            return None;
        }
        number |= part << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(pairs in prop::collection::btree_map(any::<u64>(), any::<u64>(), 0..40)) {
            let bytes = write(pairs.iter().map(|(place, count)| (*place, *count)));
            let mut told = std::collections::BTreeMap::new();
            let outcome = read(&bytes, |place, count| {
                told.insert(place, count);
                Some(())
            });
            prop_assert_eq!((outcome, told), (Some(()), pairs));
        }

        #[test]
        fn bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut pairs = 0;
            let outcome = read(&bytes, |_, _| {
                pairs += 1;
                Some(())
            });
            prop_assert!(pairs <= bytes.len() / 2 && (outcome.is_some() || !bytes.is_empty()));
        }
    }
}
