//! What passes between the lanes of a warp: warp barriers, shuffles, votes, matches, reductions.

use super::core::Core;
use super::program::{Code, Value};
use super::reach::Outcome;
use super::run::each;
use super::warp::Warp;
use crate::fault::{Fault, FaultKind};
use crate::memory::Violation;
use crate::ptx::{AtomicOp, ShuffleMode, Type, VoteMode};
use crate::registers::Registers;

/// The mask that an instruction names.
const fn mask_of(code: &Code) -> Option<Value> {
    match code {
        Code::WarpSync { mask }
        | Code::Shuffle { mask, .. }
        | Code::Vote { mask, .. }
        | Code::Match { mask, .. }
        | Code::Redux { mask, .. }
        | Code::Elect { mask, .. } => Some(*mask),
        _ => None,
    }
}

/// Whether all lanes that the masks name are here. If lanes are named that have ended, or a lane that is here is not
/// named in its own mask, that is a fault.
pub(super) fn together(core: &Core<'_>, warp: &Warp, code: &Code, lanes: u32) -> Result<bool, Box<Fault>> {
    let Some(mask) = mask_of(code) else { return Ok(true) };
    if !core.grid.checks.masks {
        return Ok(true);
    }
    let first = warp.registers.value(mask, lanes.trailing_zeros());
    // Nearly always: every lane that is here names exactly those that are.
    let same = |lane| warp.registers.value(mask, lane) == lanes;
    if first == lanes && (matches!(mask, Value::Number(_)) || each(lanes).all(same)) {
        return Ok(true);
    }
    let mut all_here = true;
    for lane in each(lanes) {
        let named = warp.registers.value(mask, lane);
        if named >> lane & 1 == 0 {
            let message = format!("lane {lane} runs this with mask {named:#010x}, which does not name it");
            return Err(core.wrong(warp, FaultKind::Mask, lane, message));
        }
        let ended = named & !warp.live;
        if ended != 0 {
            let absent = ended.trailing_zeros();
            let what =
                if warp.existing >> absent & 1 == 1 { "has ended" } else { "does not exist in this block" };
            let message = format!("mask {named:#010x} names lane {absent}, which {what}");
            return Err(core.wrong(warp, FaultKind::Mask, lane, message));
        }
        all_here &= named & !lanes == 0;
    }
    if all_here {
        // Lanes that name each other must agree on the mask.
        for lane in each(lanes) {
            let named = warp.registers.value(mask, lane);
            if let Some(other) = each(named).find(|&other| warp.registers.value(mask, other) != named) {
                let theirs = warp.registers.value(mask, other);
                let message =
                    format!("lane {lane} has mask {named:#010x}, and lane {other} of it has {theirs:#010x}");
                return Err(core.wrong(warp, FaultKind::Mask, lane, message));
            }
        }
    }
    Ok(all_here)
}

