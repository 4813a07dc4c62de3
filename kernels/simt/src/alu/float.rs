//! `f32` and `f64` (PTX ISA 9.0, section 9.7.3).
//!
//! A NaN result of `f32` is 0x7fffffff, whatever the operands were (section 9.7.3: "NaN payloads are not preserved").
//! Of `f64` it is an operand that is NaN, made quiet, or 0xfff8000000000000 where none is. Which operand was seen on an
//! H200: `b` before `a`, of `fma` `b` before `c` before `a`, of `div` `a` before `b`.

use super::directed;
use super::kernel::{flags, map, types};
use super::narrow::directions;
use super::{AluFn, Level, soft};
use crate::ptx::{Alu, FloatClass, Rounding, Type};

/// Zero of the same sign instead of a subnormal, with `.ftz`.
#[inline(always)]
pub(super) fn flush<const FTZ: bool>(value: f32) -> f32 {
    let bits = value.to_bits();
    if FTZ && bits & 0x7f80_0000 == 0 { f32::from_bits(bits & 0x8000_0000) } else { value }
}

/// The one NaN.
#[inline(always)]
pub(super) fn canonical(value: f32) -> f32 {
    // Asked of the bits: what the compiler knows of a root, say, lets it leave a NaN of the host as it is.
    let bits = value.to_bits();
    f32::from_bits(if bits & 0x7fff_ffff > 0x7f80_0000 { 0x7fff_ffff } else { bits })
}

/// Between 0 and 1; a NaN is 0.
#[inline(always)]
pub(super) fn saturate(value: f32) -> f32 {
    let low = if value > 0.0 { value } else { 0.0 };
    if low > 1.0 { 1.0 } else { low }
}

/// The end of every `f32` instruction.
#[inline(always)]
fn finish<const FTZ: bool, const SAT: bool>(value: f32) -> f32 {
    let value = flush::<FTZ>(canonical(value));
    if SAT { saturate(value) } else { value }
}

/// 2^32: with a factor of this nothing that could be tiny is.
const RAISED: f32 = 4_294_967_296.0;

/// With `.ftz`: zero of the same sign where the result is tiny after it was rounded as if exponents had no end, which
/// is how hardware asks (seen on an H200). `raised` is the result of operands that are 2^32 times as large: of these
/// none that matters is subnormal, and where they overflow, or cancel, the result is not tiny.
#[inline(always)]
fn tiny<const FTZ: bool>(value: f32, raised: f32) -> f32 {
    const LEAST: f32 = f32::MIN_POSITIVE * RAISED;
    if FTZ && raised.abs() < LEAST { f32::from_bits(value.to_bits() & 0x8000_0000) } else { value }
}

/// `a * b`.
#[inline(always)]
fn product<const R: u8, const FTZ: bool>(a: f32, b: f32) -> f32 {
    let (a, b) = (flush::<FTZ>(a), flush::<FTZ>(b));
    let value = directed::mul::<R>(a, b);
    if FTZ { tiny::<FTZ>(value, directed::mul::<R>(a * RAISED, b)) } else { value }
}

/// `a * b + c`.
#[inline(always)]
fn fused<const R: u8, const FTZ: bool>(a: f32, b: f32, c: f32) -> f32 {
    let (a, b, c) = (flush::<FTZ>(a), flush::<FTZ>(b), flush::<FTZ>(c));
    let value = directed::fma::<R>(a, b, c);
    if FTZ { tiny::<FTZ>(value, directed::fma::<R>(a * RAISED, b, c * RAISED)) } else { value }
}

/// `a / b`.
#[inline(always)]
fn quotient<const R: u8, const FTZ: bool>(a: f32, b: f32) -> f32 {
    let (a, b) = (flush::<FTZ>(a), flush::<FTZ>(b));
    let value = directed::div::<R>(a, b);
    if FTZ { tiny::<FTZ>(value, directed::div::<R>(a * RAISED, b)) } else { value }
}

/// `f64` as `f32`.
#[inline(always)]
pub(super) fn narrowed<const R: u8, const FTZ: bool>(a: f64) -> f32 {
    let value = directed::narrow::<R>(a);
    if FTZ { tiny::<FTZ>(value, directed::narrow::<R>(a * f64::from(RAISED))) } else { value }
}

/// The NaN that `f64` instructions give for these operands; `result` where it is a number.
#[inline(always)]
pub(super) fn settle64<const N: usize>(result: f64, operands: [f64; N]) -> f64 {
    if !result.is_nan() {
        return result;
    }
    for operand in operands {
        if operand.is_nan() {
            return f64::from_bits(operand.to_bits() | 0x0008_0000_0000_0000);
        }
    }
    f64::from_bits(0xfff8_0000_0000_0000)
}

