//! What is said of an access that is not allowed.

use super::{Allocation, Global};
use crate::fault::FaultKind;
use crate::memory::words::{self, Named};
use crate::memory::{Access, Violation};

/// Addresses below this are taken for a null pointer with something added.
const NULL_PAGE: u64 = 64 << 10;

impl Allocation {
    fn named(&self) -> Named<'_> {
        Named { name: &self.name, begin: self.begin, size: self.size() }
    }
}

impl Global {
    /// The violation of a lane.
    pub(super) fn violation(&self, kind: FaultKind, access: &Access<'_>, lane: usize) -> Box<Violation> {
        let address = access.addresses.get(lane).copied().unwrap_or_default();
        let bytes = u64::from(access.bytes);
        let what = words::access(access);
        let freed = self.space.freed(address, bytes);
        let (message, named) = match (kind, freed) {
            (FaultKind::UseAfterFree, Some(freed)) => {
                let named = Named { name: &freed.name, begin: freed.begin, size: freed.size };
                (format!("{what} at {}, which was freed", named.at(address)), Some(named))
            }
            (FaultKind::OutOfBounds, _) => {
                (format!("{what} at {}", self.astray(address, bytes)), self.nearest(address))
            }
            _ => {
                let allocation = self.find(address, bytes).and_then(|(number, _)| self.by_number(number));
                let named = allocation.map(Allocation::named);
                let missing = allocation.and_then(|allocation| {
                    let offset = address - allocation.begin;
                    allocation.written.missing(offset..offset + bytes)
                });
                let at =
                    named.as_ref().map_or_else(|| format!("address {address:#x}"), |named| named.at(address));
                let message = match (kind, missing) {
                    (FaultKind::Uninitialised, Some(missing)) => words::unwritten(&what, &at, &missing),
                    _ => words::misaligned(&what, &at, bytes),
                };
                (message, named)
            }
        };
        words::violation(kind, lane, message, words::target("global", access, address, named.as_ref()))
    }

    /// Why a range that the host named is not there.
    pub(super) fn why_not_there(&self, address: u64, bytes: u64) -> String {
        match self.space.freed(address, 1) {
            Some(freed) => {
                let named = Named { name: &freed.name, begin: freed.begin, size: freed.size };
                format!("{} was freed", named.at(address))
            }
            None => self.astray(address, bytes),
        }
    }

    /// Why nothing can be freed at an address.
    pub(super) fn why_not_freed(&self, address: u64) -> String {
        if let Some(number) = self.allocation_at(address)
            && let Some(allocation) = self.by_number(number)
        {
            let at = allocation.named().at(address);
            return format!(
                "{at} is inside a buffer; it is freed by where it begins, {:#x}",
                allocation.begin
            );
        }
        match self.space.freed(address, 1) {
            Some(freed) if freed.begin == address => format!("`{}` was freed already", freed.name),
            _ => self.astray(address, 1),
        }
    }

    /// Where a range is that lies in no buffer, or leaves one.
    fn astray(&self, address: u64, bytes: u64) -> String {
        let Some(named) = self.nearest(address) else {
            let null = if address < NULL_PAGE { " (a null pointer?)" } else { "" };
            return format!("address {address:#x}, where no buffer is{null}");
        };
        named.astray(address, bytes)
    }

    /// The buffer nearest to an address, unless that looks like a null pointer.
    fn nearest(&self, address: u64) -> Option<Named<'_>> {
        if address < NULL_PAGE {
            return None;
        }
        let named = |number: Option<u32>| number.and_then(|n| self.by_number(n)).map(Allocation::named);
        let (before, after) = (named(self.space.before(address)), named(self.space.after(address)));
        match (before, after) {
            (Some(before), Some(after)) if address - before.last(address) > after.begin - address => {
                Some(after)
            }
            (before, after) => before.or(after),
        }
    }
}