/// Runs an instruction whose lanes are all here.
pub(super) fn run(core: &mut Core<'_>, warp: &mut Warp, code: &Code, lanes: u32) -> Outcome {
    match code {
        Code::WarpSync { mask } => {
            let mut left = lanes;
            while left != 0 {
                let named = warp.registers.value(*mask, left.trailing_zeros()) & lanes;
                core.history.warp_sync(warp.number, named);
                left &= !named;
                if named == 0 {
                    break;
                }
            }
            Ok(())
        }
        Code::Shuffle { .. } => shuffle(core, warp, code, lanes),
        Code::Vote { mode, to, predicate, negated, mask } => {
            let bits = warp.registers.predicate(*predicate);
            let bits = if *negated { !bits } else { bits };
            let answers = |registers: &Registers, lane: u32| {
                let named = registers.value(*mask, lane) & lanes;
                let votes = bits & named;
                match mode {
                    VoteMode::All => u32::from(votes == named),
                    VoteMode::Any => u32::from(votes != 0),
                    VoteMode::Uniform => u32::from(votes == named || votes == 0),
                    VoteMode::Ballot => votes,
                }
            };
            if *mode == VoteMode::Ballot {
                let all: Vec<u32> = (0..32).map(|lane| answers(&warp.registers, lane)).collect();
                warp.registers.set_narrow(*to, lanes, |lane| all[lane as usize]);
            } else {
                let bits = each(lanes).fold(0, |bits, lane| bits | answers(&warp.registers, lane) << lane);
                warp.registers.set_predicate(*to, lanes, bits);
            }
            Ok(())
        }
        Code::Match { wide, all, agrees, to, from, mask } => {
            let value = |registers: &Registers, lane| {
                if *wide { registers.wide(*from, lane) } else { u64::from(registers.narrow(*from, lane)) }
            };
            let mut answers = [0u32; 32];
            let mut agreeing = 0;
            for lane in each(lanes) {
                let named = warp.registers.value(*mask, lane) & lanes;
                let own = value(&warp.registers, lane);
                let same = each(named).filter(|&other| value(&warp.registers, other) == own);
                let same = same.fold(0, |bits, other| bits | 1 << other);
                let answer = if *all && same != named { 0 } else { same };
                agreeing |= u32::from(answer != 0) << lane;
                answers[lane as usize] = answer;
            }
            warp.registers.set_narrow(*to, lanes, |lane| answers[lane as usize]);
            if let Some(agrees) = agrees {
                warp.registers.set_predicate(*agrees, lanes, agreeing);
            }
            Ok(())
        }
        Code::Redux { op, ty, to, from, mask } => {
            let mut answers = [0u32; 32];
            for lane in each(lanes) {
                let named = warp.registers.value(*mask, lane) & lanes;
                let values = each(named).map(|other| warp.registers.narrow(*from, other));
                answers[lane as usize] = values.reduce(|a, b| reduced(*op, *ty, a, b)).unwrap_or(0);
            }
            warp.registers.set_narrow(*to, lanes, |lane| answers[lane as usize]);
            Ok(())
        }
        Code::Elect { to, predicate, mask } => {
            let leader =
                |registers: &Registers, lane| (registers.value(*mask, lane) & lanes).trailing_zeros();
            let bits = each(lanes).filter(|&lane| leader(&warp.registers, lane) == lane);
            let bits = bits.fold(0, |bits, lane| bits | 1 << lane);
            if let Some(to) = to {
                let leaders: Vec<u32> = (0..32).map(|lane| leader(&warp.registers, lane)).collect();
                warp.registers.set_narrow(*to, lanes, |lane| leaders[lane as usize]);
            }
            warp.registers.set_predicate(*predicate, lanes, bits);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `redux.sync` of two values.
fn reduced(op: AtomicOp, ty: Type, a: u32, b: u32) -> u32 {
    match (op, ty) {
        (AtomicOp::Add, _) => a.wrapping_add(b),
        (AtomicOp::Min, Type::S32) => (a as i32).min(b as i32) as u32,
        (AtomicOp::Max, Type::S32) => (a as i32).max(b as i32) as u32,
        (AtomicOp::Min, _) => a.min(b),
        (AtomicOp::Max, _) => a.max(b),
        (AtomicOp::Or, _) => a | b,
        (AtomicOp::Xor, _) => a ^ b,
        _ => a & b,
    }
}

/// `shfl.sync` (PTX ISA 9.0, section 9.7.9.6).
fn shuffle(core: &Core<'_>, warp: &mut Warp, code: &Code, lanes: u32) -> Outcome {
    let Code::Shuffle { mode, to, valid, from, lane: by, clamp, mask } = code else { return Ok(()) };
    let mut sources = [0u32; 32];
    if let Some(register) = warp.registers.lanes.get(*from as usize) {
        sources = register.0;
    }
    let mut answers = [0u32; 32];
    let mut inside = 0;
    for lane in each(lanes) {
        let by = warp.registers.value(*by, lane) & 31;
        let clamp = warp.registers.value(*clamp, lane);
        let (bound, segment) = (clamp & 31, clamp >> 8 & 31);
        let lowest = lane & segment;
        let highest = lowest | bound & !segment;
        let (source, fits) = match mode {
            ShuffleMode::Up => (lane.wrapping_sub(by), lane as i32 - by as i32 >= highest as i32),
            ShuffleMode::Down => (lane + by, lane + by <= highest),
            ShuffleMode::Butterfly => (lane ^ by, lane ^ by <= highest),
            ShuffleMode::Index => {
                let source = lowest | by & !segment;
                (source, source <= highest)
            }
        };
        let source = if fits { source & 31 } else { lane };
        inside |= u32::from(fits) << lane;
        let named = warp.registers.value(*mask, lane) & lanes;
        if core.grid.checks.masks && named >> source & 1 == 0 {
            return Err(Box::new(Violation {
                kind: FaultKind::InactiveLane,
                lane,
                message: format!(
                    "lane {lane} takes the value of lane {source}, which takes no part: mask {named:#010x}"
                ),
                target: None,
                other: None,
            }));
        }
        answers[lane as usize] = sources[source as usize];
    }
    warp.registers.set_narrow(*to, lanes, |lane| answers[lane as usize]);
    if let Some(valid) = valid {
        warp.registers.set_predicate(*valid, lanes, inside);
    }
    Ok(())
}