/// A function of `f64`: to nearest what the host does, otherwise exactly where all operands are finite.
macro_rules! map64 {
    ($level:expr, $round:expr, |$($arg:ident),*| $native:expr, [$($nan:ident),*], $ok:expr, $soft:path) => {
        if $round == Rounding::Nearest {
            map!($level, |$($arg: f64),*| -> f64 { settle64($native, [$($nan),*]) })
        } else {
            directions!($round, R; map!(rare $level, |$($arg: f64),*| -> f64 {
                if $($arg.is_finite() &&)* $ok { $soft($($arg),*, R) } else { settle64($native, [$($nan),*]) }
            }))
        }
    };
}

/// A function of `f32`: to nearest and not clamped for all lanes at once, otherwise one by one.
macro_rules! map32 {
    ($level:expr, $round:expr, $ftz:expr, $saturate:expr, |$($arg:ident),*| $R:ident, $FTZ:ident => $value:expr) => {
        flags!($FTZ = $ftz; if $round == Rounding::Nearest && !$saturate {
            const $R: u8 = directed::NEAREST;
            map!($level, |$($arg: f32),*| -> f32 { finish::<$FTZ, false>($value) })
        } else {
            directions!($round, $R; flags!(SAT = $saturate; map!(rare $level, |$($arg: f32),*| -> f32 {
                finish::<$FTZ, SAT>($value)
            })))
        })
    };
}

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    match *alu {
        Alu::FAdd { ty: Type::F32, round, ftz, saturate } => {
            map32!(level, round, ftz, saturate, |a, b| R, FTZ => directed::add::<R>(flush::<FTZ>(a), flush::<FTZ>(b)))
        }
        Alu::FSub { ty: Type::F32, round, ftz, saturate } => {
            map32!(level, round, ftz, saturate, |a, b| R, FTZ => directed::add::<R>(flush::<FTZ>(a), -flush::<FTZ>(b)))
        }
        Alu::FMul { ty: Type::F32, round, ftz, saturate } => {
            map32!(level, round, ftz, saturate, |a, b| R, FTZ => product::<R, FTZ>(a, b))
        }
        Alu::Fma { ty: Type::F32, round, ftz, saturate, relu: false } => {
            map32!(level, round, ftz, saturate, |a, b, c| R, FTZ => fused::<R, FTZ>(a, b, c))
        }
        Alu::FDiv { ty: Type::F32, round, ftz } => {
            map32!(level, round, ftz, false, |a, b| R, FTZ => quotient::<R, FTZ>(a, b))
        }
        Alu::Rcp { ty: Type::F32, round, ftz } => {
            map32!(level, round, ftz, false, |a| R, FTZ => quotient::<R, FTZ>(1.0, a))
        }
        Alu::Sqrt { ty: Type::F32, round, ftz } => {
            map32!(level, round, ftz, false, |a| R, FTZ => directed::sqrt::<R>(flush::<FTZ>(a)))
        }

        Alu::FAdd { ty: Type::F64, round, ftz: false, saturate: false } => {
            map64!(level, round, |a, b| a + b, [b, a], true, soft::add)
        }
        Alu::FSub { ty: Type::F64, round, ftz: false, saturate: false } => {
            map64!(level, round, |a, b| a - b, [b, a], true, sub64)
        }
        Alu::FMul { ty: Type::F64, round, ftz: false, saturate: false } => {
            map64!(level, round, |a, b| a * b, [b, a], true, soft::mul)
        }
        Alu::Fma { ty: Type::F64, round, ftz: false, saturate: false, relu: false } => {
            map64!(level, round, |a, b, c| a.mul_add(b, c), [b, c, a], true, soft::fma)
        }
        Alu::FDiv { ty: Type::F64, round, ftz: false } => {
            map64!(level, round, |a, b| a / b, [a, b], b != 0.0, soft::div)
        }
        Alu::Rcp { ty: Type::F64, round, ftz: false } => {
            map64!(level, round, |a| 1.0 / a, [a], a != 0.0, rcp64)
        }
        Alu::Sqrt { ty: Type::F64, round, ftz: false } => {
            map64!(level, round, |a| a.sqrt(), [a], a >= 0.0, soft::sqrt)
        }
        _ => simple(alu, level),
    }
}

fn sub64(a: f64, b: f64, rounding: u8) -> f64 {
    soft::add(a, -b, rounding)
}

