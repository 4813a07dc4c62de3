//! Runs a warp until it must wait.

use std::sync::atomic::Ordering;

use super::core::Core;
use super::program::{ALWAYS, Code, Program, Value};
use super::warp::{ALL, Group, State, Warp};
use super::{access, barrier, matrix, print, vote};
use crate::WARP;
use crate::fault::{Fault, FaultKind};
use crate::memory::Violation;
use crate::registers::{Registers, Slot};

/// Instructions of a warp before another has its turn, where there are others.
const TURN: u32 = 1 << 14;

/// Runs a warp until it ends, waits at a barrier, or had its turn.
pub(super) fn run(core: &mut Core<'_>, warp: &mut Warp) -> Result<(), Box<Fault>> {
    let mut left = TURN;
    turn(core, warp, &mut left)?;
    core.budget = core.budget.saturating_sub(u64::from(TURN - left));
    if core.budget == 0 && warp.state == State::Ready { Err(endless(core, warp)) } else { Ok(()) }
}

fn turn(core: &mut Core<'_>, warp: &mut Warp, left: &mut u32) -> Result<(), Box<Fault>> {
    let program: &Program = core.grid.program;
    let mut meeting = warp.meeting();
    loop {
        if warp.now.lanes == 0 || warp.now.at >= meeting {
            if !warp.regroup() {
                if warp.retry() {
                    continue;
                }
                return stalled(core, warp);
            }
            meeting = warp.meeting();
        }
        let at = warp.now.at;
        let Some(instruction) = program.code.get(at as usize) else {
            let message = "the program has no such instruction".to_owned();
            return Err(core.wrong(warp, FaultKind::Unsupported, 0, message));
        };
        let mut lanes = warp.now.lanes;
        if instruction.guard != ALWAYS {
            let predicate = warp.registers.predicate(instruction.guard);
            lanes &= if instruction.negated { !predicate } else { predicate };
        }
        core.work.warp_instructions += 1;
        core.work.lane_operations += u64::from(lanes.count_ones());
        match &instruction.code {
            Code::Alu { function, slots } => {
                if lanes != 0 {
                    // SAFETY: the slots were made for this program, whose registers these are, and the function for
                    // what this machine has.
                    unsafe { function(&mut warp.registers, program.operands(*slots), lanes) };
                }
                warp.now.at = at + 1;
            }
            Code::Branch { target } => {
                let stay = warp.now.lanes & !lanes;
                if !program.entered.is_empty() {
                    enter(program, if lanes != 0 { *target } else { at + 1 });
                    enter(program, if stay != 0 { at + 1 } else { *target });
                }
                if stay == 0 {
                    warp.now.at = *target;
                    if *target <= at {
                        warp.branched_back();
                        meeting = warp.meeting();
                    }
                } else if lanes == 0 {
                    warp.now.at = at + 1;
                } else {
                    warp.now = Group { at: at + 1, lanes: stay };
                    warp.add(Group { at: *target, lanes });
                    meeting = warp.meeting();
                }
            }
            Code::Load { shape, address, to } => {
                if lanes != 0 {
                    access::load(core, warp, shape, *address, *to, lanes)
                        .map_err(|found| core.fault(warp, *found))?;
                }
                warp.now.at = at + 1;
            }
            Code::Store { shape, address, from } => {
                if lanes != 0 {
                    access::store(core, warp, shape, *address, *from, lanes)
                        .map_err(|found| core.fault(warp, *found))?;
                }
                warp.now.at = at + 1;
            }
            Code::Exit => {
                warp.end(lanes);
                if warp.now.lanes != 0 {
                    warp.now.at = at + 1;
                    if !program.entered.is_empty() {
                        enter(program, at + 1);
                    }
                } else if warp.live == 0 {
                    warp.state = State::Done;
                    return Ok(());
                }
                meeting = warp.meeting();
            }
            code => {
                if is_collective(code) {
                    // Lanes that the guard keeps out go on without the others.
                    let rest = warp.now.lanes & !lanes;
                    if rest != 0 {
                        warp.now.lanes = lanes;
                        warp.add(Group { at: at + 1, lanes: rest });
                        meeting = warp.meeting();
                    }
                    if lanes == 0 {
                        continue;
                    }
                }
                match one(core, warp, code, lanes)? {
                    Next::Following => warp.now.at = at + 1,
                    Next::Parked => {
                        warp.park();
                        meeting = warp.meeting();
                    }
                    Next::Waits => {
                        warp.now.at = at + 1;
                        return Ok(());
                    }
                    Next::Jumped => meeting = warp.meeting(),
                }
            }
        }
        *left -= 1;
        if *left == 0 {
            return Ok(());
        }
    }
}

