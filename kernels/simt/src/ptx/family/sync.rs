//! Barriers and fences (PTX ISA 9.0, sections 9.7.13.1 to 9.7.13.4).

use super::super::instruction::{Checked, Inst};
use super::super::{BarrierReduction, Op, Order, Scope, Type};

use Type::{Pred, U32};

/// What a barrier does.
#[derive(Clone, Copy)]
enum Action {
    Warp,
    Sync,
    Arrive,
    Reduce,
}

/// `bar` and `barrier`.
pub(super) fn barrier(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    // `bar` is `barrier.aligned`.
    let aligned = inst.name == "bar" || inst.has("aligned");
    inst.has("cta");
    let actions =
        [("sync", Action::Sync), ("arrive", Action::Arrive), ("red", Action::Reduce), ("warp", Action::Warp)];
    match inst.require(&actions)? {
        Action::Warp if inst.name == "bar" && inst.has("sync") => Ok(Op::WarpSync { mask: inst.from(U32)? }),
        Action::Warp => Err("`.warp` is there as `bar.warp.sync`".to_owned()),
        Action::Sync => {
            let barrier = inst.from(U32)?;
            let threads = if inst.left() > 0 { Some(inst.from(U32)?) } else { None };
            Ok(Op::BarrierSync { aligned, barrier, threads })
        }
        Action::Arrive => {
            Ok(Op::BarrierArrive { aligned, barrier: inst.from(U32)?, threads: inst.from(U32)? })
        }
        Action::Reduce => reduce(inst, aligned),
    }
}

fn reduce(inst: &mut Inst<'_, '_>, aligned: bool) -> Checked<Op> {
    let op = inst.require(&[
        ("popc", BarrierReduction::Popc),
        ("and", BarrierReduction::And),
        ("or", BarrierReduction::Or),
    ])?;
    let ty = if op == BarrierReduction::Popc { U32 } else { Pred };
    inst.ty(&[ty])?;
    let to = inst.to(ty)?;
    let barrier = inst.from(U32)?;
    let threads = if inst.left() > 1 { Some(inst.from(U32)?) } else { None };
    let (predicate, negated) = inst.predicate()?;
    Ok(Op::BarrierReduce { aligned, op, to, barrier, threads, predicate, negated })
}

/// `membar`: a sequentially consistent fence, by its older name.
pub(super) fn membar(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let scope = inst.require(&[("cta", Scope::Block), ("gl", Scope::Device), ("sys", Scope::System)])?;
    Ok(Op::Fence { order: Order::SequentiallyConsistent, scope })
}

/// `fence`.
pub(super) fn fence(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let order = inst.choose(&[("sc", Order::SequentiallyConsistent), ("acq_rel", Order::AcquireRelease)]);
    let scope = inst.require(&[("cta", Scope::Block), ("gpu", Scope::Device), ("sys", Scope::System)])?;
    Ok(Op::Fence { order: order.unwrap_or(Order::AcquireRelease), scope })
}
