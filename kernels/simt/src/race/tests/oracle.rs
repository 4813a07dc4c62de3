//! The slow and plain way: a vector clock for each thread, and every access kept.

use std::collections::HashMap;

use super::world::{Ask, Atomic, Load, Store, Thread};
use crate::ptx::{Order, Scope};

/// Lanes that act in a warp.
pub(super) const LANES: u32 = 4;

type Clock = HashMap<Thread, u32>;

fn join(into: &mut Clock, from: &Clock) {
    for (&thread, &time) in from {
        let mine = into.entry(thread).or_default();
        *mine = time.max(*mine);
    }
}

#[derive(Clone)]
struct Release {
    block: usize,
    device: bool,
    clock: Clock,
}

#[derive(Clone, Default)]
struct State {
    clock: Clock,
    /// The last fence, and the last of a device: what was known, whether it is `fence.sc`, whether of a device.
    fences: [Option<(Clock, bool, bool)>; 2],
    observed: Vec<(Vec<Release>, bool)>,
    carried: Vec<Release>,
    seen: Vec<(Vec<Release>, bool)>,
}

struct Past {
    thread: Thread,
    time: u32,
    write: bool,
    ask: Ask,
    address: u64,
}

#[derive(Default)]
pub(super) struct Oracle {
    threads: HashMap<Thread, State>,
    past: HashMap<(Option<usize>, u64), Vec<Past>>,
    locations: HashMap<(Option<usize>, u64), (u32, Vec<Release>)>,
}

fn is_strong(ask: Ask) -> bool {
    ask.order != Order::Weak || ask.kind == Atomic
}

fn is_wide(ask: Ask) -> bool {
    ask.order == Order::Volatile || ask.scope >= Scope::Device
}

fn acquire(state: &mut State, block: usize, list: &[(Vec<Release>, bool)], device: bool) {
    for (releases, wide) in list {
        for release in releases {
            if release.block == block || release.device && *wide && device {
                join(&mut state.clock, &release.clock);
            }
        }
    }
}

impl Oracle {
    /// Threads that a barrier brings together: what those of the first list did is known to those of the second.
    pub(super) fn meet(&mut self, arrived: &[Thread], released: &[Thread]) {
        let mut all = State::default();
        for thread in arrived {
            let state = self.threads.entry(*thread).or_default();
            join(&mut all.clock, &state.clock);
            for (clock, _, device) in state.fences.iter().flatten().filter(|fence| fence.1) {
                all.carried.push(Release { block: thread.0, device: *device, clock: clock.clone() });
            }
            all.carried.extend_from_slice(&state.carried);
            all.seen.extend(state.observed.iter().chain(&state.seen).cloned());
        }
        for thread in released {
            let state = self.threads.entry(*thread).or_default();
            join(&mut state.clock, &all.clock);
            state.carried.extend_from_slice(&all.carried);
            state.seen.extend_from_slice(&all.seen);
        }
    }

    pub(super) fn fence(&mut self, thread: Thread, order: Order, scope: Scope) {
        let state = self.threads.entry(thread).or_default();
        let (device, total) = (scope >= Scope::Device, order == Order::SequentiallyConsistent);
        let (observed, seen) = (state.observed.clone(), state.seen.clone());
        acquire(state, thread.0, &observed, device);
        if total {
            acquire(state, thread.0, &seen, device);
        }
        state.fences[0] = Some((state.clock.clone(), total, device));
        if device {
            state.fences[1] = state.fences[0].clone();
        }
    }

    /// Some lanes' access, each at its address; whether it is in order.
    pub(super) fn access(&mut self, space: Option<usize>, asks: &[(Thread, u64)], ask: Ask) -> bool {
        for &(thread, address) in asks {
            let state = self.threads.entry(thread).or_default();
            let time = state.clock.get(&thread).copied().unwrap_or(0) + 1;
            state.clock.insert(thread, time);
            let write = ask.kind != Load;
            for byte in address..address + u64::from(ask.bytes) {
                let past = self.past.entry((space, byte)).or_default();
                for old in past.iter() {
                    let together = is_strong(ask)
                        && is_strong(old.ask)
                        && (old.address, old.ask.bytes) == (address, ask.bytes)
                        && (old.thread.0 == thread.0 || is_wide(ask) && is_wide(old.ask));
                    let known = state.clock.get(&old.thread).is_some_and(|&known| known >= old.time);
                    if (write || old.write) && old.thread != thread && !together && !known {
                        return false;
                    }
                    if ask.nc && old.write || write && old.ask.nc {
                        return false;
                    }
                }
                past.push(Past { thread, time, write, ask, address });
            }
        }
        for &(thread, address) in asks {
            self.synchronise(space, thread, address, ask);
        }
        true
    }

    fn synchronise(&mut self, space: Option<usize>, thread: Thread, address: u64, ask: Ask) {
        let (strong, wide) = (is_strong(ask), is_wide(ask));
        let here = (space, address);
        let before =
            self.locations.get(&here).filter(|known| known.0 == ask.bytes).map(|known| known.1.clone());
        let state = self.threads.entry(thread).or_default();
        let reads = before.clone().filter(|_| strong && ask.kind != Store);
        if let Some(releases) = reads.clone() {
            state.observed.push((releases.clone(), wide));
            if matches!(ask.order, Order::Acquire | Order::AcquireRelease) {
                acquire(state, thread.0, &[(releases, wide)], true);
            }
        }
        if ask.kind == Load {
            return;
        }
        let bytes = u64::from(ask.bytes);
        self.locations.retain(|&(where_, at), (size, _)| {
            where_ != space || at + u64::from(*size) <= address || at >= address + bytes
        });
        if !strong {
            return;
        }
        let mut releases = reads.unwrap_or_default();
        if matches!(ask.order, Order::Release | Order::AcquireRelease) {
            releases.push(Release { block: thread.0, device: wide, clock: state.clock.clone() });
        }
        for (clock, _, device) in state.fences.iter().flatten() {
            releases.push(Release { block: thread.0, device: *device && wide, clock: clock.clone() });
        }
        releases.extend_from_slice(&state.carried);
        if !releases.is_empty() {
            self.locations.insert(here, (ask.bytes, releases));
        }
    }
}
