//! Where bytes of interest stand: classifies 64 bytes at a time into a bit mask, then steps from bit to bit.
//!
//! SIP is many short lines of short parts. A search per part pays its start-up cost forty times a message; here a
//! value is looked at once and each part costs a few instructions. On x86-64 that takes SSE2, which every such
//! processor has; elsewhere it goes byte by byte.

use core::marker::PhantomData;

/// A set of bytes to look for.
pub(crate) trait Class: Copy {
    /// The bytes, as inclusive ranges. Known to the compiler, so that a comparison costs one or three instructions.
    const RANGES: &[(u8, u8)];
}

/// One byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct One<const BYTE: u8>;

impl<const BYTE: u8> Class for One<BYTE> {
    const RANGES: &[(u8, u8)] = &[(BYTE, BYTE)];
}

/// What parts lists and parameters: `"`, `,`, `;`, `<` and `\\`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListMarks;

impl Class for ListMarks {
    const RANGES: &[(u8, u8)] = &[(b'"', b'"'), (b',', b','), (b';', b'<'), (b'\\', b'\\')];
}

/// What parts a name and an address: `"`, `: ; < = > ? @` and `[ \ ]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressMarks;

impl Class for AddressMarks {
    const RANGES: &[(u8, u8)] = &[(b'"', b'"'), (b':', b'@'), (b'[', b']')];
}

/// The places of a class in some bytes, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks<'a, C> {
    bytes: &'a [u8],
    class: PhantomData<C>,
    /// Where the block of `mask` starts.
    base: usize,
    /// The marks of the block that are still to come.
    mask: u64,
}

const BLOCK: usize = 64;

impl<'a, C: Class> Marks<'a, C> {
    #[inline(always)]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::starting_at(bytes, 0)
    }

    /// Marks from `at` on.
    #[inline(always)]
    pub(crate) fn starting_at(bytes: &'a [u8], at: usize) -> Self {
        let base = at.min(bytes.len());
        Self { bytes, class: PhantomData, base, mask: mask::<C>(bytes, base) }
    }

    /// Whether there is a mark in the block at hand.
    #[inline]
    pub(crate) fn is_near(&self) -> bool {
        self.mask != 0
    }

    /// The next mark and the byte there.
    #[inline(always)]
    pub(crate) fn next_byte(&mut self) -> Option<(usize, u8)> {
        let at = self.next()?;
        Some((at, *self.bytes.get(at)?))
    }

    /// The closing quote of a quoted string (RFC 3261 25.1) whose opening quote was the last mark. `None` when it is
    /// not closed. The class must have `"` and `\\`.
    #[inline(always)]
    pub(crate) fn quote_end(&mut self) -> Option<usize> {
        loop {
            match self.next_byte()? {
                (at, b'"') => return Some(at),
                (at, b'\\') => self.skip_to(at + 2),
                _ => {}
            }
        }
    }

    /// The next mark, which stays the next.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<usize> {
        while self.mask == 0 {
            let base = self.base + BLOCK;
            self.mask = match self.bytes.get(base..).and_then(|rest| rest.first_chunk()) {
                Some(block) => mask_64::<C>(block),
                None if base < self.bytes.len() => last_block::<C>(self.bytes, base),
                None => return None,
            };
            self.base = base;
        }
        Some(self.base + self.mask.trailing_zeros() as usize)
    }

    /// Drops the mark that [`Marks::peek`] showed.
    #[inline(always)]
    pub(crate) fn drop_peeked(&mut self) {
        self.mask &= self.mask.wrapping_sub(1);
    }

    /// Drops the marks before `at`.
    #[inline]
    pub(crate) fn skip_to(&mut self, at: usize) {
        match at.checked_sub(self.base) {
            None => {}
            Some(step @ 0..BLOCK) => self.mask &= u64::MAX << step,
            Some(_) => *self = Self::starting_at(self.bytes, at),
        }
    }
}

impl<C: Class> Iterator for Marks<'_, C> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let next = self.peek();
        self.drop_peeked();
        next
    }
}

/// The marks among the up to 64 bytes from `base` on.
#[inline]
fn mask<C: Class>(bytes: &[u8], base: usize) -> u64 {
    match bytes.get(base..).and_then(|rest| rest.first_chunk()) {
        Some(block) => mask_64::<C>(block),
        None => mask_last::<C>(bytes, base),
    }
}

/// [`mask_last`], kept out of [`Marks::peek`], whose loop is the hottest place of the crate.
#[inline(never)]
fn last_block<C: Class>(bytes: &[u8], base: usize) -> u64 {
    mask_last::<C>(bytes, base)
}

