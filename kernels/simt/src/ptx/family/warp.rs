//! What the lanes of a warp tell each other (PTX ISA 9.0, sections 9.7.9.6 and 9.7.13.9 to 9.7.13.14).

use super::super::instruction::{Checked, Inst};
use super::super::operand::{Operand, Value};
use super::super::{AtomicOp, Op, RegisterId, ShuffleMode, Type, VoteMode};

use Type::{B32, B64, Pred, S32, U32};

fn sync(inst: &mut Inst<'_, '_>) -> Checked<()> {
    if inst.has("sync") {
        return Ok(());
    }
    Err(format!("`{}` without `.sync` is gone since sm_70; name the lanes that take part", inst.name))
}

/// `d` or `d|p`.
fn with_predicate(inst: &mut Inst<'_, '_>, ty: Type) -> Checked<(RegisterId, Option<RegisterId>)> {
    match inst.peek() {
        Some(Operand::Pair(first, second)) => {
            inst.operand()?;
            let to = inst.written(*first, ty, false, true)?;
            let predicate = match second {
                Value::Sink => None,
                _ => Some(inst.written(*second, Pred, false, false)?),
            };
            Ok((to, predicate))
        }
        _ => Ok((inst.to(ty)?, None)),
    }
}

/// `shfl.sync`.
pub(super) fn shuffle(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    sync(inst)?;
    inst.ty(&[B32])?;
    let mode = inst.require(&[
        ("up", ShuffleMode::Up),
        ("down", ShuffleMode::Down),
        ("bfly", ShuffleMode::Butterfly),
        ("idx", ShuffleMode::Index),
    ])?;
    let (to, valid) = with_predicate(inst, B32)?;
    let (from, lane, clamp) = (inst.from(B32)?, inst.from(B32)?, inst.from(B32)?);
    Ok(Op::Shuffle { mode, to, valid, from, lane, clamp, mask: inst.from(B32)? })
}

/// `vote.sync`.
pub(super) fn vote(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    sync(inst)?;
    let mode = inst.require(&[
        ("all", VoteMode::All),
        ("any", VoteMode::Any),
        ("uni", VoteMode::Uniform),
        ("ballot", VoteMode::Ballot),
    ])?;
    let ty = inst.ty(&[if mode == VoteMode::Ballot { B32 } else { Pred }])?;
    let to = inst.to(ty)?;
    let (predicate, negated) = inst.predicate()?;
    Ok(Op::Vote { mode, to, predicate, negated, mask: inst.from(B32)? })
}

/// `match.sync`.
pub(super) fn matches(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    sync(inst)?;
    let all = inst.require(&[("any", false), ("all", true)])?;
    let ty = inst.ty(&[B32, B64])?;
    let (to, all) = if all {
        let (to, predicate) = with_predicate(inst, B32)?;
        (to, Some(predicate))
    } else {
        (inst.to(B32)?, None)
    };
    Ok(Op::Match { ty, all, to, from: inst.from(ty)?, mask: inst.from(B32)? })
}

/// `redux.sync`.
pub(super) fn redux(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    sync(inst)?;
    let op = inst.require(&[
        ("add", AtomicOp::Add),
        ("min", AtomicOp::Min),
        ("max", AtomicOp::Max),
        ("and", AtomicOp::And),
        ("or", AtomicOp::Or),
        ("xor", AtomicOp::Xor),
    ])?;
    let known: &[Type] =
        if matches!(op, AtomicOp::Add | AtomicOp::Min | AtomicOp::Max) { &[U32, S32] } else { &[B32] };
    let ty = inst.ty(known)?;
    Ok(Op::Redux { op, ty, to: inst.to(ty)?, from: inst.from(ty)?, mask: inst.from(B32)? })
}

/// `activemask`.
pub(super) fn active(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    inst.ty(&[B32])?;
    Ok(Op::ActiveMask { to: inst.to(B32)? })
}

/// `elect.sync`.
pub(super) fn elect(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    sync(inst)?;
    let Operand::Pair(lane, predicate) = inst.operand()? else {
        return Err("elect.sync gives `d|p`".to_owned());
    };
    let to = match lane {
        Value::Sink => None,
        _ => Some(inst.written(*lane, B32, false, false)?),
    };
    let predicate = inst.written(*predicate, Pred, false, false)?;
    Ok(Op::Elect { to, predicate, mask: inst.from(B32)? })
}
