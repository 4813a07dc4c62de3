//! Comparisons, and what they choose (PTX ISA 9.0, sections 9.7.6 and 9.7.7).

use super::bits::untyped;
use super::combined::{self, Use};
use super::float::flush;
use super::half::{Bf16, F16, Half, Pair};
use super::kernel::{Map, flags, map, types};
use super::{AluFn, Level};
use crate::ptx::{Alu, Combine, Comparison, Type};

/// A comparison.
trait Compare {
    fn test<T: PartialOrd>(a: T, b: T) -> bool;
}

macro_rules! comparisons {
    ($($name:ident: |$a:ident, $b:ident| $test:expr;)*) => {$(
        struct $name;
        impl Compare for $name {
            #[inline(always)]
            fn test<T: PartialOrd>($a: T, $b: T) -> bool {
                $test
            }
        }
    )*};
}
comparisons! {
    Eq: |a, b| a == b;
    Ne: |a, b| (a < b) | (a > b);
    Lt: |a, b| a < b;
    Le: |a, b| a <= b;
    Gt: |a, b| a > b;
    Ge: |a, b| a >= b;
    Equ: |a, b| !((a < b) | (a > b));
    Neu: |a, b| a != b;
    Ltu: |a, b| !(a >= b);
    Leu: |a, b| !(a > b);
    Gtu: |a, b| !(a <= b);
    Geu: |a, b| !(a < b);
    Num: |a, b| (a <= b) | (a > b);
    Nan: |a, b| !((a <= b) | (a > b));
}

/// The expression with `C` the comparison.
macro_rules! ordered {
    ($compare:expr, $C:ident; $body:expr) => {
        match $compare {
            Comparison::Eq => {
                type $C = Eq;
                $body
            }
            Comparison::Ne => {
                type $C = Ne;
                $body
            }
            Comparison::Lt | Comparison::Lo => {
                type $C = Lt;
                $body
            }
            Comparison::Le | Comparison::Ls => {
                type $C = Le;
                $body
            }
            Comparison::Gt | Comparison::Hi => {
                type $C = Gt;
                $body
            }
            Comparison::Ge | Comparison::Hs => {
                type $C = Ge;
                $body
            }
            _ => None,
        }
    };
}
/// The same with those of floats.
macro_rules! floating {
    ($compare:expr, $C:ident; $body:expr) => {
        match $compare {
            Comparison::Equ => { type $C = Equ; $body }
            Comparison::Neu => { type $C = Neu; $body }
            Comparison::Ltu => { type $C = Ltu; $body }
            Comparison::Leu => { type $C = Leu; $body }
            Comparison::Gtu => { type $C = Gtu; $body }
            Comparison::Geu => { type $C = Geu; $body }
            Comparison::Num => { type $C = Num; $body }
            Comparison::Nan => { type $C = Nan; $body }
            Comparison::Eq | Comparison::Ne | Comparison::Lt | Comparison::Le | Comparison::Gt
            | Comparison::Ge => ordered!($compare, $C; $body),
            _ => None,
        }
    };
}

/// The expression with `M` a map from two operands to a predicate: for every type that is compared.
macro_rules! compared {
    ($compare:expr, $ty:expr, $ftz:expr, $M:ident; $body:expr) => {{
        macro_rules! test {
            ($T:ty, $C:ident, |$a:ident, $b:ident| $left:expr, $right:expr) => {{
                struct $M;
                impl Map for $M {
                    type In = ($T, $T);
                    type Out = bool;
                    #[inline(always)]
                    fn apply(($a, $b): Self::In) -> bool {
                        $C::test($left, $right)
                    }
                }
                $body
            }};
        }
        match $ty {
            Type::F32 => floating!($compare, C; flags!(FTZ = $ftz;
                test!(f32, C, |a, b| flush::<FTZ>(a), flush::<FTZ>(b)))),
            Type::F64 => floating!($compare, C; test!(f64, C, |a, b| a, b)),
            Type::F16 => floating!($compare, C; flags!(FTZ = $ftz; test!(F16, C, |a, b|
                if FTZ { a.flush() } else { a }.value(), if FTZ { b.flush() } else { b }.value()))),
            Type::BF16 => floating!($compare, C; test!(Bf16, C, |a, b| a.value(), b.value())),
            Type::U16 | Type::S16 | Type::B16
                if matches!($compare, Comparison::Eq | Comparison::Ne) || $ty != Type::S16 =>
            {
                ordered!($compare, C; test!(u16, C, |a, b| a, b))
            }
            Type::S16 => ordered!($compare, C; test!(i16, C, |a, b| a, b)),
            Type::U32 | Type::S32 | Type::B32
                if matches!($compare, Comparison::Eq | Comparison::Ne) || $ty != Type::S32 =>
            {
                ordered!($compare, C; test!(u32, C, |a, b| a, b))
            }
            Type::S32 => ordered!($compare, C; test!(i32, C, |a, b| a, b)),
            Type::U64 | Type::S64 | Type::B64
                if matches!($compare, Comparison::Eq | Comparison::Ne) || $ty != Type::S64 =>
            {
                ordered!($compare, C; test!(u64, C, |a, b| a, b))
            }
            Type::S64 => ordered!($compare, C; test!(i64, C, |a, b| a, b)),
            _ => None,
        }
    }};
}

