//! What of an allocation was written.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Bytes of a chunk.
pub(super) const CHUNK: u64 = 64 << 10;
/// Words of a chunk: one bit for each byte.
const WORDS: usize = (CHUNK / 64) as usize;

/// What of an allocation was written, a bit for each byte.
///
/// Bits exist only in chunks that are written in part. Threads of the host mark at the same time; a bit that was set
/// stays set until somebody has all of it alone. Relaxed order is enough: a thread sees its own marks, and whoever
/// reads what another thread wrote without being ordered after it has a race anyway.
pub(super) struct Written {
    /// Whether every byte was.
    all: AtomicBool,
    /// How many chunks are not all written.
    open: AtomicU64,
    size: u64,
    chunks: Box<[Chunk]>,
}

#[derive(Default)]
struct Chunk {
    all: AtomicBool,
    bits: OnceLock<Box<Bits>>,
}

struct Bits {
    /// How many words are not full.
    open: AtomicU32,
    words: [AtomicU64; WORDS],
}

/// Bits from `range.start` to `range.end` of a word; at most 64.
const fn mask(range: &Range<u64>) -> u64 {
    if range.start >= range.end {
        return 0;
    }
    (u64::MAX >> (64 - (range.end - range.start))) << range.start
}

impl Bits {
    /// Nothing is written of `bytes` bytes; bits past them count as written, so that the last word can be full.
    fn new(bytes: u64) -> Box<Self> {
        let words = std::array::from_fn(|word| {
            let here = bytes.saturating_sub(word as u64 * 64).min(64);
            AtomicU64::new(!mask(&(0..here)))
        });
        Box::new(Self { open: AtomicU32::new(bytes.div_ceil(64) as u32), words })
    }

    /// Sets bits; whether the chunk is full by that.
    fn set(&self, word: usize, bits: u64) -> bool {
        let Some(cell) = self.words.get(word) else { return false };
        if cell.load(Relaxed) & bits == bits {
            return false;
        }
        let before = cell.fetch_or(bits, Relaxed);
        before != u64::MAX && before | bits == u64::MAX && self.open.fetch_sub(1, Relaxed) == 1
    }

    fn clear(&mut self, word: usize, bits: u64) {
        let Some(cell) = self.words.get_mut(word) else { return };
        let before = *cell.get_mut();
        *cell.get_mut() = before & !bits;
        *self.open.get_mut() += u32::from(before == u64::MAX && bits != 0);
    }

    fn word(&self, word: usize) -> u64 {
        self.words.get(word).map_or(0, |cell| cell.load(Relaxed))
    }
}

/// The pieces of a range by chunk: number of the chunk, and the range within it.
fn chunks(range: Range<u64>) -> impl Iterator<Item = (usize, Range<u64>)> {
    pieces(range, CHUNK)
}

/// The pieces of a range by words: number of the word, and the bits of it.
fn words(range: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
    pieces(range, 64).map(|(word, bits)| (word, mask(&bits)))
}

fn pieces(mut range: Range<u64>, size: u64) -> impl Iterator<Item = (usize, Range<u64>)> {
    std::iter::from_fn(move || {
        (range.start < range.end).then(|| {
            let (number, from) = (range.start / size, range.start % size);
            let to = size.min(from + (range.end - range.start));
            range.start += to - from;
            (number as usize, from..to)
        })
    })
}

impl Written {
    /// Nothing is written of `size` bytes.
    pub(super) fn new(size: u64) -> Self {
        let chunks: Box<[Chunk]> = (0..size.div_ceil(CHUNK)).map(|_| Chunk::default()).collect();
        Self { all: AtomicBool::new(size == 0), open: AtomicU64::new(chunks.len() as u64), size, chunks }
    }

    /// Whether every byte of the allocation was written.
    #[inline]
    pub(super) fn all(&self) -> bool {
        self.all.load(Relaxed)
    }

    /// Bytes of a chunk; only the last one may be short.
    fn chunk_bytes(&self, number: usize) -> u64 {
        self.size.saturating_sub(number as u64 * CHUNK).min(CHUNK)
    }

