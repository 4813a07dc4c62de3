//! Conversions among integers, and between integers and floats (PTX ISA 9.0, section 9.7.9.21).
//!
//! A float becomes an integer by rounding and then clamping; a NaN becomes 0, but the uppermost bit alone where it
//! becomes 64 bits, or where it is an `f64`, as hardware answers. Conversions among floats are in `narrow`.

use super::directed::{DOWN, UP, ZERO};
use super::float::{canonical, flush};
use super::half::{Bf16, F16, Half};
use super::kernel::{flags, map, types};
use super::narrow::{self, directions};
use super::{AluFn, Level, soft};
use crate::ptx::{Alu, Rounding, Type};

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    let Alu::Cvt { to, from, round, ftz, saturate, relu } = *alu else { return None };
    match (is_integer(to), is_integer(from)) {
        (true, true) if round.is_none() && !relu => integers(to, from, saturate, level),
        (true, false) if !relu => to_integer(to, from, round, ftz, level),
        (false, true) if !relu => from_integer(to, from, round, saturate, level),
        _ => narrow::function(alu, level),
    }
}

fn is_integer(ty: Type) -> bool {
    matches!(
        ty,
        Type::U8
            | Type::S8
            | Type::U16
            | Type::S16
            | Type::U32
            | Type::S32
            | Type::U64
            | Type::S64
            | Type::B8
            | Type::B16
            | Type::B32
            | Type::B64
    )
}

/// Every integer by its own type; 8 bits too.
macro_rules! each {
    ($ty:expr, $T:ident; $body:expr) => {
        types!($ty, $T: U8 | B8 => u8, S8 => i8, U16 | B16 => u16, S16 => i16, U32 | B32 => u32, S32 => i32,
            U64 | B64 => u64, S64 => i64; $body)
    };
}

/// Extended or cut; with `.sat` clamped to what the other type can hold.
fn integers(to: Type, from: Type, saturate: bool, level: Level) -> Option<AluFn> {
    if saturate {
        // All that any of the types can hold fits into 128 bits.
        return each!(to, T; each!(from, F; map!(rare level, |a: F| -> T {
            i128::from(a).clamp(i128::from(T::MIN), i128::from(T::MAX)) as T
        })));
    }
    // What is cut away makes no difference, so the sign of the result does not either.
    types!(to, T: U8 | B8 => u8, S8 => i8, U16 | B16 | S16 => u16, U32 | B32 | S32 => u32,
        U64 | B64 | S64 => u64;
        each!(from, F; map!(level, |a: F| -> T { a as T })))
}

/// A whole `f64`.
#[inline(always)]
pub(super) fn whole<const R: u8>(value: f64) -> f64 {
    // Larger values are whole already. Below, adding and taking away 2^52 rounds to nearest, ties to even; the other
    // ways correct that by one. (The functions of the standard library would be calls on older machines.)
    const LIMIT: f64 = 4_503_599_627_370_496.0;
    let magnitude = value.abs();
    let nearest = ((magnitude + LIMIT) - LIMIT).copysign(value);
    let nearest = if magnitude < LIMIT { nearest } else { value };
    let moved = match R {
        ZERO if nearest.abs() > magnitude => nearest - 1f64.copysign(value),
        DOWN if nearest > value => nearest - 1.0,
        UP if nearest < value => nearest + 1.0,
        _ => nearest,
    };
    // A zero keeps the sign of the value.
    moved.copysign(value)
}

/// The expression with `R` the way to make a value whole.
macro_rules! made_whole {
    ($round:expr, $R:ident; $body:expr) => {
        match $round {
            Some(Rounding::IntegerNearest) => {
                const $R: u8 = $crate::alu::directed::NEAREST;
                $body
            }
            Some(Rounding::IntegerZero) => {
                const $R: u8 = $crate::alu::directed::ZERO;
                $body
            }
            Some(Rounding::IntegerDown) => {
                const $R: u8 = $crate::alu::directed::DOWN;
                $body
            }
            Some(Rounding::IntegerUp) => {
                const $R: u8 = $crate::alu::directed::UP;
                $body
            }
            _ => None,
        }
    };
}
pub(super) use made_whole;

