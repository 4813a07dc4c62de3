//! Instructions that touch memory.

use super::atomic;
use super::copy::copy;
use super::core::Core;
use super::program::{Code, Shape, Slots, Where};
use super::reach::{Outcome, addresses, by_space, reach_vector, space_of};
use super::run::each;
use super::warp::Warp;
use crate::WARP;
use crate::fault::{FaultKind, Target};
use crate::memory::{Access, AccessKind, LOCAL_WINDOW, SHARED_WINDOW, Violation, moving};
use crate::ptx::Space;

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
        reach_vector(
            core,
            warp,
            space,
            &ask(shape, AccessKind::Load, lanes, addresses),
            shape.moved.elements,
        )?;
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
        reach_vector(
            core,
            warp,
            space,
            &ask(shape, AccessKind::Store, lanes, addresses),
            shape.moved.elements,
        )?;
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
                reach_vector(
                    core,
                    warp,
                    space,
                    &ask(shape, AccessKind::Atomic, lanes, addresses),
                    shape.moved.elements,
                )?;
                atomic::run(
                    core,
                    warp,
                    (*op, *ty, space),
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
