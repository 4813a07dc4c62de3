//! Additions and subtractions longer than a register (PTX ISA 9.0, section 9.7.2).

use super::integer::unsigned;
use super::kernel::{map, types};
use super::{AluFn, Level};
use crate::ptx::{Alu, Type};

/// The function of an instruction of this file.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    match *alu {
        Alu::AddCarryOut { ty } => {
            unsigned!(ty, T; map!(level, |a: T, b: T| -> (T, bool) { a.overflowing_add(b) }))
        }
        Alu::AddCarryIn { ty } => unsigned!(ty, T; map!(level, |a: T, b: T, carry: bool| -> (T, bool) {
            let (sum, first) = a.overflowing_add(b);
            let (sum, second) = sum.overflowing_add(T::from(carry));
            (sum, first | second)
        })),
        Alu::SubCarryOut { ty } => {
            unsigned!(ty, T; map!(level, |a: T, b: T| -> (T, bool) { a.overflowing_sub(b) }))
        }
        Alu::SubCarryIn { ty } => unsigned!(ty, T; map!(level, |a: T, b: T, borrow: bool| -> (T, bool) {
            let (difference, first) = a.overflowing_sub(b);
            let (difference, second) = difference.overflowing_sub(T::from(borrow));
            (difference, first | second)
        })),
        _ => None,
    }
}
