//! What lies where in shared memory.

use std::ops::Range;
use std::sync::Arc;

use crate::memory::words::Named;

/// The variables of shared memory: name, offset, size.
pub(super) struct Names {
    variables: Arc<[(String, u32, u32)]>,
    /// Where dynamic shared memory begins and ends.
    dynamic: Range<u64>,
}

impl Names {
    /// Of `bytes` bytes in all.
    pub(super) fn new(variables: Arc<[(String, u32, u32)]>, bytes: u32) -> Self {
        let end = |(_, offset, size): &(String, u32, u32)| u64::from(*offset) + u64::from(*size);
        // `extern .shared` variables have no size: they all begin where dynamic shared memory does.
        let declared =
            variables.iter().find(|(_, _, size)| *size == 0).map(|(_, offset, _)| u64::from(*offset));
        let begin = declared.unwrap_or_else(|| variables.iter().map(end).max().unwrap_or(0));
        Self { variables, dynamic: begin..u64::from(bytes) }
    }

    /// The variable that an address is in, or else the last one that begins before it.
    pub(super) fn at(&self, address: u64) -> Named<'_> {
        let dynamic = Named {
            name: "dynamic shared memory",
            begin: self.dynamic.start,
            size: self.dynamic.end.saturating_sub(self.dynamic.start),
        };
        let variables = self
            .variables
            .iter()
            .filter(|(_, _, size)| *size != 0)
            .map(|(name, offset, size)| Named { name, begin: u64::from(*offset), size: u64::from(*size) });
        variables
            .chain((dynamic.size != 0).then_some(dynamic))
            .filter(|named| named.begin <= address)
            .max_by_key(|named| (address < named.begin + named.size, named.begin))
            .unwrap_or(dynamic)
    }
}

impl Named<'_> {
    /// A range of addresses, counted from the begin of this.
    pub(super) const fn within(&self, range: &Range<u64>) -> Range<u64> {
        range.start.saturating_sub(self.begin)..range.end.saturating_sub(self.begin)
    }
}
