//! Instructions that are not in the loop itself.

use super::core::Core;
use super::program::{Code, Program, Value};
use super::run::{each, enter};
use super::warp::{ALL, Group, State, Warp};
use super::{access, barrier, matrix, print, vote};
use crate::fault::{Fault, FaultKind};
use crate::memory::Violation;

/// What comes after an instruction.
pub(super) enum Next {
    /// The one behind it.
    Following,
    /// Its lanes wait for other lanes of the warp.
    Parked,
    /// The warp waits for other warps.
    Waits,
    /// Whatever the instruction set.
    Jumped,
}

/// Instructions that lanes run together.
pub(super) const fn is_collective(code: &Code) -> bool {
    matches!(
        code,
        Code::WarpAlu { .. }
            | Code::Barrier { .. }
            | Code::Arrive { .. }
            | Code::WarpSync { .. }
            | Code::Shuffle { .. }
            | Code::Vote { .. }
            | Code::Match { .. }
            | Code::Redux { .. }
            | Code::Elect { .. }
            | Code::LoadMatrix { .. }
            | Code::StoreMatrix { .. }
            | Code::MoveMatrix { .. }
            | Code::BranchIndexed { .. }
    )
}

/// Everything that is not in the loop itself.
pub(super) fn one(core: &mut Core<'_>, warp: &mut Warp, code: &Code, lanes: u32) -> Result<Next, Box<Fault>> {
    let program: &Program = core.grid.program;
    let found = |core: &Core<'_>, warp: &Warp, outcome: Result<(), Box<Violation>>| {
        outcome.map(|()| Next::Following).map_err(|found| core.fault(warp, *found))
    };
    match code {
        Code::WarpSync { .. }
        | Code::Shuffle { .. }
        | Code::Vote { .. }
        | Code::Match { .. }
        | Code::Redux { .. }
        | Code::Elect { .. } => match vote::together(core, warp, code, lanes)? {
            true => {
                let outcome = vote::run(core, warp, code, lanes);
                found(core, warp, outcome)
            }
            false => Ok(Next::Parked),
        },
        Code::WarpAlu { .. }
        | Code::LoadMatrix { .. }
        | Code::StoreMatrix { .. }
        | Code::MoveMatrix { .. } => {
            if lanes != ALL {
                if lanes != warp.live {
                    return Ok(Next::Parked);
                }
                let absent = (!lanes).trailing_zeros();
                let message = format!(
                    "all 32 lanes take part in a matrix instruction, and lane {absent} has ended or never was"
                );
                if core.grid.checks.masks {
                    return Err(core.wrong(warp, FaultKind::Mask, lanes.trailing_zeros(), message));
                }
            }
            if let Code::WarpAlu { function, slots } = code {
                // SAFETY: as for every other instruction that computes.
                unsafe { function(&mut warp.registers, program.operands(*slots), lanes) };
                return Ok(Next::Following);
            }
            let outcome = matrix::run(core, warp, code, lanes);
            found(core, warp, outcome)
        }
        Code::Barrier { aligned, number, threads, reduce } => {
            if lanes != warp.live {
                if *aligned || reduce.is_some() || !all_at_barriers(program, warp, lanes) {
                    return Ok(Next::Parked);
                }
                for group in warp.take_waiting() {
                    warp.add(Group { at: group.at + 1, ..group });
                }
            }
            let number = uniform(core, warp, *number, lanes, "barrier")?;
            let threads = threads.map(|threads| uniform(core, warp, threads, lanes, "count")).transpose()?;
            let predicate = reduce.map(|reduce| {
                let bits = warp.registers.predicate(reduce.predicate);
                let bits = if reduce.negated { !bits } else { bits };
                ((bits & lanes).count_ones(), lanes.count_ones())
            });
            let arrival = barrier::Arrival { warp: warp.number, number, threads, waits: true, predicate };
            if let Err(message) = core.barriers.arrive(arrival) {
                return Err(core.wrong(warp, FaultKind::BarrierMisuse, lanes.trailing_zeros(), message));
            }
            warp.state = State::Barrier(number);
            Ok(Next::Waits)
        }
        Code::Arrive { number, threads } => {
            if lanes != warp.live {
                return Ok(Next::Parked);
            }
            let number = uniform(core, warp, *number, lanes, "barrier")?;
            let threads = Some(uniform(core, warp, *threads, lanes, "count")?);
            let arrival =
                barrier::Arrival { warp: warp.number, number, threads, waits: false, predicate: None };
            if let Err(message) = core.barriers.arrive(arrival) {
                return Err(core.wrong(warp, FaultKind::BarrierMisuse, lanes.trailing_zeros(), message));
            }
            core.history.arrive(warp.number, number);
            Ok(Next::Following)
        }
        Code::BranchIndexed { index, targets } => {
            for lane in each(lanes) {
                let index = warp.registers.narrow(*index, lane);
                let Some(&target) = targets.get(index as usize) else {
                    let message = format!("brx.idx with index {index}, and it has {} targets", targets.len());
                    return Err(core.wrong(warp, FaultKind::OutOfBounds, lane, message));
                };
                if !program.entered.is_empty() {
                    enter(program, target);
                }
                warp.add(Group { at: target, lanes: 1 << lane });
            }
            warp.now.lanes = 0;
            Ok(Next::Jumped)
        }
        Code::Trap if lanes != 0 => {
            Err(core.wrong(warp, FaultKind::Trap, lanes.trailing_zeros(), "the kernel ran `trap`".to_owned()))
        }
        Code::Fence { order, scope } => {
            if lanes != 0 {
                core.history.fence(warp.number, lanes, *order, *scope);
            }
            Ok(Next::Following)
        }
        Code::GridWait => {
            warp.waited |= lanes;
            if let Some(watch) = core.grid.watch.filter(|_| lanes != 0) {
                watch.waits();
            }
            Ok(Next::Following)
        }
        Code::ActiveMask { to } => {
            let mask = lanes;
            warp.registers.set_narrow(*to, lanes, |_| mask);
            Ok(Next::Following)
        }
        Code::Clock { to, wide } => {
            let time = core.work.warp_instructions;
            if *wide {
                warp.registers.set_wide(*to, lanes, |_| time);
            } else {
                warp.registers.set_narrow(*to, lanes, |_| time as u32);
            }
            Ok(Next::Following)
        }
        Code::CheckWritten { registers } => check_written(core, warp, program.operands(*registers), lanes),
        Code::MarkWritten { registers, from } => {
            let passed = program
                .operands(*from)
                .iter()
                .fold(ALL, |all, &number| all & warp.written.get(number as usize).copied().unwrap_or(ALL));
            for &number in program.operands(*registers) {
                if let Some(written) = warp.written.get_mut(number as usize) {
                    *written = *written & !lanes | passed & lanes;
                }
            }
            uncounted(core, lanes);
            Ok(Next::Following)
        }
        Code::Print { format, arguments, result } => {
            let outcome = print::print(core, warp, *format, *arguments, *result, lanes);
            found(core, warp, outcome)
        }
        Code::AssertFail { message, line } => {
            if lanes == 0 {
                return Ok(Next::Following);
            }
            let lane = lanes.trailing_zeros();
            let text = print::assertion(core, warp, *message, *line, lane);
            Err(core.wrong(warp, FaultKind::Trap, lane, text))
        }
        other => {
            if lanes != 0 {
                access::other(core, warp, other, lanes).map_err(|found| core.fault(warp, *found))?;
            }
            Ok(Next::Following)
        }
    }
}

