//! Instructions that touch memory.

use super::atomic;
use super::core::Core;
use super::program::{ALWAYS, Code, Shape, Slots, Where};
use super::run::each;
use super::warp::Warp;
use crate::WARP;
use crate::fault::{FaultKind, Target};
use crate::memory::{Access, AccessKind, LOCAL_WINDOW, SHARED_WINDOW, Violation, WINDOW_BYTES, moving};
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
fn by_space(
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

/// Checks an access; what was found is in `core.resolved`.
pub(super) fn reach(core: &mut Core<'_>, warp: &mut Warp, space: Space, access: &Access<'_>) -> Outcome {
    let grid = core.grid;
    match space {
        Space::Shared => {
            core.shared.resolve(access, &mut core.resolved)?;
            if grid.checks.races {
                core.history.shared(warp.number, access, core.resolved.layout)?;
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
            if grid.checks.races || grid.checks.read_only_cache {
                grid.race.global(grid.global, &mut core.history, warp.number, access, &core.resolved)?;
            }
        }
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

/// What an instruction asks of memory.
const fn ask<'a>(shape: &Shape, kind: AccessKind, active: u32, addresses: &'a [u64; WARP]) -> Access<'a> {
    Access {
        kind,
        bytes: shape.moved.element_bytes * shape.moved.elements,
        active,
        addresses,
        order: shape.order,
        scope: shape.scope,
        nc: shape.nc,
    }
}

/// An access that orders nothing.
pub(super) const fn plain(kind: AccessKind, bytes: u32, active: u32, addresses: &[u64; WARP]) -> Access<'_> {
    Access { kind, bytes, active, addresses, order: Order::Weak, scope: Scope::Block, nc: false }
}

/// `ld`.
pub(super) fn load(
    core: &mut Core<'_>,
    warp: &mut Warp,
    shape: &Shape,
    place: Where,
    to: Slots,
    lanes: u32,
) -> Outcome {
    let all = addresses(&warp.registers, place);
    let slots = core.grid.program.operands(to);
    by_space(shape, &all, lanes, |space, addresses, lanes| {
        reach(core, warp, space, &ask(shape, AccessKind::Load, lanes, addresses))?;
        // SAFETY: the access was resolved, and the slots were made for these registers.
        unsafe {
            moving::load(&core.resolved, lanes, shape.moved, &mut warp.registers, slots);
        }
        Ok(())
    })
}

/// `st`.
pub(super) fn store(
    core: &mut Core<'_>,
    warp: &mut Warp,
    shape: &Shape,
    place: Where,
    from: Slots,
    lanes: u32,
) -> Outcome {
    let all = addresses(&warp.registers, place);
    let slots = core.grid.program.operands(from);
    by_space(shape, &all, lanes, |space, addresses, lanes| {
        reach(core, warp, space, &ask(shape, AccessKind::Store, lanes, addresses))?;
        // SAFETY: the access was resolved, and the slots were made for these registers.
        unsafe {
            moving::store(&core.resolved, lanes, shape.moved, &warp.registers, slots);
        }
        Ok(())
    })
}

/// Everything else that touches memory or addresses.
pub(super) fn other(core: &mut Core<'_>, warp: &mut Warp, code: &Code, lanes: u32) -> Outcome {
    let program = core.grid.program;
    match code {
        Code::LoadParameter { offset, shape, to } => parameter(core, warp, *offset, shape, *to, lanes),
        Code::Atomic { shape, op, ty, address, to, from } => {
            let all = addresses(&warp.registers, *address);
            by_space(shape, &all, lanes, |space, addresses, lanes| {
                reach(core, warp, space, &ask(shape, AccessKind::Atomic, lanes, addresses))?;
                atomic::run(
                    core,
                    warp,
                    (*op, *ty),
                    shape,
                    program.operands(*to),
                    program.operands(*from),
                    lanes,
                );
                Ok(())
            })
        }
        Code::Cvta { space, back, to, from } => {
            let window = match space {
                Space::Shared => SHARED_WINDOW,
                Space::Local => LOCAL_WINDOW,
                _ => 0,
            };
            let all = addresses(&warp.registers, *from);
            warp.registers.set_wide(*to, lanes, |lane| {
                let address = all[lane as usize];
                if *back { address.wrapping_sub(window) } else { address.wrapping_add(window) }
            });
            Ok(())
        }
        Code::IsSpace { space, to, from } => {
            let bits = each(lanes)
                .filter(|&lane| space_of(warp.registers.wide(*from, lane)).0 == *space)
                .fold(0, |bits, lane| bits | 1 << lane);
            warp.registers.set_predicate(*to, lanes, bits);
            Ok(())
        }
        Code::AsyncCopy { bytes, to, from, source_bytes } => {
            for lane in each(lanes) {
                copy(
                    core,
                    warp,
                    lane,
                    *bytes,
                    *to,
                    *from,
                    source_bytes.map(|slot| warp.registers.narrow(slot, lane)),
                )?;
            }
            Ok(())
        }
        Code::AsyncCommit => {
            for lane in each(lanes) {
                core.shared.commit(warp.thread(lane));
            }
            Ok(())
        }
        Code::AsyncWait { pending } => {
            let races = core.grid.checks.races;
            for lane in each(lanes) {
                let mut outcome = Ok(());
                let history = &mut core.history;
                core.shared.wait(warp.thread(lane), *pending, &mut |offset, bytes| {
                    if outcome.is_ok() && races {
                        outcome = history.copy_arrives(warp.number, lane, offset, bytes);
                    }
                });
                outcome?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `ld.param` of the kernel.
fn parameter(core: &Core<'_>, warp: &mut Warp, offset: u32, shape: &Shape, to: Slots, lanes: u32) -> Outcome {
    let moving::Shape { element_bytes, register_bytes, sign_extend, .. } = shape.moved;
    for (index, &slot) in (0u32..).zip(core.grid.program.operands(to)) {
        let begin = offset as usize + (index * element_bytes) as usize;
        let Some(bytes) = core.grid.parameters.get(begin..begin + element_bytes as usize) else {
            return Err(Box::new(Violation {
                kind: FaultKind::OutOfBounds,
                lane: lanes.trailing_zeros(),
                message: format!(
                    "{element_bytes}-byte read at {begin} of the parameters, which have {} bytes",
                    core.grid.parameters.len()
                ),
                target: Some(Target {
                    space: "param",
                    address: begin as u64,
                    bytes: element_bytes,
                    buffer: None,
                }),
                other: None,
            }));
        };
        let mut value = bytes.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        if sign_extend && element_bytes < 8 {
            let above = 64 - 8 * element_bytes;
            value = (((value << above) as i64) >> above) as u64;
        }
        match register_bytes {
            8 => warp.registers.set_wide(slot, lanes, |_| value),
            4 => warp.registers.set_narrow(slot, lanes, |_| value as u32),
            bytes => warp.registers.set_narrow(slot, lanes, |_| value as u32 & ((1 << (8 * bytes)) - 1)),
        }
    }
    Ok(())
}

/// `cp.async` of one lane: the source is read now, what comes after `source_bytes` is zero.
fn copy(
    core: &mut Core<'_>,
    warp: &mut Warp,
    lane: u32,
    bytes: u32,
    to: Where,
    from: Where,
    source_bytes: Option<u32>,
) -> Outcome {
    let mut data = [0u8; 16];
    let given = source_bytes.unwrap_or(bytes).min(bytes);
    let source = addresses(&warp.registers, from);
    // In one piece where it is whole, otherwise byte by byte.
    let piece = if given == bytes { bytes } else { 1 };
    let mut at = 0;
    while at < given {
        let mut addresses = source;
        addresses[lane as usize] = source[lane as usize].wrapping_add(u64::from(at));
        reach(core, warp, Space::Global, &plain(AccessKind::Load, piece, 1 << lane, &addresses))?;
        let pointer = core.resolved.pointers[lane as usize];
        if !pointer.is_null()
            && let Some(to) = data.get_mut(at as usize..(at + piece) as usize)
        {
            for (index, byte) in to.iter_mut().enumerate() {
                // SAFETY: the access was resolved for `piece` bytes; other threads of the host write atomically.
                *byte = unsafe {
                    (*pointer.add(index).cast::<std::sync::atomic::AtomicU8>())
                        .load(std::sync::atomic::Ordering::Relaxed)
                };
            }
        }
        at += piece;
    }
    let offset = addresses(&warp.registers, to)[lane as usize];
    core.shared.copy(warp.thread(lane), lane, offset, data.get(..bytes as usize).unwrap_or_default())
}
