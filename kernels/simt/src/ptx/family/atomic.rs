//! `atom` and `red` (PTX ISA 9.0, sections 9.7.13.5 and 9.7.13.7).

use super::super::instruction::{Checked, Inst};
use super::super::{AtomicOp, Op, Order, Scope, Space, Type};

use Type::{B16, B32, B64, BF16, BF16x2, F16, F16x2, F32, F64, S32, S64, U32, U64};

/// The types that each operation has.
const fn types(op: AtomicOp) -> &'static [Type] {
    match op {
        AtomicOp::Add => &[U32, S32, U64, F32, F64, F16, F16x2, BF16, BF16x2],
        AtomicOp::Min | AtomicOp::Max => &[U32, S32, U64, S64, F16, F16x2, BF16, BF16x2],
        AtomicOp::And | AtomicOp::Or | AtomicOp::Xor => &[B32, B64],
        AtomicOp::Exch => &[B32, B64],
        AtomicOp::Cas => &[B16, B32, B64],
        AtomicOp::Inc | AtomicOp::Dec => &[U32],
    }
}

/// `atom`, and `red`, which gives no old value.
pub(super) fn atomic(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let returns = inst.name == "atom";
    let order = inst.choose(&[
        ("relaxed", Order::Relaxed),
        ("acquire", Order::Acquire),
        ("release", Order::Release),
        ("acq_rel", Order::AcquireRelease),
    ]);
    let order = order.unwrap_or(Order::Relaxed);
    if !returns && matches!(order, Order::Acquire | Order::AcquireRelease) {
        return Err("`red` is .relaxed or .release: it reads nothing".to_owned());
    }
    let scope = inst.choose(&[("cta", Scope::Block), ("gpu", Scope::Device), ("sys", Scope::System)]);
    let scope = scope.unwrap_or(Scope::Device);
    let space =
        inst.choose(&[("global", Space::Global), ("shared", Space::Shared), ("shared::cta", Space::Shared)]);
    let space = space.unwrap_or(Space::Generic);
    let op = inst.require(&[
        ("add", AtomicOp::Add),
        ("min", AtomicOp::Min),
        ("max", AtomicOp::Max),
        ("and", AtomicOp::And),
        ("or", AtomicOp::Or),
        ("xor", AtomicOp::Xor),
        ("inc", AtomicOp::Inc),
        ("dec", AtomicOp::Dec),
        ("exch", AtomicOp::Exch),
        ("cas", AtomicOp::Cas),
    ])?;
    if !returns && matches!(op, AtomicOp::Exch | AtomicOp::Cas) {
        return Err("`red` has no .exch and no .cas".to_owned());
    }
    let ty = inst.ty(types(op))?;
    let vector = inst.choose(&[("v2", 2_u8), ("v4", 4), ("v8", 8)]).unwrap_or(1);
    allowed(op, ty, vector, space)?;
    let halves = matches!(ty, F16 | F16x2 | BF16 | BF16x2);
    if halves && !inst.has("noftz") {
        return Err("of 16-bit floats `.noftz` is missing".to_owned());
    }
    let policy = inst.has("L2::cache_hint");
    let count = usize::from(vector);
    let to = match (
        returns,
        matches!(
            inst.peek(),
            Some(super::super::operand::Operand::Value(super::super::operand::Value::Sink))
        ),
    ) {
        (false, _) => Vec::new(),
        (true, true) => {
            inst.operand()?;
            (0..count).map(|_| inst.sink(ty)).collect::<Checked<_>>()?
        }
        (true, false) => inst.to_vector(ty, count, false)?,
    };
    let address = inst.address(space)?;
    let mut from = inst.from_vector(ty, count, false)?;
    if op == AtomicOp::Cas {
        from.push(inst.from(ty)?);
    }
    if policy {
        inst.from(B64)?;
    }
    Ok(Op::Atomic { space, order, scope, op, ty, vector, to, address, from })
}

/// Vectors are of sm_90, in global memory, up to 16 bytes; single halves have sums alone.
fn allowed(op: AtomicOp, ty: Type, vector: u8, space: Space) -> Checked<()> {
    let (sum, extreme) = (op == AtomicOp::Add, matches!(op, AtomicOp::Min | AtomicOp::Max));
    let halves = matches!(ty, F16 | F16x2 | BF16 | BF16x2);
    if vector == 1 {
        if extreme && halves {
            return Err(format!("{op:?} of {ty:?} is there for vectors alone"));
        }
        return Ok(());
    }
    let fits = u32::from(vector) * ty.bytes() <= 16 && (ty == F32 || halves) && (sum || (extreme && halves));
    if !fits || space == Space::Shared {
        return Err(format!("{op:?} of {vector} x {ty:?} in {space:?} memory is not there"));
    }
    Ok(())
}
