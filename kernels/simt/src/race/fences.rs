//! Fences, and the strong accesses that make them order something (PTX ISA 9.0, section 8.8).
//!
//! A fence and a later strong write by the same thread release what the thread knew at the fence. A strong read and a
//! later fence acquire what the write that was read released. A `fence.sc` does more: it is in one order with all
//! others, so it also releases through a strong write of another thread that a block barrier put behind it, and
//! acquires through a strong read that a block barrier put before it. That second half is granted whatever kind of
//! fence is on the other side, which the ISA does not say: so a few programs pass that it does not order.

use std::sync::Arc;

use super::class::wide;
use super::clocks::{Clocks, FULL, Knowledge, bits};
use super::release::{Acquired, Arena, Location, Locations, Snapshot, add};
use crate::WARP;
use crate::memory::{Access, AccessKind};
use crate::ptx::{Order, Scope};

/// What some lanes of a warp knew when they ran a fence.
#[derive(Debug, Clone)]
struct Fence {
    know: Arc<Knowledge>,
    time: u32,
    lanes: u32,
    device: bool,
    /// Whether barriers carry it on: `fence.sc` is, until all lanes of the warp have it.
    carried: bool,
    /// What single lanes released by it: `(lane, device, node)`.
    nodes: Vec<(u32, bool, u32)>,
}

#[derive(Debug, Default)]
struct Warp {
    /// The newest fences; those of the block have the others with them.
    block: Vec<Fence>,
    device: Vec<Fence>,
    /// What each lane's strong reads observed since its last fence of a device.
    observed: Vec<Vec<Acquired>>,
    /// What `fence.sc` released that barriers put behind these lanes.
    carried: Vec<(u32, u32)>,
    /// What was observed that barriers put behind these lanes.
    seen: Vec<(u32, Acquired)>,
}

/// The fences of a block.
#[derive(Debug)]
pub(super) struct Fences {
    warps: Vec<Warp>,
}

impl Fences {
    /// None yet.
    pub(super) fn new(warps: usize) -> Self {
        Self { warps: (0..warps).map(|_| Warp::default()).collect() }
    }

    /// A fence by these lanes.
    pub(super) fn fence(&mut self, clocks: &mut Clocks, warp: u32, lanes: u32, order: Order, scope: Scope) {
        let Some(state) = self.warps.get_mut(warp as usize) else { return };
        let device = scope >= Scope::Device;
        let total = matches!(order, Order::SequentiallyConsistent);
        for lane in bits(lanes) {
            let seen = state.seen.iter().filter(|known| total && known.0 >> lane & 1 == 1);
            let observed = state.observed.get_mut(lane as usize);
            let own = observed.as_ref().map_or(&[][..], |list| list.as_slice());
            for &item in own.iter().chain(seen.map(|known| &known.1)) {
                clocks.acquire(warp, lane, Acquired { device: item.device && device, ..item });
            }
            if let Some(list) = observed.filter(|_| device) {
                list.clear();
            }
        }
        let Some(know) = clocks.knowledge(warp) else { return };
        let fence = Fence {
            know: Arc::new(know.clone()),
            time: clocks.time(warp),
            lanes,
            device,
            carried: false,
            nodes: Vec::new(),
        };
        for (list, wanted, carried) in [(&mut state.block, true, !device), (&mut state.device, device, true)]
        {
            if wanted {
                list.iter_mut().for_each(|old| old.lanes &= !lanes);
                list.retain(|old| old.lanes != 0);
                list.push(Fence { carried: carried && total, ..fence.clone() });
            }
        }
        clocks.tick(warp);
    }

    /// A barrier, before the clocks know of it.
    pub(super) fn barrier(&mut self, clocks: &Clocks, arena: &mut Arena, arrived: u32, released: u32) {
        let mut carried = Vec::new();
        let mut seen = Vec::new();
        for warp in bits(arrived) {
            let Some(state) = self.warps.get_mut(warp as usize) else { continue };
            for fence in state.block.iter_mut().chain(&mut state.device).filter(|fence| fence.carried) {
                fence.carried = released >> warp & 1 == 0;
                let (know, lanes) = (&fence.know, fence.lanes);
                carried.push(arena.release(know.snapshot(
                    clocks.block,
                    fence.device,
                    warp,
                    lanes,
                    fence.time,
                )));
            }
            carried.extend(state.carried.iter().map(|known| known.1));
            for &item in state.observed.iter().flatten().chain(state.seen.iter().map(|known| &known.1)) {
                add(&mut seen, item);
            }
        }
        if carried.is_empty() && seen.is_empty() {
            return;
        }
        carried.sort_unstable();
        carried.dedup();
        let carried = arena.merge(carried);
        for warp in bits(released) {
            let Some(state) = self.warps.get_mut(warp as usize) else { continue };
            if arrived >> warp & 1 == 1 {
                state.carried.clear();
                state.seen.clear();
            }
            state.carried.extend(carried.iter().map(|&node| (FULL, node)));
            state.seen.extend(seen.iter().map(|&item| (FULL, item)));
        }
    }

