//! Checks of an access: its space, what is there, and who else was.

use super::core::Core;
use super::program::{ALWAYS, Shape, Where};
use super::run::each;
use super::warp::Warp;
use crate::WARP;
use crate::fault::{FaultKind, Target};
use crate::memory::{Access, AccessKind, LOCAL_WINDOW, Layout, SHARED_WINDOW, Violation, WINDOW_BYTES};
use crate::ptx::{Order, Scope, Space};
use crate::registers::Registers;

/// The outcome of an access.
pub(super) type Outcome = Result<(), Box<Violation>>;

/// The address of each lane.
pub(super) fn addresses(registers: &Registers, place: Where) -> [u64; WARP] {
    let mut to = [place.offset as u64; WARP];
    if place.slot == ALWAYS {
        return to;
    }
    if place.wide {
        let (low, high) =
            (registers.lanes.get(place.slot as usize), registers.lanes.get(place.slot as usize + 1));
        let halves = low.into_iter().chain(high).flat_map(|lanes| lanes.0.chunks_exact(2));
        for (to, words) in to.iter_mut().zip(halves) {
            if let [low, high] = words {
                *to = to.wrapping_add(u64::from(*low) | u64::from(*high) << 32);
            }
        }
    } else if let Some(lanes) = registers.lanes.get(place.slot as usize) {
        for (to, &word) in to.iter_mut().zip(&lanes.0) {
            *to = to.wrapping_add(u64::from(word));
        }
    }
    to
}

/// The space that a generic address is in, and where that begins.
pub(super) const fn space_of(address: u64) -> (Space, u64) {
    if address.wrapping_sub(SHARED_WINDOW) < WINDOW_BYTES {
        (Space::Shared, SHARED_WINDOW)
    } else if address.wrapping_sub(LOCAL_WINDOW) < WINDOW_BYTES {
        (Space::Local, LOCAL_WINDOW)
    } else {
        (Space::Global, 0)
    }
}

/// Calls `run` for the lanes of each space, with addresses inside it.
pub(super) fn by_space(
    shape: &Shape,
    addresses: &[u64; WARP],
    lanes: u32,
    mut run: impl FnMut(Space, &[u64; WARP], u32) -> Outcome,
) -> Outcome {
    match shape.space {
        Space::Generic => (),
        // Constants of a module are in device memory.
        Space::Const => return run(Space::Global, addresses, lanes),
        space => return run(space, addresses, lanes),
    }
    if each(lanes).all(|lane| addresses[lane as usize] < LOCAL_WINDOW) {
        return run(Space::Global, addresses, lanes);
    }
    for wanted in [Space::Global, Space::Shared, Space::Local] {
        let mut inside = *addresses;
        let mut these = 0;
        for lane in each(lanes) {
            let (space, begin) = space_of(addresses[lane as usize]);
            if space == wanted {
                these |= 1 << lane;
                inside[lane as usize] -= begin;
            }
        }
        if these != 0 {
            run(wanted, &inside, these)?;
        }
    }
    Ok(())
}

/// Checks an access of one element a lane; what was found is in `core.resolved`.
pub(super) fn reach(core: &mut Core<'_>, warp: &mut Warp, space: Space, access: &Access<'_>) -> Outcome {
    reach_vector(core, warp, space, access, 1)
}

/// The same, of a vector.
pub(super) fn reach_vector(
    core: &mut Core<'_>,
    warp: &mut Warp,
    space: Space,
    access: &Access<'_>,
    elements: u32,
) -> Outcome {
    let grid = core.grid;
    match space {
        Space::Shared => {
            core.shared.resolve(access, &mut core.resolved)?;
            if grid.checks.races {
                by_element(access, elements, core.resolved.layout, |access, layout| {
                    core.history.shared(warp.number, access, layout)
                })?;
            }
        }
        Space::Local => warp.local.resolve(access, &mut core.resolved)?,
        _ => {
            let mut other = 0;
            let hint = core.hints.get_mut(warp.now.at as usize).unwrap_or(&mut other);
            grid.global.resolve(access, hint, &mut core.resolved)?;
            if access.kind != AccessKind::Load && !grid.program.read_only.is_empty() {
                constant(core, access)?;
            }
            if let Some(watch) = grid.watch {
                watch.touch(grid.global, access, warp.waited, core.resolved.allocation)?;
            }
            if grid.checks.races || grid.checks.read_only_cache {
                let Core { history, resolved, .. } = core;
                let layout = resolved.layout;
                by_element(access, elements, layout, |access, layout| {
                    resolved.layout = layout;
                    match grid.race.global(grid.global, history, warp.number, access, resolved) {
                        Err(found) if found.kind == FaultKind::Race && !grid.checks.races => Ok(()),
                        Err(found)
                            if found.kind == FaultKind::ReadOnlyCacheStale
                                && !grid.checks.read_only_cache =>
                        {
                            Ok(())
                        }
                        outcome => outcome,
                    }
                })?;
                resolved.layout = layout;
            }
        }
    }
    Ok(())
}

/// Shows an access to the history. A vector that orders something does so element by element (PTX ISA 9.0, section
/// 8.2.2).
fn by_element(
    access: &Access<'_>,
    elements: u32,
    layout: Layout,
    mut show: impl FnMut(&Access<'_>, Layout) -> Outcome,
) -> Outcome {
    let strong = access.order != Order::Weak || access.kind == AccessKind::Atomic;
    if elements <= 1 || !strong {
        return show(access, layout);
    }
    let bytes = access.bytes / elements;
    for element in 0..elements {
        let addresses = access.addresses.map(|address| address.wrapping_add(u64::from(element * bytes)));
        show(&Access { bytes, addresses: &addresses, ..*access }, Layout::Scattered)?;
    }
    Ok(())
}

/// Constants may not be written.
fn constant(core: &Core<'_>, access: &Access<'_>) -> Outcome {
    let grid = core.grid;
    for lane in each(access.active) {
        let address = access.addresses[lane as usize];
        let number = grid.global.allocation_at(address);
        if number.is_some_and(|number| grid.program.read_only.contains(&number)) {
            let buffer = grid.global.buffer_at(address);
            let name = buffer.as_ref().map_or("?", |(name, ..)| name);
            return Err(Box::new(Violation {
                kind: FaultKind::ReadOnly,
                lane,
                message: format!("write of {} bytes to constant memory, `{name}`", access.bytes),
                target: Some(Target {
                    space: "const",
                    address,
                    bytes: access.bytes,
                    buffer: buffer
                        .map(|(name, begin, bytes)| (name, bytes, address.wrapping_sub(begin) as i64)),
                }),
                other: None,
            }));
        }
    }
    Ok(())
}

/// An access that orders nothing.
pub(super) const fn plain(kind: AccessKind, bytes: u32, active: u32, addresses: &[u64; WARP]) -> Access<'_> {
    Access { kind, bytes, active, addresses, order: Order::Weak, scope: Scope::Block, nc: false }
}
