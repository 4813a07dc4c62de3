//! What strong writes release, and what acquires it (PTX ISA 9.0, section 8.8 and 8.9.4).
//!
//! A launch with atomics or fences runs on one host thread, an instruction at a time. So a strong read observes the
//! last strong write to its address, and what that write releases is known by then.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::epochs::Detail;

/// Which threads of which warps, up to which time: `(warp, lanes, time)`.
pub(super) type LaneTime = (u8, u32, u32);

/// Something acquired: everything that the chain at `head` releases to a thread of this block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Acquired {
    /// The node.
    pub(super) head: u32,
    /// Which sequence of writes it is from: a later head of the same one releases all of this and more.
    pub(super) sequence: u32,
    /// Whether releases of other blocks count: the acquiring side reaches them.
    pub(super) device: bool,
}

/// Adds to a list; says whether it was new.
pub(super) fn add(list: &mut Vec<Acquired>, new: Acquired) -> bool {
    for old in list.iter_mut() {
        if old.sequence == new.sequence && old.device == new.device {
            let newer = new.head > old.head;
            if newer {
                *old = new;
            }
            return newer;
        }
    }
    list.push(new);
    true
}

/// What a thread knows when it releases.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) block: u32,
    /// Whether it reaches other blocks.
    pub(super) device: bool,
    /// Of each warp: the time up to which all that its lanes did is known.
    pub(super) base: Arc<[u32]>,
    /// Single lanes beyond that.
    pub(super) lanes: Vec<LaneTime>,
    /// What was acquired before.
    pub(super) acquired: Vec<Acquired>,
}

impl Snapshot {
    fn join(&mut self, other: &Self) {
        let base = Arc::make_mut(&mut self.base);
        base.iter_mut().zip(other.base.iter()).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
        for &(warp, lanes, time) in &other.lanes {
            match self.lanes.iter_mut().find(|known| (known.0, known.1) == (warp, lanes)) {
                Some(known) => known.2 = known.2.max(time),
                None => self.lanes.push((warp, lanes, time)),
            }
        }
        let base = &self.base;
        self.lanes.retain(|known| base.get(usize::from(known.0)).is_none_or(|&time| time < known.2));
        other.acquired.iter().for_each(|&item| {
            add(&mut self.acquired, item);
        });
    }
}

#[derive(Debug)]
enum Node {
    Release(Box<Snapshot>),
    /// An atomic goes on with the sequence of the write that it read, and releases besides.
    Chain {
        before: u32,
        release: u32,
    },
}

/// The last strong write to an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Location {
    pub(super) head: u32,
    pub(super) sequence: u32,
    pub(super) bytes: u32,
}

/// Strong writes that release something, by address.
#[derive(Debug, Default)]
pub(super) struct Locations {
    map: HashMap<u64, Location>,
    /// No address below or above these is in the map.
    low: u64,
    high: u64,
}

impl Locations {
    /// What the last write to an address released; one of another size is none.
    pub(super) fn get(&self, address: u64, bytes: u32) -> Option<Location> {
        self.map.get(&address).copied().filter(|location| location.bytes == bytes)
    }

    /// A strong write that releases.
    pub(super) fn set(&mut self, address: u64, location: Location) {
        (self.low, self.high) = if self.map.is_empty() {
            (address, address)
        } else {
            (self.low.min(address), self.high.max(address))
        };
        self.map.insert(address, location);
    }

    /// A write that releases nothing: who reads it acquires nothing.
    pub(super) fn forget(&mut self, address: u64, bytes: u32) {
        if self.map.is_empty() || address > self.high + 15 || address + u64::from(bytes) <= self.low {
            return;
        }
        for byte in 0..u64::from(bytes) {
            self.map.remove(&(address + byte));
        }
        // Wider ones that begin before: they are aligned to their size.
        for size in [2, 4, 8, 16_u32] {
            let before = address & !u64::from(size - 1);
            if self.map.get(&before).is_some_and(|location| location.bytes == size) {
                self.map.remove(&before);
            }
        }
    }

    /// As new.
    pub(super) fn clear(&mut self) {
        self.map.clear();
    }
}

/// Every release of a launch.
#[derive(Debug, Default)]
pub(super) struct Arena {
    nodes: Vec<Node>,
    sequences: u32,
}

impl Arena {
    /// A release that others may acquire.
    pub(super) fn release(&mut self, snapshot: Snapshot) -> u32 {
        self.nodes.push(Node::Release(Box::new(snapshot)));
        self.nodes.len() as u32 - 1
    }