    /// Whether every byte of a range was written. Bytes outside count as not written.
    pub(super) fn contains(&self, range: Range<u64>) -> bool {
        self.all()
            || chunks(range).all(|(number, range)| {
                let Some(chunk) = self.chunks.get(number) else { return false };
                chunk.all.load(Relaxed)
                    || chunk
                        .bits
                        .get()
                        .is_some_and(|bits| words(range).all(|(word, mask)| bits.word(word) & mask == mask))
            })
    }

    /// The same for an access of up to 16 bytes: quicker where it lies within one word.
    #[inline]
    pub(super) fn contains_near(&self, offset: u64, bytes: u64) -> bool {
        let at = offset % 64;
        if at + bytes > 64 {
            return self.contains(offset..offset + bytes);
        }
        let mask = mask(&(at..at + bytes));
        self.chunks.get((offset / CHUNK) as usize).is_some_and(|chunk| {
            chunk.all.load(Relaxed)
                || chunk
                    .bits
                    .get()
                    .is_some_and(|bits| bits.word((offset % CHUNK / 64) as usize) & mask == mask)
        })
    }

    /// Marks an access of up to 16 bytes: quicker where it was marked before.
    #[inline]
    pub(super) fn mark_near(&self, offset: u64, bytes: u64) {
        if !self.contains_near(offset, bytes) {
            self.mark(offset..offset + bytes);
        }
    }

    /// Whether no byte of a range was written.
    pub(super) fn excludes(&self, range: Range<u64>) -> bool {
        chunks(range).all(|(number, range)| {
            let Some(chunk) = self.chunks.get(number) else { return true };
            !chunk.all.load(Relaxed)
                && chunk
                    .bits
                    .get()
                    .is_none_or(|bits| words(range).all(|(word, mask)| bits.word(word) & mask == 0))
        })
    }

    /// Marks a range, which is inside, as written.
    pub(super) fn mark(&self, range: Range<u64>) {
        if self.all() {
            return;
        }
        for (number, range) in chunks(range) {
            let Some(chunk) = self.chunks.get(number) else { return };
            if chunk.all.load(Relaxed) {
                continue;
            }
            let size = self.chunk_bytes(number);
            let full = range == (0..size) || {
                let bits = chunk.bits.get_or_init(|| Bits::new(size));
                words(range).fold(false, |full, (word, mask)| full | bits.set(word, mask))
            };
            if full && !chunk.all.swap(true, Relaxed) && self.open.fetch_sub(1, Relaxed) == 1 {
                self.all.store(true, Relaxed);
            }
        }
    }

    /// Marks a range, which is inside, as not written.
    pub(super) fn clear(&mut self, range: Range<u64>) {
        for (number, range) in chunks(range) {
            let size = self.chunk_bytes(number);
            let Some(chunk) = self.chunks.get_mut(number) else { return };
            let all = std::mem::take(chunk.all.get_mut());
            if all {
                *self.open.get_mut() += 1;
                *self.all.get_mut() = false;
                chunk.bits.take();
            }
            if range == (0..size) {
                chunk.bits.take();
                continue;
            }
            if all {
                let bits = Bits::new(size);
                words(0..size).for_each(|(word, mask)| {
                    bits.set(word, mask);
                });
                let _ = chunk.bits.set(bits);
            }
            if let Some(bits) = chunk.bits.get_mut() {
                words(range).for_each(|(word, mask)| bits.clear(word, mask));
            }
        }
    }

    /// The bits of the bytes from `offset` on, `count` of them, at most 64; the first one lowest.
    pub(super) fn bits(&self, offset: u64, count: u64) -> u64 {
        let mut result = 0;
        for (at, byte) in (offset..offset + count.min(64)).enumerate() {
            result |= u64::from(self.contains(byte..byte + 1)) << at;
        }
        result
    }

    /// The first run of bytes in a range that were not written.
    pub(super) fn missing(&self, mut range: Range<u64>) -> Option<Range<u64>> {
        let start = range.find(|&byte| !self.contains(byte..byte + 1))?;
        let end = range.find(|&byte| self.contains(byte..byte + 1)).unwrap_or(range.end);
        Some(start..end)
    }
}