/// What comes after an instruction.
enum Next {
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
const fn is_collective(code: &Code) -> bool {
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
fn one(core: &mut Core<'_>, warp: &mut Warp, code: &Code, lanes: u32) -> Result<Next, Box<Fault>> {
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
fn stalled(core: &Core<'_>, warp: &mut Warp) -> Result<(), Box<Fault>> {
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

fn endless(core: &Core<'_>, warp: &Warp) -> Box<Fault> {
    let lane = warp.now.lanes.trailing_zeros().min(31);
    let message = format!("the block ran {} warp instructions and has not ended", core.grid.budget);
    core.wrong(warp, FaultKind::EndlessLoop, lane, message)
}

fn enter(program: &Program, at: u32) {
    if let Some(flag) = program.entered.get(at as usize)
        && !flag.load(Ordering::Relaxed)
    {
        flag.store(true, Ordering::Relaxed);
    }
}

/// The lanes of a mask, from the lowest on.
pub(super) fn each(mut lanes: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lane = lanes.trailing_zeros();
        lanes &= lanes.wrapping_sub(1);
        (lane < WARP as u32).then_some(lane)
    })
}

impl Registers {
    /// A predicate of all lanes.
    pub(super) fn predicate(&self, slot: Slot) -> u32 {
        self.predicates.get(slot as usize).copied().unwrap_or(0)
    }

    /// A register of at most 32 bits, of one lane.
    pub(super) fn narrow(&self, slot: Slot, lane: u32) -> u32 {
        self.lanes.get(slot as usize).and_then(|lanes| lanes.0.get(lane as usize)).copied().unwrap_or(0)
    }

    /// A register of 64 bits, of one lane.
    pub(super) fn wide(&self, slot: Slot, lane: u32) -> u64 {
        let (half, index) = (lane / 16, lane % 16 * 2);
        let word = |at: u32| u64::from(self.narrow(slot + half, at));
        word(index) | word(index + 1) << 32
    }

    /// A register or a number, of one lane.
    pub(super) fn value(&self, value: Value, lane: u32) -> u32 {
        match value {
            Value::Slot(slot) => self.narrow(slot, lane),
            Value::Number(number) => number,
        }
    }

    /// Sets a register of at most 32 bits in some lanes.
    pub(super) fn set_narrow(&mut self, slot: Slot, lanes: u32, mut value: impl FnMut(u32) -> u32) {
        let Some(register) = self.lanes.get_mut(slot as usize) else { return };
        for (lane, to) in (0..).zip(&mut register.0) {
            if lanes >> lane & 1 == 1 {
                *to = value(lane);
            }
        }
    }

    /// Sets a register of 64 bits in some lanes.
    pub(super) fn set_wide(&mut self, slot: Slot, lanes: u32, mut value: impl FnMut(u32) -> u64) {
        for lane in each(lanes) {
            let bits = value(lane);
            let (half, index) = (lane / 16, (lane % 16 * 2) as usize);
            if let Some(register) = self.lanes.get_mut((slot + half) as usize)
                && let Some([low, high]) = register.0.get_mut(index..index + 2)
            {
                (*low, *high) = (bits as u32, (bits >> 32) as u32);
            }
        }
    }

    /// Sets a predicate in some lanes.
    pub(super) fn set_predicate(&mut self, slot: Slot, lanes: u32, bits: u32) {
        if let Some(predicate) = self.predicates.get_mut(slot as usize) {
            *predicate = *predicate & !lanes | bits & lanes;
        }
    }
}