    /// A sequence that goes on with a release.
    pub(super) fn chain(&mut self, before: u32, release: u32) -> u32 {
        let top = match self.nodes.get(before as usize) {
            Some(&Node::Chain { release, .. }) => release,
            _ => before,
        };
        if top == release {
            return before;
        }
        self.nodes.push(Node::Chain { before, release });
        self.nodes.len() as u32 - 1
    }

    /// Joins releases of one block: one for those that reach other blocks, one for the others.
    pub(super) fn merge(&mut self, releases: Vec<u32>) -> Vec<u32> {
        if releases.len() < 2 {
            return releases;
        }
        let mut joined: [Option<Snapshot>; 2] = [None, None];
        for number in releases {
            let Some(Node::Release(snapshot)) = self.nodes.get(number as usize) else { continue };
            match &mut joined[usize::from(snapshot.device)] {
                Some(into) => into.join(snapshot),
                empty => *empty = Some((**snapshot).clone()),
            }
        }
        joined.into_iter().flatten().map(|snapshot| self.release(snapshot)).collect()
    }

    /// A number for a new sequence.
    pub(super) fn sequence(&mut self) -> u32 {
        self.sequences += 1;
        self.sequences
    }

    /// Bytes of host memory, roughly.
    pub(super) fn held(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }
}

#[derive(Debug, Default)]
struct Known {
    base: Vec<u32>,
    lanes: Vec<LaneTime>,
}

/// A search through what one [`Acquired`] stands for. It goes on only as far as a question needs.
#[derive(Debug)]
struct Walker {
    of: Acquired,
    open: Vec<(u32, bool, u32)>,
    seen: HashSet<(u32, bool, u32)>,
    found: HashMap<u32, Known>,
}

/// The searches of one block. A thread may only ask for what it acquired itself.
#[derive(Debug, Default)]
pub(super) struct Walkers(Vec<Walker>);

impl Walkers {
    const KEPT: usize = 16;

    /// Whether an access is ordered before what a thread of `block` does after it acquired `of`.
    pub(super) fn knows(
        &mut self,
        arena: &Arena,
        block: u32,
        of: Acquired,
        detail: &Detail,
        lane: u32,
    ) -> bool {
        let at = match self.0.iter().position(|walker| walker.of == of) {
            Some(at) => at,
            None => {
                if self.0.len() >= Self::KEPT {
                    self.0.remove(0);
                }
                let open = vec![(of.head, of.device, block)];
                self.0.push(Walker { of, open, seen: HashSet::new(), found: HashMap::new() });
                self.0.len() - 1
            }
        };
        self.0.get_mut(at).is_some_and(|walker| walker.knows(arena, detail, lane))
    }

    /// For the next block.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Walker {
    fn knows(&mut self, arena: &Arena, detail: &Detail, lane: u32) -> bool {
        if self.found.get(&detail.block).is_some_and(|known| known.covers(detail, lane)) {
            return true;
        }
        while let Some((number, device, block)) = self.open.pop() {
            let Some(node) = arena.nodes.get(number as usize) else { continue };
            let snapshot = match node {
                Node::Chain { before, release } => {
                    // The newest release is looked at first: it is the likely one.
                    for next in [(*before, device, block), (*release, device, block)] {
                        if self.seen.insert(next) {
                            self.open.push(next);
                        }
                    }
                    continue;
                }
                Node::Release(snapshot) => snapshot,
            };
            // Both sides must reach each other; `block` is that of the acquiring side.
            if !(device && snapshot.device || snapshot.block == block) {
                continue;
            }
            for acquired in &snapshot.acquired {
                let next = (acquired.head, acquired.device, snapshot.block);
                if self.seen.insert(next) {
                    self.open.push(next);
                }
            }
            if self.merge(snapshot, detail, lane) {
                return true;
            }
        }
        false
    }

    fn merge(&mut self, snapshot: &Snapshot, detail: &Detail, lane: u32) -> bool {
        let known = self.found.entry(snapshot.block).or_default();
        known.base.resize(snapshot.base.len(), 0);
        for (mine, theirs) in known.base.iter_mut().zip(snapshot.base.iter()) {
            *mine = (*mine).max(*theirs);
        }
        known.lanes.extend_from_slice(&snapshot.lanes);
        snapshot.block == detail.block && known.covers(detail, lane)
    }
}

impl Known {
    fn covers(&self, detail: &Detail, lane: u32) -> bool {
        self.base.get(detail.warp as usize).is_some_and(|&time| time >= detail.time)
            || self.lanes.iter().any(|&(warp, lanes, time)| {
                u32::from(warp) == detail.warp && lanes >> lane & 1 == 1 && time >= detail.time
            })
    }
}