    /// `bar.warp.sync`, before the clocks know of it.
    pub(super) fn warp_sync(&mut self, clocks: &Clocks, arena: &mut Arena, warp: u32, lanes: u32) {
        let Some(state) = self.warps.get_mut(warp as usize) else { return };
        for known in &mut state.carried {
            known.0 |= if known.0 & lanes == 0 { 0 } else { lanes };
        }
        for known in &mut state.seen {
            known.0 |= if known.0 & lanes == 0 { 0 } else { lanes };
        }
        for fence in state.block.iter_mut().chain(&mut state.device).filter(|fence| fence.carried) {
            let those = fence.lanes & lanes;
            if those != 0 {
                fence.carried = lanes != FULL;
                let snapshot = fence.know.snapshot(clocks.block, fence.device, warp, those, fence.time);
                state.carried.push((lanes, arena.release(snapshot)));
            }
        }
        for lane in bits(lanes) {
            for &item in state.observed.get(lane as usize).into_iter().flatten() {
                if !state.seen.contains(&(lanes, item)) {
                    state.seen.push((lanes, item));
                }
            }
        }
    }

    /// A strong read by a lane of what a location holds.
    pub(super) fn read(
        &mut self,
        clocks: &mut Clocks,
        (warp, lane): (u32, u32),
        at: Location,
        strong: Strong,
    ) {
        let item = Acquired { head: at.head, sequence: at.sequence, device: strong.device };
        if strong.acquires() {
            clocks.acquire(warp, lane, item);
        }
        if let Some(state) = self.warps.get_mut(warp as usize) {
            if state.observed.is_empty() {
                state.observed = vec![Vec::new(); WARP];
            }
            if let Some(list) = state.observed.get_mut(lane as usize) {
                add(list, item);
            }
        }
    }

    /// A strong write by a lane. `before` is what it read at once, if it is an atomic.
    pub(super) fn write(
        &mut self,
        clocks: &mut Clocks,
        arena: &mut Arena,
        (warp, lane): (u32, u32),
        before: Option<Location>,
        strong: Strong,
    ) -> Option<Location> {
        let state = self.warps.get_mut(warp as usize)?;
        let mut released = Vec::new();
        if strong.releases() {
            let time = clocks.time(warp);
            let snapshot =
                clocks.knowledge(warp)?.snapshot(clocks.block, strong.device, warp, 1 << lane, time);
            released.push(arena.release(snapshot));
            clocks.tick(warp);
        }
        let (narrow, wide) = (&mut state.block, &mut state.device);
        // A fence of the device is in both lists.
        let narrow = narrow.iter_mut().filter(|fence| !(fence.device && strong.device));
        for fence in narrow.chain(wide.iter_mut().filter(|_| strong.device)) {
            if fence.lanes >> lane & 1 == 1 {
                released.push(fence.node(clocks.block, arena, warp, lane, strong.device));
            }
        }
        released.extend(state.carried.iter().filter(|known| known.0 >> lane & 1 == 1).map(|known| known.1));
        let mut location = before;
        for release in released {
            location = Some(match location {
                Some(old) => Location { head: arena.chain(old.head, release), ..old },
                None => Location { head: release, sequence: arena.sequence(), bytes: strong.bytes },
            });
        }
        location
    }
}

impl Fence {
    fn node(&mut self, block: u32, arena: &mut Arena, warp: u32, lane: u32, device: bool) -> u32 {
        let device = device && self.device;
        if let Some(known) = self.nodes.iter().find(|known| (known.0, known.1) == (lane, device)) {
            return known.2;
        }
        let snapshot: Snapshot = self.know.snapshot(block, device, warp, 1 << lane, self.time);
        let node = arena.release(snapshot);
        self.nodes.push((lane, device, node));
        node
    }
}

/// How a strong access is qualified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strong {
    pub(super) order: Order,
    pub(super) device: bool,
    pub(super) bytes: u32,
}

impl Strong {
    const fn acquires(self) -> bool {
        matches!(self.order, Order::Acquire | Order::AcquireRelease | Order::SequentiallyConsistent)
    }

    const fn releases(self) -> bool {
        matches!(self.order, Order::Release | Order::AcquireRelease | Order::SequentiallyConsistent)
    }
}

/// Strong accesses of some lanes, in the order of the lanes.
pub(super) fn synchronise(
    (fences, clocks, arena): (&mut Fences, &mut Clocks, &mut Arena),
    locations: &mut Locations,
    warp: u32,
    access: &Access<'_>,
) {
    let device = wide(access.order, access.scope);
    let strong = Strong { order: access.order, device, bytes: access.bytes };
    for lane in bits(access.active) {
        let Some(&address) = access.addresses.get(lane as usize) else { continue };
        let reads = access.kind != AccessKind::Store;
        let before = locations.get(address, access.bytes).filter(|_| reads);
        if let Some(at) = before {
            fences.read(clocks, (warp, lane), at, strong);
        }
        if access.kind == AccessKind::Load {
            continue;
        }
        if before.is_none() {
            locations.forget(address, access.bytes);
        }
        if let Some(location) = fences.write(clocks, arena, (warp, lane), before, strong) {
            locations.set(address, location);
        }
    }
}
