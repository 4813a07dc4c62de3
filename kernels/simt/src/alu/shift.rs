//! Shifts, fields of bits, and bytes picked from two words (PTX ISA 9.0, sections 9.7.1.19 to 9.7.1.21, 9.7.8.6 to
//! 9.7.8.8 and 9.7.9.7).

use super::integer::unsigned;
use super::kernel::{flags, map, types};
use super::{AluFn, Level};
use crate::ptx::{Alu, Prmt, Type};

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    match *alu {
        // A shift by the width or more leaves zeros, or the sign.
        Alu::Shl(ty) => unsigned!(ty, T; map!(level, |a: T, b: u32| -> T {
            if b < T::BITS { a << (b & (T::BITS - 1)) } else { 0 }
        })),
        Alu::Shr(ty) => match ty {
            Type::S16 | Type::S32 | Type::S64 => types!(ty, T: S16 => i16, S32 => i32, S64 => i64;
                map!(level, |a: T, b: u32| -> T { a >> b.min(T::BITS - 1) })),
            _ => unsigned!(ty, T; map!(level, |a: T, b: u32| -> T {
                if b < T::BITS { a >> (b & (T::BITS - 1)) } else { 0 }
            })),
        },
        Alu::Shf { left, wrap } => flags!(L = left; flags!(W = wrap;
        map!(level, |a: u32, b: u32, c: u32| -> u32 {
            let count = if W { c & 31 } else { c.min(32) };
            let both = (u64::from(b) << 32) | u64::from(a);
            if L { ((both << count) >> 32) as u32 } else { (both >> count) as u32 }
        }))),
        Alu::Bfe(ty) => types!(ty, T: U32 => u32, S32 => i32, U64 => u64, S64 => i64;
        map!(level, |a: T, b: u32, c: u32| -> T {
            // Of 32 bits the low byte counts, of 64 bits the whole word (seen on an H200).
            let (position, length) = if T::BITS == 32 { (b & 0xff, c & 0xff) } else { (b, c) };
            // Moved to the top, then down again; past the top come zeros, or the sign.
            let end = position.saturating_add(length).min(T::BITS);
            let beyond = if T::MIN != 0 { a >> (T::BITS - 1) } else { 0 };
            if length == 0 {
                0
            } else if position >= T::BITS {
                beyond
            } else {
                (a << (T::BITS - end)) >> (T::BITS - end + position)
            }
        })),
        Alu::Bfi(ty) => types!(ty, T: B32 | U32 | S32 => u32, B64 | U64 | S64 => u64;
        map!(level, |a: T, b: T, c: u32, e: u32| -> T {
            let (position, length) = if T::BITS == 32 { (c & 0xff, e & 0xff) } else { (c, e) };
            if position >= T::BITS || length == 0 {
                b
            } else {
                let field = (T::MAX >> (T::BITS - length.min(T::BITS))) << position;
                (b & !field) | ((a << position) & field)
            }
        })),
        Alu::Prmt(mode) => prmt(mode, level),
        _ => None,
    }
}

/// Byte `index` (0 to 7) of `b:a`.
#[inline(always)]
fn byte(both: u64, index: u32) -> u32 {
    ((both >> (8 * (index & 7))) & 0xff) as u32
}

/// Four bytes of `b:a`, the first the lowest.
#[inline(always)]
fn four(a: u32, b: u32, index: impl Fn(u32) -> u32) -> u32 {
    let both = (u64::from(b) << 32) | u64::from(a);
    let mut result = 0;
    for part in 0..4 {
        result |= byte(both, index(part)) << (8 * part);
    }
    result
}

/// The tables of the ISA, as rules.
fn prmt(mode: Prmt, level: Level) -> Option<AluFn> {
    match mode {
        Prmt::Index => map!(level, |a: u32, b: u32, c: u32| -> u32 {
            let both = (u64::from(b) << 32) | u64::from(a);
            let mut result = 0;
            for part in 0..4 {
                let pick = c >> (4 * part);
                let value = byte(both, pick);
                // The highest bit of the selector asks for the sign of the byte, eight times.
                let sign = if value & 0x80 != 0 { 0xff } else { 0 };
                result |= (if pick & 8 != 0 { sign } else { value }) << (8 * part);
            }
            result
        }),
        Prmt::Forward4Extract => {
            map!(level, |a: u32, b: u32, c: u32| -> u32 { four(a, b, |part| (c & 3) + part) })
        }
        Prmt::Backward4Extract => {
            map!(level, |a: u32, b: u32, c: u32| -> u32 { four(a, b, |part| (c & 3).wrapping_sub(part)) })
        }
        Prmt::Replicate8 => map!(level, |a: u32, b: u32, c: u32| -> u32 { four(a, b, |_| c & 3) }),
        Prmt::EdgeClampLeft => {
            map!(level, |a: u32, b: u32, c: u32| -> u32 { four(a, b, |part| (c & 3).max(part)) })
        }
        Prmt::EdgeClampRight => {
            map!(level, |a: u32, b: u32, c: u32| -> u32 { four(a, b, |part| (c & 3).min(part)) })
        }
        Prmt::Replicate16 => {
            map!(level, |a: u32, b: u32, c: u32| -> u32 { four(a, b, |part| 2 * (c & 1) + (part & 1)) })
        }
    }
}