/// Whether all other lanes of a warp wait at barriers too: `barrier.sync` need not be one instruction for all.
fn all_at_barriers(program: &Program, warp: &Warp, lanes: u32) -> bool {
    let at_barrier = |at: u32| {
        matches!(
            program.code.get(at as usize).map(|next| &next.code),
            Some(Code::Barrier { aligned: false, .. })
        )
    };
    let waiting = warp.waiting().iter().filter(|group| at_barrier(group.at));
    waiting.fold(lanes, |all, group| all | group.lanes) == warp.live
}

/// Checks and marks are no instructions of the kernel.
fn uncounted(core: &mut Core<'_>, lanes: u32) {
    core.work.warp_instructions -= 1;
    core.work.lane_operations -= u64::from(lanes.count_ones());
}

fn check_written(
    core: &mut Core<'_>,
    warp: &Warp,
    registers: &[u32],
    lanes: u32,
) -> Result<Next, Box<Fault>> {
    uncounted(core, lanes);
    if core.grid.checks.initialised {
        for &number in registers {
            let missing = lanes & !warp.written.get(number as usize).copied().unwrap_or(ALL);
            if missing != 0 {
                let lane = missing.trailing_zeros();
                let message = "a register is read that this thread has not written".to_owned();
                return Err(core.wrong(warp, FaultKind::Uninitialised, lane, message));
            }
        }
    }
    Ok(Next::Following)
}

/// A value that must be the same in all lanes.
fn uniform(core: &Core<'_>, warp: &Warp, value: Value, lanes: u32, what: &str) -> Result<u32, Box<Fault>> {
    let first = warp.registers.value(value, lanes.trailing_zeros());
    match each(lanes).find(|&lane| warp.registers.value(value, lane) != first) {
        None => Ok(first),
        Some(lane) => {
            let other = warp.registers.value(value, lane);
            let message = format!("lanes of one warp name different {what}s, {first} and {other}");
            Err(core.wrong(warp, FaultKind::BarrierMisuse, lane, message))
        }
    }
}

/// No group of a warp can run.
pub(super) fn stalled(core: &Core<'_>, warp: &mut Warp) -> Result<(), Box<Fault>> {
    let Some(&first) = warp.waiting().first() else {
        warp.state = State::Done;
        return Ok(());
    };
    warp.now = first;
    let code = core.grid.program.code.get(first.at as usize).map(|instruction| &instruction.code);
    let lane = first.lanes.trailing_zeros();
    let (kind, message) = match code {
        Some(Code::Barrier { .. } | Code::Arrive { .. }) => (
            FaultKind::DivergentBarrier,
            format!(
                "a barrier is reached by lanes {:#010x} of a warp whose lanes {:#010x} have not ended and wait elsewhere",
                first.lanes,
                warp.live & !first.lanes
            ),
        ),
        _ => (
            FaultKind::Mask,
            format!(
                "lanes {:#010x} wait for lanes that never come: lanes {:#010x} wait elsewhere",
                first.lanes,
                warp.live & !first.lanes
            ),
        ),
    };
    Err(core.wrong(warp, kind, lane, message))
}
