//! What a kernel may not touch yet that is launched before what it depends on has ended (programmatic dependent launch).
//!
//! Such a kernel may begin at any time after those before it have begun; a thread of it that runs `griddepcontrol.wait`
//! goes on when they have ended and what they wrote is there (PTX ISA 9.0, section 9.7.13.13). Here they have always
//! ended before it begins, so whether a thread waited changes nothing that it reads. A [`Watch`] therefore knows which
//! allocations others touched that need not have ended, and stops a thread that touches one of them, unless both only
//! read.
//!
//! This is stricter than the ISA in two ways. A whole allocation counts as touched, not bytes of it. And every thread waits
//! for itself: that another one of its block waited, and a barrier came after, does not count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fault::{FaultKind, Target};
use crate::memory::{Access, AccessKind, Global, Violation};

/// Which allocations a launch touched.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) read: Vec<u32>,
    pub(crate) written: Vec<u32>,
}

/// What launches touched that need not have ended.
#[derive(Debug, Default)]
pub(crate) struct Open {
    /// Of each allocation, one more than the number of the launch that wrote it last; 0 for none.
    writers: Vec<u32>,
    /// The same of those that read it.
    readers: Vec<u32>,
}

impl Open {
    /// Adds what a launch of this number touched.
    pub(crate) fn add(&mut self, launch: u32, touched: &Touched) {
        for (list, numbers) in [(&mut self.writers, &touched.written), (&mut self.readers, &touched.read)] {
            for &number in numbers {
                let number = number as usize;
                if list.len() <= number {
                    list.resize(number + 1, 0);
                }
                if let Some(last) = list.get_mut(number) {
                    *last = launch + 1;
                }
            }
        }
    }

    /// The launch that an access collides with, and whether that one wrote.
    pub(crate) fn collision(&self, allocation: u32, writes: bool) -> Option<(u32, bool)> {
        let find = |list: &[u32]| list.get(allocation as usize).and_then(|&last| last.checked_sub(1));
        let writer = find(&self.writers).map(|launch| (launch, true));
        writer.or_else(|| find(&self.readers).filter(|_| writes).map(|launch| (launch, false)))
    }
}

/// What a launch may not touch, and what it touches.
pub(crate) struct Watch<'w> {
    /// Until a thread waits.
    before: Open,
    /// At all: what waiting does not wait for.
    always: Open,
    /// Of each launch.
    names: &'w [Arc<str>],
    read: Box<[AtomicBool]>,
    written: Box<[AtomicBool]>,
    waited: AtomicBool,
}

impl<'w> Watch<'w> {
    /// Of a launch on a device with so many allocations.
    pub(crate) fn new(before: Open, always: Open, names: &'w [Arc<str>], allocations: usize) -> Self {
        let none = || (0..allocations).map(|_| AtomicBool::new(false)).collect();
        Self { before, always, names, read: none(), written: none(), waited: AtomicBool::new(false) }
    }

    /// A thread waits.
    pub(crate) fn waits(&self) {
        self.waited.store(true, Ordering::Relaxed);
    }

    /// Whether a thread waited, and what all of them touched.
    pub(crate) fn done(self) -> (bool, Touched) {
        let numbers = |marks: Box<[AtomicBool]>| {
            (0..).zip(marks).filter_map(|(number, mark)| mark.into_inner().then_some(number)).collect()
        };
        (self.waited.into_inner(), Touched { read: numbers(self.read), written: numbers(self.written) })
    }

    /// Notes an access that was resolved. `waited`: the lanes that have waited; `allocation`: the one that all lanes
    /// are in, if they are.
    ///
    /// # Errors
    /// [`FaultKind::EarlyAccess`] for the first lane that may not touch it.
    #[inline(never)]
    pub(crate) fn touch(
        &self,
        global: &Global,
        access: &Access<'_>,
        waited: u32,
        allocation: Option<u32>,
    ) -> Result<(), Box<Violation>> {
        if let Some(number) = allocation {
            return self.one(global, access, access.active, waited, number);
        }
        for (lane, &address) in (0u32..).zip(access.addresses) {
            let bit = 1 << lane;
            if access.active & bit != 0
                && let Some(number) = global.allocation_at(address)
            {
                self.one(global, access, bit, waited, number)?;
            }
        }
        Ok(())
    }

    /// Lanes that touch one allocation.
    fn one(
        &self,
        global: &Global,
        access: &Access<'_>,
        lanes: u32,
        waited: u32,
        number: u32,
    ) -> Result<(), Box<Violation>> {
        let (reads, writes) = (access.kind != AccessKind::Store, access.kind != AccessKind::Load);
        for (marks, does) in [(&self.read, reads), (&self.written, writes)] {
            if let Some(mark) = marks.get(number as usize).filter(|_| does)
                // Blocks run on several threads of the host, and mostly it is marked already.
                && !mark.load(Ordering::Relaxed)
            {
                mark.store(true, Ordering::Relaxed);
            }
        }
        let early = lanes & !waited;
        if let Some((launch, wrote)) = self.always.collision(number, writes) {
            return Err(self.violation(global, access, lanes, (launch, wrote), false));
        }
        match self.before.collision(number, writes) {
            Some((launch, wrote)) if early != 0 => {
                Err(self.violation(global, access, early, (launch, wrote), true))
            }
            _ => Ok(()),
        }
    }

    fn violation(
        &self,
        global: &Global,
        access: &Access<'_>,
        lanes: u32,
        (launch, wrote): (u32, bool),
        waiting_helps: bool,
    ) -> Box<Violation> {
        let lane = lanes.trailing_zeros();
        let address = access.addresses.get(lane as usize).copied().unwrap_or_default();
        let buffer = global.buffer_at(address);
        let name = buffer.as_ref().map_or("?", |(name, ..)| name);
        let does = match access.kind {
            AccessKind::Load => "read",
            AccessKind::Store => "write",
            AccessKind::Atomic => "atomic access",
        };
        let message = format!(
            "{does} of {} bytes in `{name}`, which {}",
            access.bytes,
            self.why(launch, wrote, waiting_helps)
        );
        Box::new(Violation {
            kind: FaultKind::EarlyAccess,
            lane,
            message,
            target: Some(Target {
                space: "global",
                address,
                bytes: access.bytes,
                buffer: buffer.map(|(name, begin, bytes)| (name, bytes, address.wrapping_sub(begin) as i64)),
            }),
            other: None,
        })
    }

    fn why(&self, launch: u32, wrote: bool, waiting_helps: bool) -> String {
        let name = self.names.get(launch as usize).map_or("?", |name| name);
        describe(name, wrote, waiting_helps)
    }
}

/// Who else touches it, and what is missing.
pub(crate) fn describe(name: &str, wrote: bool, waiting_helps: bool) -> String {
    let does = if wrote { "writes" } else { "reads" };
    let missing = if waiting_helps {
        "this thread has not waited for its end (griddepcontrol.wait)"
    } else {
        "nothing waits for its end: a kernel between the two was launched early and no thread of it waited"
    };
    format!("kernel {name} {does}: {missing}")
}
