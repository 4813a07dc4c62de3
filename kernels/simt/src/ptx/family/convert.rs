//! `cvt` (PTX ISA 9.0, section 9.7.9.21).

use super::super::instruction::{Checked, Inst};
use super::super::{Alu, Op, RegisterId, Rounding, Source, Type};
use super::ROUNDINGS;

use Type::{BF16, BF16x2, E4M3x2, E5M2x2, F16, F16x2, F32, F64, S8, S16, S32, S64, TF32, U8, U16, U32, U64};

const PLAIN: [Type; 12] = [U8, S8, U16, S16, U32, S32, U64, S64, F16, BF16, F32, F64];
const KNOWN: [Type; 17] =
    [U8, S8, U16, S16, U32, S32, U64, S64, F16, BF16, F32, F64, F16x2, BF16x2, E4M3x2, E5M2x2, TF32];
const TO_INTEGER: [(&str, Rounding); 4] = [
    ("rni", Rounding::IntegerNearest),
    ("rzi", Rounding::IntegerZero),
    ("rmi", Rounding::IntegerDown),
    ("rpi", Rounding::IntegerUp),
];
const NEAREST_OR_ZERO: [(&str, Rounding); 2] = [("rn", Rounding::Nearest), ("rz", Rounding::Zero)];

const fn is_float(ty: Type) -> bool {
    matches!(ty, F16 | BF16 | F32 | F64)
}

/// `cvt`.
pub(super) fn cvt(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let from = inst.ty(&KNOWN)?;
    let to = inst.ty(&KNOWN)?;
    if PLAIN.contains(&to) && PLAIN.contains(&from) { plain(inst, to, from) } else { packed(inst, to, from) }
}

/// From one number to another.
fn plain(inst: &mut Inst<'_, '_>, to: Type, from: Type) -> Checked<Op> {
    let round = match (is_float(to), is_float(from)) {
        (false, false) => None,
        (false, true) => Some(inst.require(&TO_INTEGER)?),
        (true, false) => Some(inst.require(&ROUNDINGS)?),
        (true, true) if to == from => inst.choose(&TO_INTEGER),
        // Every value of these is one of those.
        (true, true) if widens(to, from) => None,
        (true, true) if to == BF16 => Some(inst.require(&NEAREST_OR_ZERO)?),
        (true, true) => Some(inst.require(&ROUNDINGS)?),
    };
    let ftz = (from == F32 || to == F32) && inst.has("ftz");
    let relu = from == F32 && matches!(to, F16 | BF16) && inst.has("relu");
    let saturate = to != BF16 && !relu && inst.has("sat");
    if relu && !matches!(round, Some(Rounding::Nearest | Rounding::Zero)) {
        return Err("`.relu` goes with .rn and .rz".to_owned());
    }
    let alu = Alu::Cvt { to, from, round, ftz, saturate, relu };
    let register = inst.to_wider(to)?;
    let source = inst.from_wider(from)?;
    let source = narrow(inst, from, source)?;
    let register = widen(inst, to, register)?;
    Ok(Op::Alu { alu, to: vec![register], from: vec![source] })
}

const fn widens(to: Type, from: Type) -> bool {
    matches!((to, from), (F32, F16 | BF16) | (F64, F16 | BF16 | F32))
}

/// A source in a register of 64 bits that has fewer: its low half is taken first.
fn narrow(inst: &mut Inst<'_, '_>, from: Type, source: Source) -> Checked<Source> {
    let Source::Register(register) = source else { return Ok(source) };
    if from.bytes() == 8 || inst.around.names.register_type(register).bytes() != 8 {
        return Ok(source);
    }
    let low = inst.around.names.hidden("cvt.from", Type::B32)?;
    inst.before = Some(exact(U32, U64, low, register));
    Ok(Source::Register(low))
}

/// A result in a register that is wider is extended, with its sign where it has one (section 9.4.1).
fn widen(inst: &mut Inst<'_, '_>, to: Type, register: RegisterId) -> Checked<RegisterId> {
    let wide = inst.around.names.register_type(register).bytes();
    if wide == to.bytes() || !(to.is_signed() || wide == 8) {
        return Ok(register);
    }
    let (target, from) = match (to.is_signed(), wide) {
        (true, 2) => (S16, to),
        (true, 4) => (S32, to),
        (true, _) => (S64, to),
        // Narrow results lie zero-extended in 32 bits already.
        (false, _) => (U64, U32),
    };
    let low = inst.around.names.hidden("cvt.to", Type::B32)?;
    inst.after = Some(exact(target, from, register, low));
    Ok(low)
}

fn exact(to: Type, from: Type, register: RegisterId, source: RegisterId) -> Op {
    let alu = Alu::Cvt { to, from, round: None, ftz: false, saturate: false, relu: false };
    Op::Alu { alu, to: vec![register], from: vec![Source::Register(source)] }
}

/// From and to two numbers at once, and to TF32.
fn packed(inst: &mut Inst<'_, '_>, to: Type, from: Type) -> Checked<Op> {
    let not = || format!("there is no conversion from {from:?} to {to:?}");
    let (round, saturate, sources) = match (to, from) {
        (F16x2 | BF16x2, F32) => (inst.require(&NEAREST_OR_ZERO)?, false, 2),
        (E4M3x2 | E5M2x2, F32 | F16x2) => {
            let round = inst.require(&ROUNDINGS[..1])?;
            if !inst.has("satfinite") {
                return Err("`.satfinite` is missing".to_owned());
            }
            (round, true, if from == F32 { 2 } else { 1 })
        }
        (F16x2, E4M3x2 | E5M2x2) => (inst.require(&ROUNDINGS[..1])?, false, 1),
        (TF32, F32) => {
            let known = [("rna", Rounding::Away), ("rn", Rounding::Nearest), ("rz", Rounding::Zero)];
            (inst.require(&known)?, false, 1)
        }
        _ => return Err(not()),
    };
    let relu = round != Rounding::Away && inst.has("relu");
    let round = Some(round);
    let alu = Alu::Cvt { to, from, round, ftz: false, saturate, relu };
    let register = vec![inst.to(to)?];
    let from = (0..sources).map(|_| inst.from(from)).collect::<Checked<_>>()?;
    Ok(Op::Alu { alu, to: register, from })
}
