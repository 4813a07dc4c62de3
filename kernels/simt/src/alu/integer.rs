//! Arithmetic of integers (PTX ISA 9.0, section 9.7.1).

use super::kernel::{flags, map, types};
use super::{AluFn, Level};
use crate::ptx::{Alu, Type};

/// `types!` for every integer.
macro_rules! integers {
    ($ty:expr, $T:ident; $body:expr) => {
        types!($ty, $T: U16 => u16, S16 => i16, U32 => u32, S32 => i32, U64 => u64, S64 => i64; $body)
    };
}

/// `types!` where the sign makes no difference.
macro_rules! unsigned {
    ($ty:expr, $T:ident; $body:expr) => {
        types!($ty, $T: U16 | S16 | B16 => u16, U32 | S32 | B32 => u32, U64 | S64 | B64 => u64; $body)
    };
}
pub(super) use unsigned;

/// The next wider type.
trait Wide {
    type Wide;
    fn wide(self) -> Self::Wide;
    /// The upper half.
    fn high(product: Self::Wide) -> Self;
}
macro_rules! wide {
    ($($narrow:ty => $wide:ty),*) => {$(
        impl Wide for $narrow {
            type Wide = $wide;
            #[inline(always)]
            fn wide(self) -> $wide {
                <$wide>::from(self)
            }
            #[inline(always)]
            fn high(product: $wide) -> $narrow {
                (product >> <$narrow>::BITS) as $narrow
            }
        }
    )*};
}
wide!(u16 => u32, i16 => i32, u32 => u64, i32 => i64, u64 => u128, i64 => i128);

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    match *alu {
        Alu::Add { ty: Type::S32, saturate: true } => {
            map!(level, |a: i32, b: i32| -> i32 { a.saturating_add(b) })
        }
        Alu::Sub { ty: Type::S32, saturate: true } => {
            map!(level, |a: i32, b: i32| -> i32 { a.saturating_sub(b) })
        }
        Alu::Add { ty, saturate: false } => {
            unsigned!(ty, T; map!(level, |a: T, b: T| -> T { a.wrapping_add(b) }))
        }
        Alu::Sub { ty, saturate: false } => {
            unsigned!(ty, T; map!(level, |a: T, b: T| -> T { a.wrapping_sub(b) }))
        }
        Alu::MulLo(ty) => unsigned!(ty, T; map!(level, |a: T, b: T| -> T { a.wrapping_mul(b) })),
        Alu::MadLo(ty) => {
            unsigned!(ty, T; map!(level, |a: T, b: T, c: T| -> T { a.wrapping_mul(b).wrapping_add(c) }))
        }
        Alu::MulHi(ty) => integers!(ty, T; map!(level, |a: T, b: T| -> T { T::high(a.wide() * b.wide()) })),
        Alu::MadHi(ty) => integers!(ty, T; map!(level, |a: T, b: T, c: T| -> T {
            T::high(a.wide() * b.wide()).wrapping_add(c)
        })),
        Alu::MulWide(ty) => types!(ty, T: U16 => u16, S16 => i16, U32 => u32, S32 => i32;
            map!(level, |a: T, b: T| -> <T as Wide>::Wide { a.wide() * b.wide() })),
        Alu::MadWide(ty) => types!(ty, T: U16 => u16, S16 => i16, U32 => u32, S32 => i32;
        map!(level, |a: T, b: T, c: <T as Wide>::Wide| -> <T as Wide>::Wide {
            (a.wide() * b.wide()).wrapping_add(c)
        })),
        Alu::Sad(ty) => integers!(ty, T; map!(level, |a: T, b: T, c: T| -> T {
            c.wrapping_add(if a < b { b.wrapping_sub(a) } else { a.wrapping_sub(b) })
        })),
        Alu::Div(ty) => integers!(ty, T; map!(slow level, |a: T, b: T| -> T {
            if b == 0 { !0 } else { a.wrapping_div(b) }
        })),
        Alu::Rem(ty) => integers!(ty, T; map!(slow level, |a: T, b: T| -> T {
            if b == 0 { !0 } else { a.wrapping_rem(b) }
        })),
        Alu::Abs(ty) => types!(ty, T: S16 => i16, S32 => i32, S64 => i64;
            map!(level, |a: T| -> T { a.wrapping_abs() })),
        Alu::Neg(ty) => types!(ty, T: S16 => i16, S32 => i32, S64 => i64;
            map!(level, |a: T| -> T { a.wrapping_neg() })),
        Alu::Min(ty) => integers!(ty, T; map!(level, |a: T, b: T| -> T { a.min(b) })),
        Alu::Max(ty) => integers!(ty, T; map!(level, |a: T, b: T| -> T { a.max(b) })),
        Alu::Dp4a { a_signed, b_signed } => flags!(A = a_signed; flags!(B = b_signed; map!(level,
        |a: u32, b: u32, c: u32| -> u32 {
            let mut sum = c;
            for byte in 0..4 {
                sum = sum.wrapping_add(byte_of::<A>(a, byte).wrapping_mul(byte_of::<B>(b, byte)));
            }
            sum
        }))),
        Alu::Dp2a { a_signed, b_signed, high } => flags!(A = a_signed; flags!(B = b_signed; flags!(H = high;
        map!(level, |a: u32, b: u32, c: u32| -> u32 {
            let first = if H { 2 } else { 0 };
            let low = half_of::<A>(a, 0).wrapping_mul(byte_of::<B>(b, first));
            let high = half_of::<A>(a, 1).wrapping_mul(byte_of::<B>(b, first + 1));
            c.wrapping_add(low).wrapping_add(high)
        })))),
        _ => None,
    }
}

/// A byte of a word, extended.
#[inline(always)]
fn byte_of<const SIGNED: bool>(word: u32, index: u32) -> u32 {
    let byte = (word >> (8 * index)) as u8;
    if SIGNED { i32::from(byte as i8) as u32 } else { u32::from(byte) }
}

/// A half of a word, extended.
#[inline(always)]
fn half_of<const SIGNED: bool>(word: u32, index: u32) -> u32 {
    let half = (word >> (16 * index)) as u16;
    if SIGNED { i32::from(half as i16) as u32 } else { u32::from(half) }
}
