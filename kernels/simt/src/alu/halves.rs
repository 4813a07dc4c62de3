//! Arithmetic of `f16` and `bf16`, alone and in pairs (PTX ISA 9.0, section 9.7.4).
//!
//! Each result is rounded once. A sum or product of `f16` may be rounded to `f32` first: with at least twice the
//! bits and two more, that changes nothing. All else goes through an `f32` rounded to odd, which never does.

use super::directed::{self, ODD};
use super::float::{extreme, saturate};
use super::half::{Bf16, F16, Half, Pair};
use super::kernel::{flags, map, types};
use super::{AluFn, Level};
use crate::ptx::{Alu, Rounding, Type};

/// What is rounded: one value, or two.
trait Halves: Copy {
    type One: Half;
    fn map1(a: Self, f: impl Fn(Self::One) -> Self::One) -> Self;
    fn map2(a: Self, b: Self, f: impl Fn(Self::One, Self::One) -> Self::One) -> Self;
    fn map3(a: Self, b: Self, c: Self, f: impl Fn(Self::One, Self::One, Self::One) -> Self::One) -> Self;
}

macro_rules! alone {
    ($($ty:ty),*) => {$(
        impl Halves for $ty {
            type One = Self;
            #[inline(always)]
            fn map1(a: Self, f: impl Fn(Self) -> Self) -> Self {
                f(a)
            }
            #[inline(always)]
            fn map2(a: Self, b: Self, f: impl Fn(Self, Self) -> Self) -> Self {
                f(a, b)
            }
            #[inline(always)]
            fn map3(a: Self, b: Self, c: Self, f: impl Fn(Self, Self, Self) -> Self) -> Self {
                f(a, b, c)
            }
        }
    )*};
}
alone!(F16, Bf16);

impl<T: Half> Halves for Pair<T> {
    type One = T;
    #[inline(always)]
    fn map1(a: Self, f: impl Fn(T) -> T) -> Self {
        Self(f(a.0), f(a.1))
    }
    #[inline(always)]
    fn map2(a: Self, b: Self, f: impl Fn(T, T) -> T) -> Self {
        Self(f(a.0, b.0), f(a.1, b.1))
    }
    #[inline(always)]
    fn map3(a: Self, b: Self, c: Self, f: impl Fn(T, T, T) -> T) -> Self {
        Self(f(a.0, b.0, c.0), f(a.1, b.1, c.1))
    }
}

/// The expression with `T` the operand.
macro_rules! halves {
    ($ty:expr, $T:ident; $body:expr) => {
        types!($ty, $T: F16 => F16, BF16 => Bf16, F16x2 => Pair<F16>, BF16x2 => Pair<Bf16>; $body)
    };
}

/// An operand.
#[inline(always)]
fn value<T: Half, const FTZ: bool>(a: T) -> f32 {
    if FTZ { a.flush().value() } else { a.value() }
}

/// The end of every instruction.
#[inline(always)]
fn finish<T: Half, const FTZ: bool, const SAT: bool, const RELU: bool>(value: f32) -> T {
    let value = if SAT { saturate(value) } else { value };
    let value = if RELU && value <= 0.0 { 0.0 } else { value };
    let result = T::nearest(value);
    // Tiny is what is so after it was rounded, as with `f32`.
    if FTZ && value.abs() < T::TINY { T::from_bits(result.bits() & 0x8000) } else { result }
}

/// Bits made of `a`, or the NaN where it is one.
#[inline(always)]
fn canonical<T: Half>(a: T, bits: u16) -> T {
    if a.is_nan() { T::NAN } else { T::from_bits(bits) }
}

/// `a + b`, `a - b` and `a * b`.
const ADD: u8 = 0;
const SUB: u8 = 1;
const MUL: u8 = 2;

