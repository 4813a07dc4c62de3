//! Memory of the device.
//!
//! | file | what |
//! |---|---|
//! | `space` | which addresses are whose: placing, finding, what was freed |
//! | `written` | what of an allocation was written |
//! | `host` | copies from and to the host, and within the device |
//! | `resolve` | checking an access, and finding its bytes |
//! | `wrong` | what is said of an access that is not allowed |

use super::backing::Backing;
use crate::device::{Error, Leak};
use crate::options::Checks;

mod host;
mod resolve;
mod space;
#[cfg(test)]
mod tests;
mod written;
mod wrong;

use space::Space;
use written::Written;

/// Memory of the device: allocations, their bytes, and what of them was written.
///
/// Allocations change only between launches. During a launch any number of threads resolve accesses at once; the bytes
/// are then read and written by relaxed atomic operations of the host.
///
/// The memory of the host is bounded by `total` and an eighth more: one bit for each byte that lies in a chunk
/// of 64 KiB which is written in part.
pub struct Global {
    total: u64,
    used: u64,
    checks: Checks,
    space: Space,
    /// By number. The number of a freed one is given to a later one.
    allocations: Vec<Option<Box<Allocation>>>,
}

/// One buffer.
struct Allocation {
    begin: u64,
    backing: Backing,
    written: Written,
    name: String,
    variable: bool,
}

impl Allocation {
    const fn size(&self) -> u64 {
        self.backing.bytes()
    }
}

impl Global {
    /// With `total` bytes, none of them allocated.
    #[must_use]
    pub fn new(total: u64, checks: Checks) -> Self {
        Self { total, used: 0, checks, space: Space::default(), allocations: Vec::new() }
    }

    /// Bytes that are free, and bytes in all.
    #[must_use]
    pub const fn free_and_total(&self) -> (u64, u64) {
        (self.total - self.used, self.total)
    }

    /// Memory that nothing has written yet, at a multiple of 256. `variable`: it belongs to a module, and is no leak.
    /// Zero bytes have an address of their own, and no byte.
    ///
    /// # Errors
    /// [`Error::Memory`] where not so many bytes are free, or the host has not so many.
    pub fn allocate(&mut self, name: &str, bytes: u64, variable: bool) -> Result<u64, Error> {
        let (free, total) = self.free_and_total();
        let error = |name: String| Error::Memory { name, bytes, free, total };
        if bytes > free {
            return Err(error(name.to_owned()));
        }
        let backing = Backing::new(bytes)
            .ok_or_else(|| error(format!("{name} (for which the host itself has not enough memory)")))?;
        let number = self.allocations.iter().position(Option::is_none).unwrap_or(self.allocations.len());
        let begin = u32::try_from(number)
            .ok()
            .and_then(|number| self.space.place(bytes, number))
            .ok_or_else(|| error(format!("{name} (for which no range of addresses is left)")))?;
        let written = Written::new(bytes);
        let allocation = Box::new(Allocation { begin, backing, written, name: name.to_owned(), variable });
        match self.allocations.get_mut(number) {
            Some(place) => *place = Some(allocation),
            None => self.allocations.push(Some(allocation)),
        }
        self.used += bytes;
        Ok(begin)
    }

    /// Gives memory back. Its addresses are not used again until all others were.
    ///
    /// # Errors
    /// [`Error::Address`] where no buffer begins at this address, or it was freed already.
    pub fn release(&mut self, address: u64) -> Result<(), Error> {
        let error = |problem| Error::Address { operation: "free", address, bytes: 0, problem };
        let found = self.space.starts_at(address).and_then(|number| {
            self.allocations
                .get_mut(number as usize)
                .and_then(Option::take)
                .map(|allocation| (number, allocation))
        });
        let Some((_, allocation)) = found else {
            return Err(error(self.why_not_freed(address)));
        };
        self.used -= allocation.size();
        self.space.release(address, allocation.size(), allocation.name);
        Ok(())
    }

    /// The buffer that an address is in: its name, where it begins, its size.
    #[must_use]
    pub fn buffer_at(&self, address: u64) -> Option<(String, u64, u64)> {
        let allocation = self.by_number(self.allocation_at(address)?)?;
        Some((allocation.name.clone(), allocation.begin, allocation.size()))
    }

    /// What was allocated and not freed, without variables, in the order of their addresses.
    #[must_use]
    pub fn leaks(&self) -> Vec<Leak> {
        self.space
            .numbers()
            .filter_map(|number| self.by_number(number))
            .filter(|allocation| !allocation.variable)
            .map(|allocation| Leak {
                name: allocation.name.clone(),
                address: allocation.begin,
                bytes: allocation.size(),
            })
            .collect()
    }

    /// One more than the highest number that an allocation had so far. The number of a freed allocation is given to a
    /// later one, the lowest first; so a program that allocates in the same order again gets the same numbers.
    #[must_use]
    pub const fn allocations(&self) -> usize {
        self.allocations.len()
    }

    /// Begin, size, and host memory of an allocation; `None` if it was freed.
    #[must_use]
    pub fn allocation(&self, number: u32) -> Option<(u64, u64, *mut u8)> {
        let allocation = self.by_number(number)?;
        Some((allocation.begin, allocation.size(), allocation.backing.begin()))
    }

    /// The number of the allocation that an address is in.
    #[must_use]
    pub fn allocation_at(&self, address: u64) -> Option<u32> {
        let number = self.space.before(address)?;
        let allocation = self.by_number(number)?;
        (address - allocation.begin < allocation.size()).then_some(number)
    }

    fn by_number(&self, number: u32) -> Option<&Allocation> {
        self.allocations.get(number as usize)?.as_deref()
    }
}
