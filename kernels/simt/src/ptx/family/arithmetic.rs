//! `add` to `neg`, of integers and of floats (PTX ISA 9.0, sections 9.7.1, 9.7.3, 9.7.4 and 9.7.5).

use super::super::instruction::{Checked, Inst};
use super::super::{Alu, Op, Rounding, Type};
use super::ROUNDINGS;

use Type::{BF16, BF16x2, F16, F16x2, F32, F64, S16, S32, S64, U16, U32, U64};

pub(super) const INTEGERS: [Type; 6] = [U16, S16, U32, S32, U64, S64];
/// Types of `add` and its like.
const NUMBERS: [Type; 12] = [U16, S16, U32, S32, U64, S64, F32, F64, F16, F16x2, BF16, BF16x2];
const SIGNED: [Type; 9] = [S16, S32, S64, F32, F64, F16, F16x2, BF16, BF16x2];

const fn is_integer(ty: Type) -> bool {
    matches!(ty, U16 | S16 | U32 | S32 | U64 | S64)
}

/// `.rn`, `.ftz` and `.sat` of a sum or product of floats.
pub(super) struct Rounded {
    pub(super) round: Option<Rounding>,
    pub(super) ftz: bool,
    pub(super) saturate: bool,
}

/// Takes what a float type allows; whatever is left over is refused later.
pub(super) fn rounded(inst: &mut Inst<'_, '_>, ty: Type) -> Rounded {
    let round = match ty {
        F32 | F64 => inst.choose(&ROUNDINGS),
        _ => inst.choose(&ROUNDINGS[..1]),
    };
    let ftz = matches!(ty, F32 | F16 | F16x2) && inst.has("ftz");
    let saturate = matches!(ty, F32 | F16 | F16x2) && inst.has("sat");
    Rounded { round, ftz, saturate }
}

/// `add` and `sub`.
pub(super) fn add_sub(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&NUMBERS)?;
    let add = inst.name == "add";
    let alu = if is_integer(ty) {
        if matches!(ty, U32 | S32 | U64 | S64) && inst.has("cc") {
            return carry(inst, ty, add, false);
        }
        let saturate = ty == S32 && inst.has("sat");
        if add { Alu::Add { ty, saturate } } else { Alu::Sub { ty, saturate } }
    } else {
        let Rounded { round, ftz, saturate } = rounded(inst, ty);
        let round = round.unwrap_or(Rounding::Nearest);
        if add { Alu::FAdd { ty, round, ftz, saturate } } else { Alu::FSub { ty, round, ftz, saturate } }
    };
    inst.uniform(alu, ty, 2)
}

/// `addc` and `subc`.
pub(super) fn add_sub_carry(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[U32, S32, U64, S64])?;
    let add = inst.name == "addc";
    carry(inst, ty, add, true)
}

/// The forms with the carry flag, which is a register of its own: `d, carry <- a, b{, carry}`.
fn carry(inst: &mut Inst<'_, '_>, ty: Type, add: bool, carry_in: bool) -> Checked<Op> {
    let flag = inst.around.names.hidden("CC.CF", Type::Pred)?;
    // Without `.cc` the flag stays as it was.
    let carry_out = !carry_in || inst.has("cc");
    let flag_out = if carry_out { flag } else { inst.sink(Type::Pred)? };
    let to = vec![inst.to(ty)?, flag_out];
    let mut from = vec![inst.from(ty)?, inst.from(ty)?];
    if carry_in {
        from.push(super::super::Source::Register(flag));
    }
    let alu = match (add, carry_in) {
        (true, false) => Alu::AddCarryOut { ty },
        (true, true) => Alu::AddCarryIn { ty },
        (false, false) => Alu::SubCarryOut { ty },
        (false, true) => Alu::SubCarryIn { ty },
    };
    Ok(Op::Alu { alu, to, from })
}

/// Which part of a product is kept.
#[derive(Clone, Copy)]
enum Part {
    Low,
    High,
    Wide,
}

const PARTS: [(&str, Part); 3] = [("lo", Part::Low), ("hi", Part::High), ("wide", Part::Wide)];