#[inline(always)]
fn two<T: Half, const OP: u8, const FTZ: bool, const SAT: bool>(a: T, b: T) -> T {
    let (a, b) = (value::<T, FTZ>(a), value::<T, FTZ>(b));
    let result = match (OP, T::EXPONENT == F16::EXPONENT) {
        (ADD, true) => a + b,
        (SUB, true) => a - b,
        (_, true) => a * b,
        (ADD, false) => directed::add::<ODD>(a, b),
        (SUB, false) => directed::add::<ODD>(a, -b),
        (_, false) => directed::mul::<ODD>(a, b),
    };
    finish::<T, FTZ, SAT, false>(result)
}

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    macro_rules! arithmetic {
        ($op:ident, $ty:expr, $ftz:expr, $saturate:expr) => {
            flags!(FTZ = $ftz; halves!($ty, T; if $saturate {
                map!(rare level, |a: T, b: T| -> T {
                    T::map2(a, b, |a, b| two::<<T as Halves>::One, $op, FTZ, true>(a, b))
                })
            } else {
                map!(level, |a: T, b: T| -> T {
                    T::map2(a, b, |a, b| two::<<T as Halves>::One, $op, FTZ, false>(a, b))
                })
            }))
        };
    }
    match *alu {
        Alu::FAdd { ty, round: Rounding::Nearest, ftz, saturate } => arithmetic!(ADD, ty, ftz, saturate),
        Alu::FSub { ty, round: Rounding::Nearest, ftz, saturate } => arithmetic!(SUB, ty, ftz, saturate),
        Alu::FMul { ty, round: Rounding::Nearest, ftz, saturate } => arithmetic!(MUL, ty, ftz, saturate),
        Alu::Fma { ty, round: Rounding::Nearest, ftz: false, saturate: false, relu: false } => halves!(ty, T;
        map!(level, |a: T, b: T, c: T| -> T {
            T::map3(a, b, c, |a, b, c| {
                finish::<_, false, false, false>(directed::fma::<ODD>(a.value(), b.value(), c.value()))
            })
        })),
        Alu::Fma { ty, round: Rounding::Nearest, ftz, saturate, relu } => {
            flags!(FTZ = ftz; flags!(SAT = saturate; flags!(RELU = relu; halves!(ty, T;
            map!(rare level, |a: T, b: T, c: T| -> T {
                T::map3(a, b, c, |a, b, c| {
                    type One = <T as Halves>::One;
                    let (a, b, c) = (value::<One, FTZ>(a), value::<One, FTZ>(b), value::<One, FTZ>(c));
                    finish::<One, FTZ, SAT, RELU>(directed::fma::<ODD>(a, b, c))
                })
            })))))
        }
        Alu::FAbs { ty, ftz } => flags!(FTZ = ftz; halves!(ty, T; map!(level, |a: T| -> T {
            T::map1(a, |a| {
                let a = if FTZ { a.flush() } else { a };
                canonical(a, a.bits() & 0x7fff)
            })
        }))),
        Alu::FNeg { ty, ftz } => flags!(FTZ = ftz; halves!(ty, T; map!(level, |a: T| -> T {
            T::map1(a, |a| {
                let a = if FTZ { a.flush() } else { a };
                canonical(a, a.bits() ^ 0x8000)
            })
        }))),
        Alu::FMin { ty, ftz, nan, xorsign_abs } => extremes::<false>(ty, ftz, nan, xorsign_abs, level),
        Alu::FMax { ty, ftz, nan, xorsign_abs } => extremes::<true>(ty, ftz, nan, xorsign_abs, level),
        _ => None,
    }
}

/// The smaller or the larger.
fn extremes<const MAX: bool>(ty: Type, ftz: bool, nan: bool, xorsign: bool, level: Level) -> Option<AluFn> {
    macro_rules! of {
        ($T:ident, $($how:ident)?, $N:expr, $X:expr) => {
            flags!(LARGER = MAX; flags!(FTZ = ftz; map!($($how)? level, |a: $T, b: $T| -> $T {
                $T::map2(a, b, |a, b| larger::<_, LARGER, FTZ, $N, $X>(a, b))
            })))
        };
    }
    halves!(ty, T; match (nan, xorsign) {
        (false, false) => of!(T, , false, false),
        (true, false) => of!(T, , true, false),
        (false, true) => of!(T, rare, false, true),
        (true, true) => of!(T, rare, true, true),
    })
}

#[inline(always)]
fn larger<T: Half, const MAX: bool, const FTZ: bool, const N: bool, const X: bool>(a: T, b: T) -> T {
    // With `X` the sign of a NaN counts too, which its value does not keep.
    let sign = if X { (a.bits() ^ b.bits()) & 0x8000 } else { 0 };
    let size = |half: T| if X { T::from_bits(half.bits() & 0x7fff) } else { half };
    let (a, b) = (value::<T, FTZ>(size(a)), value::<T, FTZ>(size(b)));
    let result = T::nearest(extreme::<MAX, N, false>(a, b));
    if result.is_nan() { result } else { T::from_bits(result.bits() | sign) }
}
