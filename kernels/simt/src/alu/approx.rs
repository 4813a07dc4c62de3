//! Functions that hardware computes to a few units in the last place (PTX ISA 9.0, section 9.7.3).
//!
//! Here they are computed in `f64` and rounded once: as good as the nearest `f32`, so hardware is off from this by
//! about as much as the ISA allows it to be off from the truth. Special values are those of the tables of the ISA. The
//! standard library may call that of the system for `f64`; any good one is right to far more bits than an `f32` has,
//! so results agree between machines.

use super::float::{canonical, flush, settle64};
use super::half::{Bf16, F16, Half, Pair};
use super::kernel::{flags, map, types};
use super::{AluFn, Level};
use crate::ptx::{Alu, Approx, Type};

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    match *alu {
        Alu::DivApprox { full, ftz } => flags!(FULL = full; flags!(FTZ = ftz;
            map!(level, |a: f32, b: f32| -> f32 { divide::<FULL, FTZ>(a, b) }))),
        Alu::Approx { function, ty: Type::F32, ftz } => flags!(FTZ = ftz; match function {
            Approx::Rcp => map!(level, |a: f32| -> f32 { end::<FTZ>(1.0 / f64::from(flush::<FTZ>(a))) }),
            Approx::Sqrt => map!(level, |a: f32| -> f32 { end::<FTZ>(f64::from(flush::<FTZ>(a)).sqrt()) }),
            Approx::Rsqrt => map!(level, |a: f32| -> f32 { end::<FTZ>(1.0 / f64::from(flush::<FTZ>(a)).sqrt()) }),
            Approx::Ex2 => map!(level, |a: f32| -> f32 { end::<FTZ>(exp2(f64::from(flush::<FTZ>(a)))) }),
            Approx::Sin => map!(slow level, |a: f32| -> f32 { end::<FTZ>(f64::from(flush::<FTZ>(a)).sin()) }),
            Approx::Cos => map!(slow level, |a: f32| -> f32 { end::<FTZ>(f64::from(flush::<FTZ>(a)).cos()) }),
            Approx::Lg2 => map!(slow level, |a: f32| -> f32 { end::<FTZ>(f64::from(flush::<FTZ>(a)).log2()) }),
            Approx::Tanh => map!(slow level, |a: f32| -> f32 { end::<FTZ>(f64::from(flush::<FTZ>(a)).tanh()) }),
        }),
        Alu::Approx { function: Approx::Rcp, ty: Type::F64, ftz: true } => {
            map!(level, |a: f64| -> f64 { upper(1.0 / upper(a)) })
        }
        Alu::Approx { function: Approx::Rsqrt, ty: Type::F64, ftz } => flags!(FTZ = ftz;
        map!(level, |a: f64| -> f64 {
            if FTZ { upper(1.0 / upper(a).sqrt()) } else { settle64(1.0 / a.sqrt(), [a]) }
        })),
        Alu::Approx { function: Approx::Ex2, ty, ftz } => halves(ty, ftz, true, level),
        Alu::Approx { function: Approx::Tanh, ty, ftz } => halves(ty, ftz, false, level),
        _ => None,
    }
}

/// The end of every `f32` instruction.
#[inline(always)]
fn end<const FTZ: bool>(value: f64) -> f32 {
    flush::<FTZ>(canonical(value as f32))
}

/// One over the factorials.
const SERIES: [f64; 14] = {
    let mut series = [1.0; 14];
    let mut power = 1;
    while power < 14 {
        series[power] = series[power - 1] / power as f64;
        power += 1;
    }
    series
};

/// 2 to a power, to about 2^-50: what is whole goes into the exponent, the rest (at most a half) into the series of
/// the exponential. No call, so it is vectorised.
#[inline(always)]
fn exp2(a: f64) -> f64 {
    // Past this an `f32` is infinite, or zero.
    let clamped = a.clamp(-200.0, 200.0);
    // 1.5 * 2^52: the sum has no bits below one, and its lowest bits are the whole number.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let shifted = clamped + SHIFT;
    let rest = (clamped - (shifted - SHIFT)) * std::f64::consts::LN_2;
    let mut sum = SERIES[13];
    for power in (0..13).rev() {
        sum = sum * rest + SERIES[power];
    }
    let exponent = i64::from((shifted.to_bits() as u32 as i32).wrapping_add(1023)) as u64;
    let result = sum * f64::from_bits(exponent << 52);
    if a.is_nan() { a } else { result }
}

/// `div.full` is within two units, with the range of a quotient; `div.approx` is 0 where the divisor is larger than
/// 2^126 (its reciprocal is), and a NaN where the dividend is infinite then.
#[inline(always)]
fn divide<const FULL: bool, const FTZ: bool>(a: f32, b: f32) -> f32 {
    let (a, b) = (f64::from(flush::<FTZ>(a)), f64::from(flush::<FTZ>(b)));
    let huge = !FULL && b.abs() > f64::from(f32::from_bits(0x7e80_0000)) && b.is_finite();
    let quotient = if huge { a * 0f64.copysign(b) } else { a / b };
    end::<FTZ>(quotient)
}

/// What `rcp.approx.ftz.f64` and its like read and write: the upper 32 bits, the lower being zero; subnormals as zero.
#[inline(always)]
fn upper(value: f64) -> f64 {
    let bits = if value.is_nan() { 0x7fff_ffff_0000_0000 } else { value.to_bits() & 0xffff_ffff_0000_0000 };
    let zero = bits & 0x7ff0_0000_0000_0000 == 0;
    f64::from_bits(if zero { bits & 0x8000_0000_0000_0000 } else { bits })
}

/// `ex2` and `tanh` of 16 bits.
fn halves(ty: Type, ftz: bool, exponential: bool, level: Level) -> Option<AluFn> {
    flags!(FTZ = ftz; flags!(EX2 = exponential; match ty {
        Type::F16 | Type::BF16 => types!(ty, T: F16 => F16, BF16 => Bf16;
            map!(rare level, |a: T| -> T { half::<T, EX2, FTZ>(a) })),
        Type::F16x2 | Type::BF16x2 => types!(ty, T: F16x2 => F16, BF16x2 => Bf16;
            map!(rare level, |a: Pair<T>| -> Pair<T> {
                Pair(half::<T, EX2, FTZ>(a.0), half::<T, EX2, FTZ>(a.1))
            })),
        _ => None,
    }))
}

fn half<T: Half, const EX2: bool, const FTZ: bool>(a: T) -> T {
    let a = f64::from(if FTZ { a.flush() } else { a }.value());
    let result = T::nearest(if EX2 { exp2(a) } else { a.tanh() } as f32);
    if FTZ { result.flush() } else { result }
}