fn rcp64(a: f64, rounding: u8) -> f64 {
    soft::div(1.0, a, rounding)
}

/// What is not rounded.
fn simple(alu: &Alu, level: Level) -> Option<AluFn> {
    match *alu {
        Alu::FAbs { ty: Type::F32, ftz } => flags!(FTZ = ftz;
            map!(level, |a: f32| -> f32 { canonical(flush::<FTZ>(a).abs()) })),
        Alu::FNeg { ty: Type::F32, ftz } => flags!(FTZ = ftz;
            map!(level, |a: f32| -> f32 { canonical(-flush::<FTZ>(a)) })),
        Alu::FAbs { ty: Type::F64, .. } => map!(level, |a: f64| -> f64 { settle64(a.abs(), [a]) }),
        Alu::FNeg { ty: Type::F64, .. } => map!(level, |a: f64| -> f64 { settle64(-a, [a]) }),
        Alu::FMin { ty: Type::F32, ftz, nan, xorsign_abs } => flags!(FTZ = ftz; flags!(N = nan;
        flags!(X = xorsign_abs; map!(level, |a: f32, b: f32| -> f32 {
            extreme::<false, N, X>(flush::<FTZ>(a), flush::<FTZ>(b))
        })))),
        Alu::FMax { ty: Type::F32, ftz, nan, xorsign_abs } => flags!(FTZ = ftz; flags!(N = nan;
        flags!(X = xorsign_abs; map!(level, |a: f32, b: f32| -> f32 {
            extreme::<true, N, X>(flush::<FTZ>(a), flush::<FTZ>(b))
        })))),
        Alu::FMin { ty: Type::F64, nan: false, xorsign_abs: false, .. } => {
            map!(level, |a: f64, b: f64| -> f64 { extreme64::<false>(a, b) })
        }
        Alu::FMax { ty: Type::F64, nan: false, xorsign_abs: false, .. } => {
            map!(level, |a: f64, b: f64| -> f64 { extreme64::<true>(a, b) })
        }
        Alu::Copysign(Type::F32) => map!(level, |a: f32, b: f32| -> f32 { b.copysign(a) }),
        Alu::Copysign(Type::F64) => map!(level, |a: f64, b: f64| -> f64 { b.copysign(a) }),
        Alu::Testp { ty, class } => types!(ty, T: F32 => f32, F64 => f64; match class {
            FloatClass::Finite => map!(level, |a: T| -> bool { a.abs() < T::INFINITY }),
            FloatClass::Infinite => map!(level, |a: T| -> bool { a.abs() == T::INFINITY }),
            FloatClass::Number => map!(level, |a: T| -> bool { !a.is_nan() }),
            FloatClass::NotANumber => map!(level, |a: T| -> bool { a.is_nan() }),
            // A zero counts as normal (seen on an H200).
            FloatClass::Normal => map!(level, |a: T| -> bool {
                ((a.abs() >= T::MIN_POSITIVE) & (a.abs() < T::INFINITY)) | (a == 0.0)
            }),
            FloatClass::Subnormal => map!(level, |a: T| -> bool { (a.abs() < T::MIN_POSITIVE) & (a != 0.0) }),
        }),
        _ => None,
    }
}

/// The smaller or the larger; -0 is less than +0. A NaN gives the other operand, or with `N` a NaN. With `X` the
/// magnitudes are compared, and the sign is the product of the signs.
#[inline(always)]
pub(super) fn extreme<const MAX: bool, const N: bool, const X: bool>(a: f32, b: f32) -> f32 {
    let sign = if X { (a.to_bits() ^ b.to_bits()) & 0x8000_0000 } else { 0 };
    let (a, b) = if X { (a.abs(), b.abs()) } else { (a, b) };
    let less = (a < b) | ((a == b) & a.is_sign_negative());
    let chosen = if less != MAX { a } else { b };
    let either = if N {
        f32::NAN
    } else if a.is_nan() {
        b
    } else {
        a
    };
    let result = if a.is_nan() | b.is_nan() { canonical(either) } else { chosen };
    if result.is_nan() { result } else { f32::from_bits(result.to_bits() | sign) }
}

/// The same of `f64`.
#[inline(always)]
fn extreme64<const MAX: bool>(a: f64, b: f64) -> f64 {
    let less = (a < b) | ((a == b) & a.is_sign_negative());
    let chosen = if less != MAX { a } else { b };
    let either = if a.is_nan() { b } else { a };
    if a.is_nan() | b.is_nan() { settle64(either, [b, a]) } else { chosen }
}
