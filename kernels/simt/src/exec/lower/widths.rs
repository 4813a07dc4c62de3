//! Which operands have 64 bits: numbers and special registers get a slot of that width.

use super::frame::Width;
use crate::ptx::{Alu, Mma, Type};

/// The width of the source of this index.
pub(super) fn source(alu: &Alu, index: usize) -> Width {
    use Alu as A;
    let narrow = Width::Narrow;
    match *alu {
        A::Pack { part, .. } => Width::of(part),
        A::Unpack { part, parts } => Width::of_bytes(part.bytes() * u32::from(parts)),
        A::AddCarryIn { ty } | A::SubCarryIn { ty } => {
            if index == 2 {
                Width::Predicate
            } else {
                Width::of(ty)
            }
        }
        A::MadWide(ty) => {
            if index == 2 {
                Width::of_bytes(ty.bytes() * 2)
            } else {
                Width::of(ty)
            }
        }
        A::Bfe(ty) => {
            if index == 0 {
                Width::of(ty)
            } else {
                narrow
            }
        }
        A::Bfi(ty) => {
            if index < 2 {
                Width::of(ty)
            } else {
                narrow
            }
        }
        A::Shl(ty) | A::Shr(ty) => {
            if index == 0 {
                Width::of(ty)
            } else {
                narrow
            }
        }
        A::Selp(ty) => {
            if index == 2 {
                Width::Predicate
            } else {
                Width::of(ty)
            }
        }
        A::Slct { ty, .. } => {
            if index == 2 {
                narrow
            } else {
                Width::of(ty)
            }
        }
        A::Setp { ty, .. } | A::SetpBoth { ty, .. } => {
            if index == 2 {
                Width::Predicate
            } else {
                Width::of(ty)
            }
        }
        A::Set { ty, .. } => Width::of(ty),
        A::Cvt { from, .. } => Width::of(from),
        A::Mma(Mma { d: Type::F64, .. }) => Width::Wide,
        A::Mma(_)
        | A::Dp4a { .. }
        | A::Dp2a { .. }
        | A::Lop3 { .. }
        | A::Shf { .. }
        | A::Prmt(_)
        | A::DivApprox { .. } => narrow,
        A::Mov(ty)
        | A::Add { ty, .. }
        | A::Sub { ty, .. }
        | A::AddCarryOut { ty }
        | A::SubCarryOut { ty }
        | A::MulLo(ty)
        | A::MulHi(ty)
        | A::MulWide(ty)
        | A::MadLo(ty)
        | A::MadHi(ty)
        | A::Sad(ty)
        | A::Div(ty)
        | A::Rem(ty)
        | A::Abs(ty)
        | A::Neg(ty)
        | A::Min(ty)
        | A::Max(ty)
        | A::Popc(ty)
        | A::Clz(ty)
        | A::Bfind { ty, .. }
        | A::Brev(ty)
        | A::And(ty)
        | A::Or(ty)
        | A::Xor(ty)
        | A::Not(ty)
        | A::Cnot(ty)
        | A::FAdd { ty, .. }
        | A::FSub { ty, .. }
        | A::FMul { ty, .. }
        | A::Fma { ty, .. }
        | A::FDiv { ty, .. }
        | A::Rcp { ty, .. }
        | A::Sqrt { ty, .. }
        | A::Approx { ty, .. }
        | A::FAbs { ty, .. }
        | A::FNeg { ty, .. }
        | A::FMin { ty, .. }
        | A::FMax { ty, .. }
        | A::Copysign(ty)
        | A::Testp { ty, .. } => Width::of(ty),
    }
}

/// The width of the destination of this index.
pub(super) fn destination(alu: &Alu, index: usize) -> Width {
    use Alu as A;
    match *alu {
        A::Pack { part, parts } => Width::of_bytes(part.bytes() * u32::from(parts)),
        A::Unpack { part, .. } => Width::of(part),
        A::AddCarryOut { ty } | A::AddCarryIn { ty } | A::SubCarryOut { ty } | A::SubCarryIn { ty } => {
            if index == 1 {
                Width::Predicate
            } else {
                Width::of(ty)
            }
        }
        A::MulWide(ty) | A::MadWide(ty) => Width::of_bytes(ty.bytes() * 2),
        A::Popc(_) | A::Clz(_) | A::Bfind { .. } => Width::Narrow,
        A::Testp { .. } | A::Setp { .. } | A::SetpBoth { .. } => Width::Predicate,
        A::Set { to, .. } | A::Cvt { to, .. } => Width::of(to),
        _ => source(alu, 0),
    }
}

impl Width {
    /// Of a value of this many bytes.
    pub(super) const fn of_bytes(bytes: u32) -> Self {
        if bytes > 4 { Self::Wide } else { Self::Narrow }
    }
}