/// The number that the combination of a comparison is compiled for.
fn code(combine: Option<(Combine, bool)>) -> u8 {
    match combine {
        None => combined::NONE,
        Some((Combine::And, negated)) => combined::AND + u8::from(negated),
        Some((Combine::Or, negated)) => combined::OR + u8::from(negated),
        Some((Combine::Xor, negated)) => combined::XOR + u8::from(negated),
    }
}

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    match *alu {
        Alu::Setp { compare, ty, ftz, combine } => one(compare, ty, ftz, Use::Setp(code(combine)), level),
        Alu::SetpBoth { compare, ty: ty @ (Type::F16x2 | Type::BF16x2), ftz, combine } => {
            floating!(compare, C; flags!(FTZ = ftz; types!(ty, T: F16x2 => F16, BF16x2 => Bf16; {
                struct M;
                impl Map for M {
                    type In = (Pair<T>, Pair<T>);
                    type Out = (bool, bool);
                    #[inline(always)]
                    fn apply((a, b): Self::In) -> (bool, bool) {
                        (test_half::<T, C, FTZ>(a.0, b.0), test_half::<T, C, FTZ>(a.1, b.1))
                    }
                }
                Some(combined::pick_pair::<M>(code(combine)))
            })))
        }
        Alu::SetpBoth { compare, ty, ftz, combine } => one(compare, ty, ftz, Use::Both(code(combine)), level),
        Alu::Selp(ty) => {
            untyped!(ty, T; map!(level, |a: T, b: T, p: bool| -> T { if p { a } else { b } }))
        }
        Alu::Slct { ty, compare_ty: Type::S32, .. } => {
            untyped!(ty, T; map!(level, |a: T, b: T, c: i32| -> T { if c >= 0 { a } else { b } }))
        }
        Alu::Slct { ty, compare_ty: Type::F32, ftz } => flags!(FTZ = ftz; untyped!(ty, T;
            map!(level, |a: T, b: T, c: f32| -> T { if flush::<FTZ>(c) >= 0.0 { a } else { b } }))),
        Alu::Set { compare, to, ty, ftz } => set(compare, to, ty, ftz, level),
        _ => None,
    }
}

/// A comparison of one value: all that is done with it from one expansion, so that what compares is compiled once.
fn one(compare: Comparison, ty: Type, ftz: bool, then: Use, level: Level) -> Option<AluFn> {
    compared!(compare, ty, ftz, M; Some(combined::pick::<M>(level, then)))
}

/// Compares halves.
#[inline(always)]
fn test_half<T: Half, C: Compare, const FTZ: bool>(a: T, b: T) -> bool {
    if FTZ { C::test(a.flush().value(), b.flush().value()) } else { C::test(a.value(), b.value()) }
}

/// `set`: ones, or 1.0, where the comparison holds.
fn set(compare: Comparison, to: Type, ty: Type, ftz: bool, level: Level) -> Option<AluFn> {
    if let Type::F16x2 | Type::BF16x2 = ty {
        let mask = matches!(to, Type::U32 | Type::S32 | Type::B32);
        return (mask || to == ty)
            .then(|| {
                flags!(MASK = mask; flags!(FTZ = ftz; floating!(compare, C;
                types!(ty, T: F16x2 => F16, BF16x2 => Bf16;
                    map!(rare level, |a: Pair<T>, b: Pair<T>| -> u32 {
                        let one = if MASK { 0xffff } else { u32::from(T::ONE.bits()) };
                        let low = test_half::<T, C, FTZ>(a.0, b.0);
                        let high = test_half::<T, C, FTZ>(a.1, b.1);
                        (if low { one } else { 0 }) | (if high { one << 16 } else { 0 })
                    })))))
            })
            .flatten();
    }
    match to {
        Type::U32 | Type::S32 | Type::B32 => one(compare, ty, ftz, Use::Mask, level),
        Type::F32 => one(compare, ty, ftz, Use::One, level),
        // Of 16 bits only for halves.
        _ if matches!(to, Type::U16 | Type::S16 | Type::B16) || to == ty => {
            flags!(MASK = to != ty; flags!(FTZ = ftz; floating!(compare, C;
            types!(ty, T: F16 => F16, BF16 => Bf16; map!(rare level, |a: T, b: T| -> u16 {
                let one = if MASK { 0xffff } else { T::ONE.bits() };
                if test_half::<T, C, FTZ>(a, b) { one } else { 0 }
            })))))
        }
        _ => None,
    }
}
