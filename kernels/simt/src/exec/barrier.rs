//! Barriers of a block (PTX ISA 9.0, section 9.7.13.1).

use crate::ptx::BarrierReduction;

/// Barriers that a block has.
pub(super) const COUNT: usize = 16;

/// The barriers of a block.
#[derive(Debug, Clone, Default)]
pub(super) struct Barriers {
    all: [Barrier; COUNT],
}

/// One barrier, between two times that it opens.
#[derive(Debug, Clone, Copy, Default)]
struct Barrier {
    /// Warps that arrived, among them those that do not wait.
    arrived: u32,
    /// Warps that wait.
    waiting: u32,
    /// Arrivals, counted in warps: one may arrive more than once.
    arrivals: u32,
    /// Threads that it opens for; `None` for all of the block.
    threads: Option<u32>,
    /// Of `bar.red`: threads whose predicate is true, and all threads.
    reduced: Option<(u32, u32)>,
}

/// A warp arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) warp: u32,
    pub(super) number: u32,
    pub(super) threads: Option<u32>,
    pub(super) waits: bool,
    /// Threads whose predicate is true, and how many there are.
    pub(super) predicate: Option<(u32, u32)>,
}

/// A barrier that opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) number: u32,
    pub(super) arrived: u32,
    pub(super) waiting: u32,
    /// Whether it is for all threads of the block.
    pub(super) for_all: bool,
    pub(super) reduced: (u32, u32),
}

impl Barriers {
    /// Notes an arrival. The error says what is wrong with it.
    pub(super) fn arrive(&mut self, arrival: Arrival) -> Result<(), String> {
        let number = arrival.number;
        let Some(barrier) = self.all.get_mut(number as usize) else {
            return Err(format!("barrier {number}; a block has barriers 0 to {}", COUNT - 1));
        };
        if let Some(threads) = arrival.threads
            && (threads == 0 || threads % 32 != 0)
        {
            return Err(format!("barrier {number} for {threads} threads; it takes a multiple of 32"));
        }
        if barrier.arrivals > 0 && barrier.threads != arrival.threads {
            let say = |threads: Option<u32>| {
                threads.map_or("all threads".to_owned(), |count| format!("{count} threads"))
            };
            let (one, other) = (say(barrier.threads), say(arrival.threads));
            return Err(format!("barrier {number} is for {one} to some warps, and for {other} to others"));
        }
        if barrier.waiting >> arrival.warp & 1 == 1 {
            return Err(format!("barrier {number} is reached again by a warp that waits at it"));
        }
        barrier.threads = arrival.threads;
        barrier.arrived |= 1 << arrival.warp;
        barrier.arrivals += 1;
        if arrival.waits {
            barrier.waiting |= 1 << arrival.warp;
        }
        if let Some((votes, threads)) = arrival.predicate {
            let (sum, all) = barrier.reduced.unwrap_or_default();
            barrier.reduced = Some((sum + votes, all + threads));
        }
        if let Some(threads) = barrier.threads
            && barrier.arrivals * 32 > threads
        {
            let arrivals = barrier.arrivals * 32;
            return Err(format!("barrier {number} is for {threads} threads, and {arrivals} arrive"));
        }
        Ok(())
    }

    /// A barrier that opens now, when these warps have not ended.
    pub(super) fn open(&mut self, live: u32) -> Option<Opened> {
        for (number, barrier) in self.all.iter_mut().enumerate() {
            let opens = barrier.arrivals > 0
                && match barrier.threads {
                    None => live & !barrier.arrived == 0,
                    Some(threads) => barrier.arrivals * 32 == threads,
                };
            if opens {
                let Barrier { arrived, waiting, threads, reduced, .. } = std::mem::take(barrier);
                let reduced = reduced.unwrap_or_default();
                let for_all = threads.is_none();
                return Some(Opened { number: number as u32, arrived, waiting, for_all, reduced });
            }
        }
        None
    }

    /// Which warps wait at a barrier, and for how many threads it is.
    pub(super) fn describe(&self, number: u32) -> String {
        let Some(barrier) = self.all.get(number as usize) else { return String::new() };
        let arrived = barrier.arrivals * 32;
        match barrier.threads {
            None => {
                format!("barrier {number} waits for all threads, and {} warps are there", barrier.arrivals)
            }
            Some(threads) => format!("barrier {number} waits for {threads} threads, and {arrived} are there"),
        }
    }
}

/// What `bar.red` answers.
pub(super) const fn reduced(op: BarrierReduction, (votes, threads): (u32, u32)) -> u32 {
    match op {
        BarrierReduction::Popc => votes,
        BarrierReduction::And => (votes == threads) as u32,
        BarrierReduction::Or => (votes > 0) as u32,
    }
}
