//! Of integers alone (PTX ISA 9.0, sections 9.7.1 and 9.7.2).

use super::super::instruction::{Checked, Inst};
use super::super::{Alu, Op, Type};
use super::arithmetic::INTEGERS;

use Type::{B32, B64, S32, S64, U32, U64};

/// `sad`.
pub(super) fn sad(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&INTEGERS)?;
    inst.uniform(Alu::Sad(ty), ty, 3)
}

/// `popc` and `clz`: the result has 32 bits.
pub(super) fn count(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[B32, B64])?;
    let alu = if inst.name == "popc" { Alu::Popc(ty) } else { Alu::Clz(ty) };
    Ok(Op::Alu { alu, to: vec![inst.to(U32)?], from: vec![inst.from(ty)?] })
}

/// `bfind`.
pub(super) fn bfind(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[U32, S32, U64, S64])?;
    let alu = Alu::Bfind { ty, shift_amount: inst.has("shiftamt") };
    Ok(Op::Alu { alu, to: vec![inst.to(U32)?], from: vec![inst.from(ty)?] })
}

/// `brev`.
pub(super) fn brev(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[B32, B64])?;
    inst.uniform(Alu::Brev(ty), ty, 1)
}

/// `bfe`.
pub(super) fn bfe(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[U32, S32, U64, S64])?;
    let to = vec![inst.to(ty)?];
    Ok(Op::Alu { alu: Alu::Bfe(ty), to, from: vec![inst.from(ty)?, inst.from(U32)?, inst.from(U32)?] })
}

/// `bfi`.
pub(super) fn bfi(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[B32, B64])?;
    let to = vec![inst.to(ty)?];
    let from = vec![inst.from(ty)?, inst.from(ty)?, inst.from(U32)?, inst.from(U32)?];
    Ok(Op::Alu { alu: Alu::Bfi(ty), to, from })
}

/// `dp4a` and `dp2a`.
pub(super) fn dot(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let b_signed = inst.ty(&[U32, S32])? == S32;
    let a_signed = inst.ty(&[U32, S32])? == S32;
    let alu = if inst.name == "dp4a" {
        Alu::Dp4a { a_signed, b_signed }
    } else {
        let high = inst.require(&[("lo", false), ("hi", true)])?;
        Alu::Dp2a { a_signed, b_signed, high }
    };
    // The sum is signed where either factor is.
    let sum = if a_signed || b_signed { S32 } else { U32 };
    let to = vec![inst.to(sum)?];
    Ok(Op::Alu { alu, to, from: vec![inst.from(B32)?, inst.from(B32)?, inst.from(sum)?] })
}
