//! Runs a warp until it must wait.

use std::sync::atomic::Ordering;

use super::access;
use super::core::Core;
use super::program::{ALWAYS, Code, Program};
use super::step::{Next, is_collective, one, stalled};
pub(super) use super::values::each;
use super::warp::{Group, State, Warp};
use crate::fault::{Fault, FaultKind};

/// Instructions of a warp before another has its turn, where there are others.
const TURN: u32 = 1 << 14;

/// Runs a warp until it ends, waits at a barrier, or had its turn.
pub(super) fn run(core: &mut Core<'_>, warp: &mut Warp) -> Result<(), Box<Fault>> {
    let given = u32::try_from(core.budget).unwrap_or(TURN).clamp(1, TURN);
    let mut left = given;
    turn(core, warp, &mut left)?;
    core.budget = core.budget.saturating_sub(u64::from(given - left));
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

fn endless(core: &Core<'_>, warp: &Warp) -> Box<Fault> {
    let lane = warp.now.lanes.trailing_zeros().min(31);
    let message = format!("the block ran {} warp instructions and has not ended", core.grid.budget);
    core.wrong(warp, FaultKind::EndlessLoop, lane, message)
}

pub(super) fn enter(program: &Program, at: u32) {
    if let Some(flag) = program.entered.get(at as usize)
        && !flag.load(Ordering::Relaxed)
    {
        flag.store(true, Ordering::Relaxed);
    }
}
