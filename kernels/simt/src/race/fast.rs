//! A warp's access to neighbouring granules, one a lane, where no record asks for a closer look.

use super::cells::SET;

/// Lanes that follow each other, and which records say nothing that matters to them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The record of the first lane; those of the others are the numbers after it.
    pub(super) first: u32,
    /// Records below this are ordered before.
    pub(super) floor: u32,
    /// Lists with numbers below this likewise.
    pub(super) set_floor: u32,
}

impl Row {
    #[inline]
    fn quiet(self, records: &[u32]) -> bool {
        let mut quiet = true;
        for (me, &record) in (self.first..).zip(records) {
            quiet &= (record < self.floor) | (record == me) | (record.wrapping_sub(SET) < self.set_floor);
        }
        quiet
    }

    #[inline]
    fn put(self, records: &mut [u32]) {
        for (me, record) in (self.first..).zip(records) {
            *record = me;
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
