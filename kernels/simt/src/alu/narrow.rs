//! Conversions among floats (PTX ISA 9.0, section 9.7.9.21).
//!
//! What is common (between `f32` and the others, to nearest) has code that is vectorised; the rest is rounded by
//! `soft`, exactly.

use super::convert::{Float, made_whole, whole};
use super::directed::{NEAREST, ZERO};
use super::float::{canonical, flush, narrowed, saturate as clamp, settle64};
use super::half::{Bf16, F16, Half, Pair};
use super::kernel::{flags, map, types};
use super::soft::{self, AWAY, Exact, Format};
use super::{AluFn, Level};
use crate::ptx::{Alu, Rounding, Type};

/// The expression with `R` the rounding.
macro_rules! directions {
    ($round:expr, $R:ident; $body:expr) => {
        match $round {
            Rounding::Nearest => {
                const $R: u8 = $crate::alu::directed::NEAREST;
                $body
            }
            Rounding::Zero => {
                const $R: u8 = $crate::alu::directed::ZERO;
                $body
            }
            Rounding::Down => {
                const $R: u8 = $crate::alu::directed::DOWN;
                $body
            }
            Rounding::Up => {
                const $R: u8 = $crate::alu::directed::UP;
                $body
            }
            _ => None,
        }
    };
}
pub(super) use directions;

/// The function of a conversion from a float to a float.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    let Alu::Cvt { to, from, round, ftz, saturate, relu } = *alu else { return None };
    let round_or = round.unwrap_or(Rounding::Nearest);
    match (to, from) {
        // Of the same type: made whole, clamped, or flushed.
        (Type::F32, Type::F32) if !relu => flags!(FTZ = ftz; flags!(SAT = saturate; match round {
            None => map!(level, |a: f32| -> f32 {
                let value = flush::<FTZ>(canonical(a));
                if SAT { clamp(value) } else { value }
            }),
            _ => made_whole!(round, R; map!(level, |a: f32| -> f32 {
                let value = canonical(whole::<R>(f64::from(flush::<FTZ>(a))) as f32);
                if SAT { clamp(value) } else { value }
            })),
        })),
        (Type::F64, Type::F64) if !relu => flags!(SAT = saturate; match round {
            None => map!(level, |a: f64| -> f64 { if SAT { clamp64(a) } else { settle64(a, [a]) } }),
            _ => made_whole!(round, R; map!(level, |a: f64| -> f64 {
                let value = settle64(whole::<R>(a), [a]);
                if SAT { clamp64(value) } else { value }
            })),
        }),
        (Type::F16, Type::F16) | (Type::BF16, Type::BF16) if !relu => {
            types!(to, T: F16 => F16, BF16 => Bf16; flags!(SAT = saturate; flags!(FTZ = ftz; match round {
                None => map!(level, |a: T| -> T {
                    let a = if FTZ { a.flush() } else { a };
                    T::nearest(if SAT { clamp(a.value()) } else { a.value() })
                }),
                _ => made_whole!(round, R; map!(level, |a: T| -> T {
                    let value = whole::<R>(f64::from(a.value())) as f32;
                    T::nearest(if SAT { clamp(value) } else { value })
                })),
            })))
        }
        // To a wider type: exact.
        (Type::F32, Type::F16 | Type::BF16) if !relu => {
            types!(from, F: F16 => F16, BF16 => Bf16; flags!(SAT = saturate; flags!(FTZ = ftz;
            map!(level, |a: F| -> f32 {
                let a = flush::<FTZ>(a.value());
                // Only with `.ftz` a NaN does not keep what it carries.
                let a = if FTZ { canonical(a) } else { a };
                if SAT { clamp(a) } else { a }
            }))))
        }
        (Type::F64, Type::F16 | Type::BF16 | Type::F32) if !relu => {
            types!(from, F: F16 => F16, BF16 => Bf16, F32 => f32; flags!(SAT = saturate; flags!(FTZ = ftz;
            map!(level, |a: F| -> f64 {
                let value = a.wide::<FTZ>();
                if SAT { clamp64(value) } else { settle64(value, [value]) }
            }))))
        }
        // To a narrower type, to nearest.
        (Type::F16, Type::F32) if round == Some(Rounding::Nearest) => flags!(FTZ = ftz;
        flags!(SAT = saturate; flags!(RELU = relu; map!(level, |a: f32| -> F16 {
            F16::nearest(limit::<SAT, RELU>(flush::<FTZ>(a)))
        })))),
        (Type::BF16, Type::F32) if round == Some(Rounding::Nearest) => flags!(FTZ = ftz;
        flags!(SAT = saturate; flags!(RELU = relu; map!(level, |a: f32| -> Bf16 {
            Bf16::nearest(limit::<SAT, RELU>(flush::<FTZ>(a)))
        })))),
        (Type::F16x2 | Type::BF16x2, Type::F32) if round == Some(Rounding::Nearest) => {
            types!(to, T: F16x2 => F16, BF16x2 => Bf16; flags!(FTZ = ftz; flags!(SAT = saturate;
            flags!(RELU = relu; map!(level, |a: f32, b: f32| -> Pair<T> {
                let (a, b) = (flush::<FTZ>(a), flush::<FTZ>(b));
                Pair(T::nearest(limit::<SAT, RELU>(b)), T::nearest(limit::<SAT, RELU>(a)))
            })))))
        }
        (Type::F32, Type::F64) if !relu => directions!(round_or, R; flags!(FTZ = ftz; flags!(SAT = saturate;
        map!(level, |a: f64| -> f32 {
            let value = narrowed::<R, FTZ>(a);
            if SAT { clamp(value) } else { value }
        })))),
        _ => rest(alu, level),
    }
}

