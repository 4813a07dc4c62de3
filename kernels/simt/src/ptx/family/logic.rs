//! Of bits (PTX ISA 9.0, sections 9.7.8 and 9.7.9.7).

use super::super::instruction::{Checked, Inst};
use super::super::{Alu, Op, Prmt, Source, Type};

use Type::{B16, B32, B64, Pred, S16, S32, S64, U16, U32, U64};

/// `and`, `or`, `xor`, `not`, `cnot`.
pub(super) fn bits(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = match inst.name {
        "cnot" => inst.ty(&[B16, B32, B64])?,
        _ => inst.ty(&[B16, B32, B64, Pred])?,
    };
    match inst.name {
        "and" => inst.uniform(Alu::And(ty), ty, 2),
        "or" => inst.uniform(Alu::Or(ty), ty, 2),
        "xor" => inst.uniform(Alu::Xor(ty), ty, 2),
        "not" => inst.uniform(Alu::Not(ty), ty, 1),
        _ => inst.uniform(Alu::Cnot(ty), ty, 1),
    }
}

/// `shl` and `shr`: the amount has 32 bits.
pub(super) fn shift(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let left = inst.name == "shl";
    let ty = if left {
        inst.ty(&[B16, B32, B64])?
    } else {
        inst.ty(&[B16, B32, B64, U16, U32, U64, S16, S32, S64])?
    };
    let alu = if left { Alu::Shl(ty) } else { Alu::Shr(ty) };
    let to = vec![inst.to(ty)?];
    Ok(Op::Alu { alu, to, from: vec![inst.from(ty)?, inst.from(U32)?] })
}

/// `shf`.
pub(super) fn funnel(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    inst.ty(&[B32])?;
    let left = inst.require(&[("l", true), ("r", false)])?;
    let wrap = inst.require(&[("wrap", true), ("clamp", false)])?;
    let to = vec![inst.to(B32)?];
    let from = vec![inst.from(B32)?, inst.from(B32)?, inst.from(U32)?];
    Ok(Op::Alu { alu: Alu::Shf { left, wrap }, to, from })
}

/// `lop3`: the table is a number.
pub(super) fn lop3(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    inst.ty(&[B32])?;
    let to = vec![inst.to(B32)?];
    let from = vec![inst.from(B32)?, inst.from(B32)?, inst.from(B32)?];
    let Source::Bits(table) = inst.from(B32)? else {
        return Err("the table of lop3 is a number".to_owned());
    };
    let table = u8::try_from(table).map_err(|_| format!("the table of lop3 is a byte, not {table}"))?;
    Ok(Op::Alu { alu: Alu::Lop3 { table }, to, from })
}

/// `prmt`.
pub(super) fn prmt(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    inst.ty(&[B32])?;
    let mode = inst.choose(&[
        ("f4e", Prmt::Forward4Extract),
        ("b4e", Prmt::Backward4Extract),
        ("rc8", Prmt::Replicate8),
        ("ecl", Prmt::EdgeClampLeft),
        ("ecr", Prmt::EdgeClampRight),
        ("rc16", Prmt::Replicate16),
    ]);
    inst.uniform(Alu::Prmt(mode.unwrap_or(Prmt::Index)), B32, 3)
}
