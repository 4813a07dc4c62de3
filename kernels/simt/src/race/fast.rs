//! A warp's access to neighbouring granules, the same number for each lane, where no record asks for a closer look.

use super::cells::SET;

/// Lanes that follow each other, and which records say nothing that matters to them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The record of the first lane; those of the others are the numbers after it.
    pub(super) first: u32,
    /// A lane has `1 << log` granules.
    pub(super) log: u32,
    /// Records below this are ordered before.
    pub(super) floor: u32,
    /// Lists with numbers below this likewise.
    pub(super) set_floor: u32,
}

impl Row {
    #[inline]
    pub(super) fn quiet(self, records: &[u32]) -> bool {
        let mut quiet = true;
        // Written so that it becomes vector instructions, also where overflow is checked.
        let lanes = 0..records.len();
        for (&record, at) in records.iter().zip(lanes) {
            let me = self.first.wrapping_add(at as u32 >> self.log);
            quiet &= (record < self.floor) | (record == me) | (record.wrapping_sub(SET) < self.set_floor);
        }
        quiet
    }

    #[inline]
    fn put(self, records: &mut [u32]) {
        let lanes = 0..records.len();
        for (record, at) in records.iter_mut().zip(lanes) {
            *record = self.first.wrapping_add(at as u32 >> self.log);
        }
    }

    /// Reads; says whether it was done.
    #[inline]
    pub(super) fn load(self, write: &[u32], read: &mut [u32]) -> bool {
        let quiet = self.quiet(write) & self.quiet(read);
        if quiet {
            self.put(read);
        }
        quiet
    }

    /// Weak writes; says whether it was done.
    #[inline]
    pub(super) fn store(self, write: &mut [u32], read: &mut [u32]) -> bool {
        let quiet = self.quiet(write) & self.quiet(read);
        if quiet {
            self.put(write);
            read.fill(0);
        }
        quiet
    }
}
