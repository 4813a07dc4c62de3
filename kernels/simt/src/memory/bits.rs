//! A bit for each byte of memory that one thread of the host has to itself.

use std::ops::Range;

/// A bit for each byte.
pub(super) struct Bits(Box<[u64]>);

/// The words that a range of bits touches, and which bits of each.
#[inline]
fn words(range: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        (at < range.end).then(|| {
            let (word, from) = (at / 64, at % 64);
            let width = (range.end - at).min(64 - from);
            at += width;
            (word as usize, (u64::MAX >> (64 - width)) << from)
        })
    })
}

impl Bits {
    /// None of them set.
    pub(super) fn new(bytes: u64) -> Self {
        Self(vec![0; bytes.div_ceil(64) as usize].into_boxed_slice())
    }

    /// Whether all of a range are set.
    #[inline]
    pub(super) fn all(&self, range: Range<u64>) -> bool {
        words(range).all(|(word, mask)| self.0.get(word).is_some_and(|bits| bits & mask == mask))
    }

    /// The same for one lane's aligned bytes after another's; `bytes` is a power of two up to 64, so none crosses a word.
    #[inline]
    pub(super) fn all_aligned(&self, offsets: impl Iterator<Item = u64>, bytes: u64) -> bool {
        let ones = u64::MAX >> (64 - bytes);
        let missing = offsets.fold(0, |missing, offset| {
            let word = self.0.get((offset / 64) as usize).copied().unwrap_or(0);
            missing | (!(word >> (offset % 64)) & ones)
        });
        missing == 0
    }

    /// Sets one lane's aligned bytes after another's.
    #[inline]
    pub(super) fn set_aligned(&mut self, offsets: impl Iterator<Item = u64>, bytes: u64) {
        let ones = u64::MAX >> (64 - bytes);
        offsets.for_each(|offset| {
            if let Some(word) = self.0.get_mut((offset / 64) as usize) {
                *word |= ones << (offset % 64);
            }
        });
    }

    /// Whether any of a range is set.
    #[inline]
    pub(super) fn any(&self, range: Range<u64>) -> bool {
        words(range).any(|(word, mask)| self.0.get(word).is_some_and(|bits| bits & mask != 0))
    }

    /// Sets a range; how many were not set before.
    #[inline]
    pub(super) fn set(&mut self, range: Range<u64>) -> u32 {
        words(range).fold(0, |count, (word, mask)| {
            let Some(bits) = self.0.get_mut(word) else { return count };
            let new = mask & !*bits;
            *bits |= mask;
            count + new.count_ones()
        })
    }

    /// Clears a range; how many were set before.
    pub(super) fn clear(&mut self, range: Range<u64>) -> u32 {
        words(range).fold(0, |count, (word, mask)| {
            let Some(bits) = self.0.get_mut(word) else { return count };
            let old = mask & *bits;
            *bits &= !mask;
            count + old.count_ones()
        })
    }

    /// Clears all of them.
    pub(super) fn reset(&mut self) {
        self.0.fill(0);
    }

    /// The first run in a range that is set, or not.
    pub(super) fn first(&self, mut range: Range<u64>, set: bool) -> Option<Range<u64>> {
        let start = range.find(|&bit| self.any(bit..bit + 1) == set)?;
        let end = range.find(|&bit| self.any(bit..bit + 1) != set).unwrap_or(range.end);
        Some(start..end)
    }
}
