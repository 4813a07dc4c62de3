//! Bits, and values moved as they are (PTX ISA 9.0, sections 9.7.8 and 9.7.9).

use super::integer::unsigned;
use super::kernel::{Kernel, flags, map, pick, types};
use super::view::View;
use super::{AluFn, Level};
use crate::ptx::{Alu, Type};

/// `types!` for values that are only moved. What is narrower than 32 bits is moved with the zeros above it.
macro_rules! untyped {
    ($ty:expr, $T:ident; $body:expr) => {
        types!($ty, $T:
            B8 | U8 | S8 | B16 | U16 | S16 | F16 | BF16 | E4M3 | E5M2 | E4M3x2 | E5M2x2
            | B32 | U32 | S32 | F32 | TF32 | F16x2 | BF16x2 => u32,
            B64 | U64 | S64 | F64 => u64; $body)
    };
}
pub(super) use untyped;

/// Predicates: a mask at a time.
macro_rules! masks {
    ($level:expr, |$($arg:ident $index:literal),*| $body:expr) => {{
        struct K;
        impl Kernel for K {
            #[inline(always)]
            fn run(view: View<'_>) {
                $(let $arg = view.mask($index);)*
                view.set_mask(0, $body);
            }
        }
        Some(pick::<K>($level))
    }};
}

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    match *alu {
        Alu::Mov(Type::Pred) => masks!(level, |a 1| a),
        Alu::Not(Type::Pred) => masks!(level, |a 1| !a),
        Alu::And(Type::Pred) => masks!(level, |a 1, b 2| a & b),
        Alu::Or(Type::Pred) => masks!(level, |a 1, b 2| a | b),
        Alu::Xor(Type::Pred) => masks!(level, |a 1, b 2| a ^ b),
        Alu::Mov(ty) => untyped!(ty, T; map!(level, |a: T| -> T { a })),
        Alu::And(ty) => unsigned!(ty, T; map!(level, |a: T, b: T| -> T { a & b })),
        Alu::Or(ty) => unsigned!(ty, T; map!(level, |a: T, b: T| -> T { a | b })),
        Alu::Xor(ty) => unsigned!(ty, T; map!(level, |a: T, b: T| -> T { a ^ b })),
        Alu::Not(ty) => unsigned!(ty, T; map!(level, |a: T| -> T { !a })),
        Alu::Cnot(ty) => unsigned!(ty, T; map!(level, |a: T| -> T { T::from(a == 0) })),
        Alu::Popc(ty) => types!(ty, T: B32 | U32 | S32 => u32, B64 | U64 | S64 => u64;
            map!(level, |a: T| -> u32 { a.count_ones() })),
        Alu::Clz(ty) => types!(ty, T: B32 | U32 | S32 => u32, B64 | U64 | S64 => u64;
            map!(level, |a: T| -> u32 { a.leading_zeros() })),
        Alu::Brev(ty) => types!(ty, T: B32 | U32 | S32 => u32, B64 | U64 | S64 => u64;
            map!(level, |a: T| -> T { a.reverse_bits() })),
        Alu::Bfind { ty, shift_amount } => flags!(AMOUNT = shift_amount;
        types!(ty, T: U32 => u32, S32 => i32, U64 => u64, S64 => i64;
            map!(level, |a: T| -> u32 {
                // Of a negative number the highest bit that is not its sign.
                let zeros = (if T::MIN != 0 { a ^ (a >> (T::BITS - 1)) } else { a }).leading_zeros();
                if zeros == T::BITS { u32::MAX } else if AMOUNT { zeros } else { T::BITS - 1 - zeros }
            }))),
        Alu::Lop3 { table } => lop3(table),
        Alu::Pack { part, parts } => pack(part, parts, level),
        Alu::Unpack { part, parts } => unpack(part, parts, level),
        _ => super::shift::function(alu, level),
    }
}

/// The table of `lop3` has a bit for each `abc`; a function for each of the 256 tables. They are loops of and, or and
/// not, which any machine does well, so there is one level of them.
fn lop3(table: u8) -> Option<AluFn> {
    let portable = Level::Portable;
    flags!(T0 = table & 1 != 0; flags!(T1 = table & 2 != 0; flags!(T2 = table & 4 != 0;
    flags!(T3 = table & 8 != 0; flags!(T4 = table & 16 != 0; flags!(T5 = table & 32 != 0;
    flags!(T6 = table & 64 != 0; flags!(T7 = table & 128 != 0;
        map!(portable, |a: u32, b: u32, c: u32| -> u32 {
            let mut result = 0;
            if T0 { result |= !a & !b & !c; }
            if T1 { result |= !a & !b & c; }
            if T2 { result |= !a & b & !c; }
            if T3 { result |= !a & b & c; }
            if T4 { result |= a & !b & !c; }
            if T5 { result |= a & !b & c; }
            if T6 { result |= a & b & !c; }
            if T7 { result |= a & b & c; }
            result
        })))))))))
}

/// `mov.b32 d, {a, b}` and its like. The first part is the lowest.
fn pack(part: Type, parts: u8, level: Level) -> Option<AluFn> {
    match (part.bytes(), parts) {
        (1, 2) => map!(level, |a: u8, b: u8| -> u16 { u16::from_le_bytes([a, b]) }),
        (1, 4) => map!(level, |a: u8, b: u8, c: u8, d: u8| -> u32 { u32::from_le_bytes([a, b, c, d]) }),
        (2, 2) => map!(level, |a: u16, b: u16| -> u32 { u32::from(a) | (u32::from(b) << 16) }),
        (2, 4) => map!(level, |a: u16, b: u16, c: u16, d: u16| -> u64 {
            u64::from(a) | (u64::from(b) << 16) | (u64::from(c) << 32) | (u64::from(d) << 48)
        }),
        (4, 2) => map!(level, |a: u32, b: u32| -> u64 { u64::from(a) | (u64::from(b) << 32) }),
        _ => None,
    }
}

/// `mov.b32 {a, b}, d` and its like.
fn unpack(part: Type, parts: u8, level: Level) -> Option<AluFn> {
    match (part.bytes(), parts) {
        (1, 2) => map!(level, |a: u16| -> (u8, u8) { (a as u8, (a >> 8) as u8) }),
        (1, 4) => map!(level, |a: u32| -> (u8, u8, u8, u8) {
            (a as u8, (a >> 8) as u8, (a >> 16) as u8, (a >> 24) as u8)
        }),
        (2, 2) => map!(level, |a: u32| -> (u16, u16) { (a as u16, (a >> 16) as u16) }),
        (2, 4) => map!(level, |a: u64| -> (u16, u16, u16, u16) {
            (a as u16, (a >> 16) as u16, (a >> 32) as u16, (a >> 48) as u16)
        }),
        (4, 2) => map!(level, |a: u64| -> (u32, u32) { (a as u32, (a >> 32) as u32) }),
        _ => None,
    }
}