#[inline(always)]
fn clamp64(value: f64) -> f64 {
    let low = if value > 0.0 { value } else { 0.0 };
    if low > 1.0 { 1.0 } else { low }
}

/// `.sat` and `.relu`, which keeps a NaN.
#[inline(always)]
fn limit<const SAT: bool, const RELU: bool>(value: f32) -> f32 {
    if SAT {
        clamp(value)
    } else if RELU && value <= 0.0 {
        0.0
    } else {
        value
    }
}

/// The bits of a value in a format, exactly rounded.
#[inline(never)]
fn rounded(value: f64, format: Format, nan: u64, infinity: u64, sign: u32, round: u8) -> u64 {
    if value.is_nan() {
        nan
    } else if value.is_infinite() {
        infinity | (u64::from(value.is_sign_negative()) << sign)
    } else {
        Exact::of(value).round(format, round)
    }
}

/// A value with `.sat` or `.relu` of a conversion that is not vectorised.
#[inline(never)]
fn limited<const SAT: bool, const RELU: bool>(value: f64) -> f64 {
    if SAT {
        clamp64(value)
    } else if RELU && value <= 0.0 {
        0.0
    } else {
        value
    }
}

#[inline(never)]
fn f16<const R: u8>(value: f64) -> F16 {
    F16(rounded(value, soft::F16, 0x7fff, 0x7c00, 15, R) as u16)
}

#[inline(never)]
fn bf16<const R: u8>(value: f64) -> Bf16 {
    Bf16(rounded(value, soft::BF16, 0x7fff, 0x7f80, 15, R) as u16)
}

/// An `f64` that is NaN as 16 bits: with its sign and the upper bits of what it carries, made quiet.
#[inline(never)]
fn carried<const HALF: bool>(value: f64) -> u16 {
    let bits = value.to_bits();
    let (upper, quiet) =
        if HALF { ((bits >> 42) as u16 & 0x3ff, 0x7e00) } else { ((bits >> 45) as u16 & 0x7f, 0x7fc0) };
    ((bits >> 48) as u16 & 0x8000) | quiet | upper
}

#[inline(never)]
fn tf32<const R: u8>(value: f64) -> u32 {
    (rounded(value, soft::TF32, 0x3ffff, 0x3fc00, 18, R) << 13) as u32
}

/// A value of eight bits, too large a one as the largest; so an infinity too.
#[inline(never)]
fn eight<const E4: bool>(value: f64) -> u8 {
    if value.is_nan() {
        return 0x7f;
    }
    let (format, largest) = if E4 { (soft::E4M3, 0x7e) } else { (soft::E5M2, 0x7b) };
    let value = value.clamp(-1e6, 1e6);
    let bits = Exact::of(value).round(format, NEAREST) as u8;
    (bits & 0x80) | (bits & 0x7f).min(largest)
}

