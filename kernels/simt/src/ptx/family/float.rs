//! Of floats alone (PTX ISA 9.0, sections 9.7.3 and 9.7.4).

use super::super::instruction::{Checked, Inst};
use super::super::{Alu, Approx, FloatClass, Op, Rounding, Type};
use super::ROUNDINGS;
use super::arithmetic::{Rounded, rounded};

use Type::{BF16, BF16x2, F16, F16x2, F32, F64, Pred};

/// `fma`.
pub(super) fn fma(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[F32, F64, F16, F16x2, BF16, BF16x2])?;
    let Rounded { round, ftz, saturate } = rounded(inst, ty);
    let round: Rounding = round.ok_or("a rounding is missing: .rn, for .f32 and .f64 .rz .rm .rp besides")?;
    let relu = !matches!(ty, F32 | F64) && inst.has("relu");
    if relu && saturate {
        return Err("`.relu` and `.sat` exclude each other".to_owned());
    }
    inst.uniform(Alu::Fma { ty, round, ftz, saturate, relu }, ty, 3)
}

/// `rcp` and `sqrt`.
pub(super) fn root(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[F32, F64])?;
    let rcp = inst.name == "rcp";
    let approx = inst.has("approx");
    let ftz = (ty == F32 || (approx && rcp)) && inst.has("ftz");
    if approx {
        if ty == F64 && !(rcp && ftz) {
            return Err("of .f64 only rcp.approx.ftz.f64 is there".to_owned());
        }
        let function = if rcp { Approx::Rcp } else { Approx::Sqrt };
        return inst.uniform(Alu::Approx { function, ty, ftz }, ty, 1);
    }
    let round = inst.require(&ROUNDINGS)?;
    let alu = if rcp { Alu::Rcp { ty, round, ftz } } else { Alu::Sqrt { ty, round, ftz } };
    inst.uniform(alu, ty, 1)
}

/// `rsqrt`, `sin`, `cos`, `lg2`, `ex2`, `tanh`: `.approx` all.
pub(super) fn approx(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    if !inst.has("approx") {
        return Err("`.approx` is missing".to_owned());
    }
    let (function, known): (_, &[Type]) = match inst.name {
        "rsqrt" => (Approx::Rsqrt, &[F32, F64]),
        "sin" => (Approx::Sin, &[F32]),
        "cos" => (Approx::Cos, &[F32]),
        "lg2" => (Approx::Lg2, &[F32]),
        "ex2" => (Approx::Ex2, &[F32, F16, F16x2, BF16, BF16x2]),
        _ => (Approx::Tanh, &[F32, F16, F16x2, BF16, BF16x2]),
    };
    let ty = inst.ty(known)?;
    let ftz = function != Approx::Tanh && !matches!(ty, F16 | F16x2) && inst.has("ftz");
    if matches!(ty, BF16 | BF16x2) && function == Approx::Ex2 && !ftz {
        return Err("of bfloat16 `ex2` has `.ftz`".to_owned());
    }
    inst.uniform(Alu::Approx { function, ty, ftz }, ty, 1)
}

/// `copysign`.
pub(super) fn copysign(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[F32, F64])?;
    inst.uniform(Alu::Copysign(ty), ty, 2)
}

/// `testp`.
pub(super) fn testp(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[F32, F64])?;
    let class = inst.require(&[
        ("finite", FloatClass::Finite),
        ("infinite", FloatClass::Infinite),
        ("number", FloatClass::Number),
        ("notanumber", FloatClass::NotANumber),
        ("normal", FloatClass::Normal),
        ("subnormal", FloatClass::Subnormal),
    ])?;
    Ok(Op::Alu { alu: Alu::Testp { ty, class }, to: vec![inst.to(Pred)?], from: vec![inst.from(ty)?] })
}