/// The last, shorter block: the last 64 bytes once more, without what was before.
#[inline]
fn mask_last<C: Class>(bytes: &[u8], base: usize) -> u64 {
    let rest = bytes.get(base..).unwrap_or_default();
    match bytes.last_chunk::<BLOCK>() {
        Some(_) if rest.is_empty() => 0,
        Some(block) => mask_64::<C>(block) >> (BLOCK - rest.len()),
        None => mask_short::<C>(rest),
    }
}

/// Fewer than 64 bytes: sixteen at a time, the last sixteen overlapping those before.
#[inline]
fn mask_short<C: Class>(bytes: &[u8]) -> u64 {
    let Some(last) = bytes.last_chunk::<16>() else {
        let padded = padded(bytes).to_le_bytes();
        return mask_16::<C>(&padded) & !(u64::MAX << bytes.len());
    };
    let mut mask = mask_16::<C>(last) << (bytes.len() - 16);
    for (at, chunk) in bytes.as_chunks::<16>().0.iter().enumerate() {
        mask |= mask_16::<C>(chunk) << (16 * at);
    }
    mask
}

/// Fewer than sixteen bytes with zeros behind them, put together from overlapping halves.
#[inline]
fn padded(bytes: &[u8]) -> u128 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let last = u128::from(u64::from_le_bytes(*last)) << (8 * (bytes.len() - 8));
        return u128::from(u64::from_le_bytes(*first)) | last;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (bytes.len() - 4));
        return u128::from(u64::from(u32::from_le_bytes(*first)) | last);
    }
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u128::from(byte))
}

#[inline]
fn mask_64<C: Class>(block: &[u8; BLOCK]) -> u64 {
    let (quarters, _) = block.as_chunks::<16>();
    let [first, second, third, fourth] = quarters else { return 0 };
    mask_16::<C>(first) | mask_16::<C>(second) << 16 | mask_16::<C>(third) << 32 | mask_16::<C>(fourth) << 48
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[allow(unsafe_code, reason = "vector instructions need it, and the tests hold them to the plain search")]
fn mask_16<C: Class>(bytes: &[u8; 16]) -> u64 {
    // SAFETY: SSE2 is part of every x86-64 processor, and the function asks for nothing else.
    unsafe { mask_16_sse2::<C>(bytes) }
}

/// Compares all sixteen bytes at once. `byte - low <= high - low`, unsigned, is the whole range test.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn mask_16_sse2<C: Class>(bytes: &[u8; 16]) -> u64 {
    use core::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
        _mm_setzero_si128, _mm_sub_epi8,
    };

    // The compiler makes one load of the two halves.
    let whole = u128::from_le_bytes(*bytes);
    let vector = _mm_set_epi64x((whole >> 64) as i64, whole as i64);
    let mut found = _mm_setzero_si128();
    for &(low, high) in C::RANGES {
        let shifted = _mm_sub_epi8(vector, _mm_set1_epi8(low as i8));
        let inside = _mm_cmpeq_epi8(_mm_min_epu8(shifted, _mm_set1_epi8((high - low) as i8)), shifted);
        found = _mm_or_si128(found, inside);
    }
    u64::from(_mm_movemask_epi8(found) as u16)
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn mask_16<C: Class>(bytes: &[u8; 16]) -> u64 {
    bytes.iter().enumerate().fold(0, |mask, (at, &byte)| mask | u64::from(has::<C>(byte)) << at)
}

/// Whether `byte` is in the class.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline]
fn has<C: Class>(byte: u8) -> bool {
    C::RANGES.iter().any(|&(low, high)| (low..=high).contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn check<C: Class>(bytes: &[u8]) {
        let plain: Vec<usize> = (0..bytes.len()).filter(|&at| has::<C>(bytes[at])).collect();
        for from in (0..bytes.len() + 2).step_by(7) {
            let expected: Vec<usize> = plain.iter().copied().filter(|&at| at >= from).collect();
            assert_eq!(Marks::<C>::starting_at(bytes, from).collect::<Vec<_>>(), expected, "from {from}");
            let mut skipping = Marks::<C>::new(bytes);
            skipping.skip_to(from);
            assert_eq!(skipping.collect::<Vec<_>>(), expected, "skipping to {from}");
        }
    }

    #[test]
    fn every_length_and_byte_agrees_with_the_plain_search() {
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        for length in 0..260 {
            check::<One<b'\n'>>(&all[..length]);
            check::<AddressMarks>(&all[256 - length.min(256)..]);
            check::<ListMarks>(&all[..length]);
        }
        check::<AddressMarks>(&all);
        check::<One<b'\n'>>(&[b'\n'; 130]);
    }
}
