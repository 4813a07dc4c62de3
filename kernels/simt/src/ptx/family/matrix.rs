//! `mma` and what moves its operands (PTX ISA 9.0, section 9.7.14.5).

use super::super::instruction::{Checked, Inst};
use super::super::types_text::type_of;
use super::super::{Alu, Mma, Op, Space, Type};

use Type::{B32, BF16, E4M3, E5M2, F16, F16x2, F32, F64, S8, S32, TF32, U8};

fn sync_aligned(inst: &mut Inst<'_, '_>) -> Checked<()> {
    if inst.has("sync") && inst.has("aligned") {
        Ok(())
    } else {
        Err("`.sync.aligned` is missing".to_owned())
    }
}

/// Whether a product is known: shape, then `d`, `a`, `b`.
const fn known(shape: (u8, u8, u8), d: Type, a: Type, b: Type) -> bool {
    match (shape, d, a, b) {
        ((16, 8, 8 | 16), F16 | F32, F16, F16) => true,
        ((16, 8, 8 | 16), F32, BF16, BF16) => true,
        ((16, 8, 4 | 8), F32, TF32, TF32) => true,
        ((16, 8, 32), F32, E4M3 | E5M2, E4M3 | E5M2) => true,
        ((16, 8, 16 | 32), S32, S8 | U8, S8 | U8) => true,
        ((8, 8, 4), F64, F64, F64) => true,
        _ => false,
    }
}

/// `mma.sync.aligned.m16n8k16.row.col{.satfinite}.f32.bf16.bf16.f32`.
pub(super) fn mma(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    sync_aligned(inst)?;
    let (m, n, k) = inst.require(&[
        ("m16n8k4", (16, 8, 4)),
        ("m16n8k8", (16, 8, 8)),
        ("m16n8k16", (16, 8, 16)),
        ("m16n8k32", (16, 8, 32)),
        ("m8n8k4", (8, 8, 4)),
    ])?;
    let saturate = inst.has("satfinite");
    if inst.in_order() != Some("row") || inst.in_order() != Some("col") {
        return Err("`.row.col` is missing after the shape".to_owned());
    }
    let mut ty = || inst.in_order().and_then(type_of).ok_or("four types follow `.row.col`");
    let (d, a, b, c) = (ty()?, ty()?, ty()?, ty()?);
    if c != d || !known((m, n, k), d, a, b) || (saturate && d != S32) {
        return Err(format!(
            "there is no product m{m}n{n}k{k} of {a:?} and {b:?}, with {c:?} added, to {d:?}"
        ));
    }
    let mma = Mma { m, n, k, d, a, b, saturate };
    let (sums, lefts, rights) = mma.registers();
    let sum = if d == F16 { F16x2 } else { d };
    let factor = if a == F64 { F64 } else { B32 };
    let to = inst.to_vector(sum, sums, false)?;
    let mut from = inst.from_vector(factor, lefts, false)?;
    from.extend(inst.from_vector(factor, rights, false)?);
    from.extend(inst.from_vector(sum, sums, false)?);
    Ok(Op::Alu { alu: Alu::Mma(mma), to, from })
}

const COUNTS: [(&str, usize); 3] = [("x1", 1), ("x2", 2), ("x4", 4)];

/// What `ldmatrix` and `stmatrix` share: the number of matrices, and whether they are transposed.
fn matrices(inst: &mut Inst<'_, '_>) -> Checked<(usize, bool)> {
    sync_aligned(inst)?;
    inst.require(&[("m8n8", ())])?;
    let count = inst.require(&COUNTS)?;
    let transposed = inst.has("trans");
    // The address without a space would be a generic one; nobody writes that.
    inst.require(&[("shared", ()), ("shared::cta", ())])?;
    inst.ty(&[Type::B16])?;
    Ok((count, transposed))
}

/// `ldmatrix`.
pub(super) fn load(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let (count, transposed) = matrices(inst)?;
    let to = inst.to_vector(B32, count, false)?;
    Ok(Op::LoadMatrix { transposed, to, address: inst.address(Space::Shared)? })
}

/// `stmatrix`.
pub(super) fn store(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let (count, transposed) = matrices(inst)?;
    let address = inst.address(Space::Shared)?;
    Ok(Op::StoreMatrix { transposed, address, from: inst.from_vector(B32, count, false)? })
}

/// `movmatrix`.
pub(super) fn transpose(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    sync_aligned(inst)?;
    inst.require(&[("m8n8", ())])?;
    inst.require(&[("trans", ())])?;
    inst.ty(&[Type::B16])?;
    Ok(Op::MoveMatrix { to: inst.to(B32)?, from: inst.from(B32)? })
}
