//! Records of who accessed what, for up to [`PAGE`] bytes of memory.

/// Bytes that one [`Cells`] is for.
pub(super) const PAGE: u32 = 1024;
/// A record with this bit names a list of accesses instead of one.
pub(super) const SET: u32 = 1 << 31;
/// Epochs are below this: a record has 26 bits for one, and 5 for the lane.
pub(super) const EPOCHS: u32 = 1 << 26;

/// A record of one thread's access. Epochs begin at 1, so no record is 0.
pub(super) const fn record(epoch: u32, lane: u32) -> u32 {
    epoch << 5 | lane
}

/// The records of a page. A granule has one for the last writes, and one for the reads since. It begins at the size of
/// the first access, at most 4 bytes, and is halved when a narrower access comes; so every access covers whole granules.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// The granule is `1 << shift` bytes.
    pub(super) shift: u32,
    bytes: u32,
    /// Of each granule; empty before the first write.
    pub(super) write: Vec<u32>,
    /// Of each granule; empty before the first read.
    pub(super) read: Vec<u32>,
}

impl Cells {
    /// For `bytes` bytes, with no records.
    pub(super) const fn new(bytes: u32) -> Self {
        Self { shift: 2, bytes, write: Vec::new(), read: Vec::new() }
    }

    /// Makes granules small enough for an access of `bytes` bytes at `offset`.
    #[inline]
    pub(super) fn fit(&mut self, offset: u32, bytes: u32) {
        let shift = (offset | bytes).trailing_zeros().min(2);
        if shift < self.shift {
            self.split(shift);
        }
    }

    #[cold]
    fn split(&mut self, shift: u32) {
        let times = 1 << (self.shift - shift);
        self.shift = shift;
        let granules = self.granules();
        for records in [&mut self.write, &mut self.read] {
            if !records.is_empty() {
                let mut finer: Vec<u32> = Vec::with_capacity(granules);
                finer.extend(
                    records.iter().flat_map(|&record| std::iter::repeat_n(record, times)).take(granules),
                );
                *records = finer;
            }
        }
    }

    const fn granules(&self) -> usize {
        self.bytes.div_ceil(1 << self.shift) as usize
    }

    /// Makes records of writes.
    #[inline]
    pub(super) fn want_write(&mut self) {
        if self.write.is_empty() {
            self.write = vec![0; self.granules()];
        }
    }

    /// Makes records of reads.
    #[inline]
    pub(super) fn want_read(&mut self) {
        if self.read.is_empty() {
            self.read = vec![0; self.granules()];
        }
    }

    /// The granules of an access, after [`fit`](Self::fit). What lies past the end is left out.
    #[inline]
    pub(super) fn range(&self, offset: u32, bytes: u32) -> std::ops::Range<usize> {
        let end = (offset + bytes).min(self.bytes);
        (offset >> self.shift) as usize..(end as usize).div_ceil(1 << self.shift)
    }

    /// Forgets everything, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.write.fill(0);
        self.read.fill(0);
    }

    /// Bytes of host memory that it takes besides itself.
    pub(super) fn held(&self) -> usize {
        (self.write.capacity() + self.read.capacity()) * size_of::<u32>()
    }

    /// Bytes that were written.
    pub(super) fn written(&self) -> u64 {
        let granule = 1_u64 << self.shift;
        let full = self.write.iter().filter(|&&record| record != 0).count() as u64 * granule;
        // The last granule may reach past the end.
        let over = u64::from((1 << self.shift) - 1 & self.bytes.wrapping_neg());
        if self.write.last().is_some_and(|&record| record != 0) { full - over } else { full }
    }
}