fn widened(ty: Type) -> Checked<Type> {
    match ty {
        U16 => Ok(U32),
        S16 => Ok(S32),
        U32 => Ok(U64),
        S32 => Ok(S64),
        _ => Err(format!("a .wide product is of 16 or 32 bits, not of {ty:?}")),
    }
}

/// `mul`.
pub(super) fn mul(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&NUMBERS)?;
    if !is_integer(ty) {
        let Rounded { round, ftz, saturate } = rounded(inst, ty);
        let round = round.unwrap_or(Rounding::Nearest);
        return inst.uniform(Alu::FMul { ty, round, ftz, saturate }, ty, 2);
    }
    match inst.require(&PARTS)? {
        Part::Low => inst.uniform(Alu::MulLo(ty), ty, 2),
        Part::High => inst.uniform(Alu::MulHi(ty), ty, 2),
        Part::Wide => {
            let to = vec![inst.to(widened(ty)?)?];
            Ok(Op::Alu { alu: Alu::MulWide(ty), to, from: vec![inst.from(ty)?, inst.from(ty)?] })
        }
    }
}

/// `mad`; of floats it is `fma`.
pub(super) fn mad(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[U16, S16, U32, S32, U64, S64, F32, F64])?;
    if !is_integer(ty) {
        let Rounded { round, ftz, saturate } = rounded(inst, ty);
        let round = round.ok_or("a rounding is missing: .rn .rz .rm .rp")?;
        return inst.uniform(Alu::Fma { ty, round, ftz, saturate, relu: false }, ty, 3);
    }
    match inst.require(&PARTS)? {
        Part::Low => inst.uniform(Alu::MadLo(ty), ty, 3),
        Part::High => inst.uniform(Alu::MadHi(ty), ty, 3),
        Part::Wide => {
            let wide = widened(ty)?;
            let to = vec![inst.to(wide)?];
            let from = vec![inst.from(ty)?, inst.from(ty)?, inst.from(wide)?];
            Ok(Op::Alu { alu: Alu::MadWide(ty), to, from })
        }
    }
}

/// `div`.
pub(super) fn div(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[U16, S16, U32, S32, U64, S64, F32, F64])?;
    if is_integer(ty) {
        return inst.uniform(Alu::Div(ty), ty, 2);
    }
    let ftz = ty == F32 && inst.has("ftz");
    if ty == F32
        && let Some(full) = inst.choose(&[("full", true), ("approx", false)])
    {
        return inst.uniform(Alu::DivApprox { full, ftz }, ty, 2);
    }
    let round = inst.require(&ROUNDINGS)?;
    inst.uniform(Alu::FDiv { ty, round, ftz }, ty, 2)
}

/// `rem`.
pub(super) fn rem(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&INTEGERS)?;
    inst.uniform(Alu::Rem(ty), ty, 2)
}

/// `abs` and `neg`.
pub(super) fn sign(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&SIGNED)?;
    let abs = inst.name == "abs";
    let ftz = matches!(ty, F32 | F16 | F16x2) && inst.has("ftz");
    let alu = match (abs, is_integer(ty)) {
        (true, true) => Alu::Abs(ty),
        (false, true) => Alu::Neg(ty),
        (true, false) => Alu::FAbs { ty, ftz },
        (false, false) => Alu::FNeg { ty, ftz },
    };
    inst.uniform(alu, ty, 1)
}

/// `min` and `max`.
pub(super) fn extreme(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&NUMBERS)?;
    let min = inst.name == "min";
    let alu = if is_integer(ty) {
        if min { Alu::Min(ty) } else { Alu::Max(ty) }
    } else {
        let ftz = matches!(ty, F32 | F16 | F16x2) && inst.has("ftz");
        let nan = ty != F64 && inst.has("NaN");
        let xorsign_abs = ty != F64 && inst.has("xorsign");
        if xorsign_abs && !inst.has("abs") {
            return Err("`.xorsign` is followed by `.abs`".to_owned());
        }
        if min { Alu::FMin { ty, ftz, nan, xorsign_abs } } else { Alu::FMax { ty, ftz, nan, xorsign_abs } }
    };
    inst.uniform(alu, ty, 2)
}