/// The value of eight bits. A subnormal or normal `f16` in both cases.
pub(super) fn from_eight<const E4: bool>(bits: u8) -> F16 {
    let sign = u16::from(bits & 0x80) << 8;
    let magnitude = u16::from(bits & 0x7f);
    if !E4 {
        return if magnitude > 0x7c { F16::NAN } else { F16(sign | (magnitude << 8)) };
    }
    if magnitude == 0x7f {
        return F16::NAN;
    }
    // As a number of 2^-9, which is exact.
    let (exponent, fraction) = (u32::from(magnitude >> 3), u32::from(magnitude & 7));
    let count = if exponent == 0 { fraction } else { (8 + fraction) << (exponent - 1) };
    let value = F16::nearest(count as f32 / 512.0);
    F16(sign | value.0)
}

/// What is not vectorised.
fn rest(alu: &Alu, level: Level) -> Option<AluFn> {
    let Alu::Cvt { to, from, round, ftz, saturate, relu } = *alu else { return None };
    match (to, from) {
        (Type::F16 | Type::BF16, Type::F32 | Type::F64 | Type::F16 | Type::BF16) => {
            let round = round.unwrap_or(Rounding::Nearest);
            types!(from, F: F32 => f32, F64 => f64, F16 => F16, BF16 => Bf16; flags!(SAT = saturate;
            flags!(RELU = relu; flags!(FTZ = ftz; flags!(HALF = to == Type::F16;
                directions!(round, R; map!(rare level, |a: F| -> u32 {
                    let value = limited::<SAT, RELU>(a.wide::<FTZ>());
                    if F::CARRIES && value.is_nan() && !RELU { return carried::<HALF>(value).into(); }
                    u32::from(if HALF { f16::<R>(value).0 } else { bf16::<R>(value).0 })
                })))))))
        }
        (Type::F16x2 | Type::BF16x2, Type::F32) => {
            let round = round?;
            flags!(SAT = saturate; flags!(RELU = relu; flags!(FTZ = ftz; flags!(HALF = to == Type::F16x2;
            directions!(round, R; map!(rare level, |a: f32, b: f32| -> u32 {
                let high = limited::<SAT, RELU>(a.wide::<FTZ>());
                let low = limited::<SAT, RELU>(b.wide::<FTZ>());
                let one = |value| u32::from(if HALF { f16::<R>(value).0 } else { bf16::<R>(value).0 });
                one(low) | (one(high) << 16)
            }))))))
        }
        (Type::TF32, Type::F32) => flags!(RELU = relu; match round? {
            Rounding::Away => map!(rare level, |a: f32| -> u32 { tf32::<AWAY>(limited::<false, RELU>(a.into())) }),
            Rounding::Nearest => {
                map!(rare level, |a: f32| -> u32 { tf32::<NEAREST>(limited::<false, RELU>(a.into())) })
            }
            Rounding::Zero => {
                map!(rare level, |a: f32| -> u32 { tf32::<ZERO>(limited::<false, RELU>(a.into())) })
            }
            _ => None,
        }),
        (Type::E4M3x2 | Type::E5M2x2, Type::F32) => flags!(E4 = to == Type::E4M3x2; flags!(RELU = relu;
        map!(rare level, |a: f32, b: f32| -> u16 {
            let (high, low) = (limited::<false, RELU>(a.into()), limited::<false, RELU>(b.into()));
            u16::from_le_bytes([eight::<E4>(low), eight::<E4>(high)])
        }))),
        (Type::E4M3x2 | Type::E5M2x2, Type::F16x2) => flags!(E4 = to == Type::E4M3x2; flags!(RELU = relu;
        map!(rare level, |a: Pair<F16>| -> u16 {
            let one = |value: F16| eight::<E4>(limited::<false, RELU>(value.value().into()));
            u16::from_le_bytes([one(a.0), one(a.1)])
        }))),
        (Type::F16x2, Type::E4M3x2 | Type::E5M2x2) => flags!(E4 = from == Type::E4M3x2; flags!(RELU = relu;
        map!(rare level, |a: u16| -> Pair<F16> {
            let one = |bits: u8| {
                let value = from_eight::<E4>(bits);
                if RELU && value.0 & 0x8000 != 0 && !value.is_nan() { F16(0) } else { value }
            };
            Pair(one(a as u8), one((a >> 8) as u8))
        }))),
        _ => None,
    }
}