/// A float whose value `f64` has exactly.
pub(super) trait Float: Copy {
    /// Its value, subnormals as zero with `FTZ`. (There is no `.ftz` for `bf16` and `f64`.)
    fn wide<const FTZ: bool>(self) -> f64;
    /// Whether a NaN of it keeps what it carries, in 16 bits too.
    const CARRIES: bool = false;
}
impl Float for f64 {
    const CARRIES: bool = true;
    #[inline(always)]
    fn wide<const FTZ: bool>(self) -> f64 {
        self
    }
}
impl Float for f32 {
    #[inline(always)]
    fn wide<const FTZ: bool>(self) -> f64 {
        let value = flush::<FTZ>(self);
        f64::from(if FTZ { canonical(value) } else { value })
    }
}
impl Float for F16 {
    #[inline(always)]
    fn wide<const FTZ: bool>(self) -> f64 {
        // A NaN with its sign and what it carries.
        let bits = u64::from(self.0);
        let nan = ((bits & 0x8000) << 48) | 0x7ff8_0000_0000_0000 | ((bits & 0x3ff) << 42);
        if self.is_nan() { f64::from_bits(nan) } else { f64::from(self.value()) }
    }
}
impl Float for Bf16 {
    #[inline(always)]
    fn wide<const FTZ: bool>(self) -> f64 {
        f64::from(self.value())
    }
}

/// The result for a NaN.
trait Clamp: Sized {
    fn clamped(value: f64) -> Self;
}
macro_rules! clamps {
    ($($ty:ty: $nan:expr),*) => {$(
        impl Clamp for $ty {
            #[inline(always)]
            fn clamped(value: f64) -> Self {
                // `as` clamps, and makes 0 of a NaN.
                const NAN: $ty = $nan;
                if NAN != 0 && value.is_nan() { NAN } else { value as $ty }
            }
        }
    )*};
}
clamps!(u8: 0, i8: 0, u16: 0, i16: 0, u32: 0, i32: 0, u64: 1 << 63, i64: i64::MIN);

/// Made whole and clamped.
fn to_integer(to: Type, from: Type, round: Option<Rounding>, ftz: bool, level: Level) -> Option<AluFn> {
    if from == Type::F32 && matches!(to, Type::U32 | Type::S32) {
        return made_whole!(round, R; flags!(FTZ = ftz; types!(to, T: U32 => u32, S32 => i32;
            map!(slow level, |a: f32| -> T { T::clamped(whole::<R>(a.wide::<FTZ>())) }))));
    }
    if from == Type::F64 {
        return made_whole!(round, R; types!(to, T: U8 => u8, S8 => i8, U16 => u16, S16 => i16, U32 => u32,
            S32 => i32, U64 => u64, S64 => i64; map!(rare level, |a: f64| -> T {
            if a.is_nan() { (1u64 << (T::BITS - 1)) as T } else { T::clamped(whole::<R>(a)) }
        })));
    }
    if from == Type::F32 && ftz {
        return made_whole!(round, R; types!(to, T: U8 => u8, S8 => i8, U16 => u16, S16 => i16, U64 => u64, S64 => i64;
            map!(rare level, |a: f32| -> T { T::clamped(whole::<R>(a.wide::<true>())) })));
    }
    made_whole!(round, R; types!(from, F: F32 => f32, F16 => F16, BF16 => Bf16;
        types!(to, T: U8 => u8, S8 => i8, U16 => u16, S16 => i16, U32 => u32, S32 => i32, U64 => u64, S64 => i64;
            map!(rare level, |a: F| -> T { T::clamped(whole::<R>(a.wide::<false>())) }))))
}

/// An integer as a float, rounded.
fn from_integer(
    to: Type,
    from: Type,
    round: Option<Rounding>,
    saturate: bool,
    level: Level,
) -> Option<AluFn> {
    let round = round.unwrap_or(Rounding::Nearest);
    match (to, round, saturate) {
        (Type::F32, Rounding::Nearest, false) => each!(from, F; map!(level, |a: F| -> f32 { a as f32 })),
        (Type::F64, Rounding::Nearest, false) => each!(from, F; map!(level, |a: F| -> f64 { a as f64 })),
        (Type::F32, ..) => directions!(round, R; flags!(SAT = saturate; each!(from, F;
        map!(rare level, |a: F| -> f32 {
            let value = f32::from_bits(exact(i128::from(a)).round(soft::F32, R) as u32);
            if SAT { super::float::saturate(value) } else { value }
        })))),
        (Type::F64, _, false) => directions!(round, R; each!(from, F; map!(rare level, |a: F| -> f64 {
            f64::from_bits(exact(i128::from(a)).round(soft::F64, R))
        }))),
        (Type::F16, _, false) => directions!(round, R; each!(from, F; map!(rare level, |a: F| -> F16 {
            F16(exact(i128::from(a)).round(soft::F16, R) as u16)
        }))),
        (Type::BF16, _, false) => directions!(round, R; each!(from, F; map!(rare level, |a: F| -> Bf16 {
            Bf16(exact(i128::from(a)).round(soft::BF16, R) as u16)
        }))),
        _ => None,
    }
}

/// An integer as an exact number.
fn exact(value: i128) -> soft::Exact {
    soft::Exact { negative: value < 0, exponent: 0, significand: value.unsigned_abs(), sticky: false }
}
