//! Elements of matrices, taken apart.

use crate::alu::half::F16;
use crate::alu::narrow::from_eight;

/// A finite number: `magnitude * 2^(exponent - fraction bits of its type)`, or what is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    /// The significand, with the bit that is not written.
    pub(super) magnitude: u32,
    /// That of the highest bit of a normal number; of a subnormal one the least of the type; of a zero very small.
    pub(super) exponent: i32,
    /// -1 for negative ones.
    pub(super) sign: i32,
    /// Infinite or NaN.
    pub(super) special: Special,
}

/// What is no finite number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Finite,
    Infinite,
    Nan,
}

impl Number {
    /// A zero: its exponent never is the largest.
    pub(super) const ZERO: Self = Self { magnitude: 0, exponent: -1000, sign: 0, special: Special::Finite };

    /// Takes apart what has an IEEE layout of `1 + exponent_bits + fraction` bits.
    #[inline(always)]
    pub(super) fn of(bits: u32, exponent_bits: u32, fraction: u32) -> Self {
        let largest = (1 << exponent_bits) - 1;
        let field = ((bits >> fraction) & largest) as i32;
        let low = bits & ((1 << fraction) - 1);
        let bias = (largest >> 1) as i32;
        let magnitude = if field == 0 { low } else { low | (1 << fraction) };
        let exponent = if magnitude == 0 { Self::ZERO.exponent } else { field.max(1) - bias };
        let special = if field as u32 != largest {
            Special::Finite
        } else if low == 0 {
            Special::Infinite
        } else {
            Special::Nan
        };
        Self { magnitude, exponent, sign: -(((bits >> (exponent_bits + fraction)) & 1) as i32), special }
    }
}

/// A type of elements.
pub(super) trait Cell {
    /// How many are in a register.
    const COUNT: usize;
    /// Bits of fraction of the magnitudes.
    const FRACTION: u32;
    /// An element of a register.
    fn number(register: u32, index: usize) -> Number;
}

/// `f16`.
pub(super) struct Half;
impl Cell for Half {
    const COUNT: usize = 2;
    const FRACTION: u32 = 10;
    #[inline(always)]
    fn number(register: u32, index: usize) -> Number {
        Number::of((register >> (16 * index)) & 0xffff, 5, 10)
    }
}

/// `bf16`.
pub(super) struct Brain;
impl Cell for Brain {
    const COUNT: usize = 2;
    const FRACTION: u32 = 7;
    #[inline(always)]
    fn number(register: u32, index: usize) -> Number {
        Number::of((register >> (16 * index)) & 0xffff, 8, 7)
    }
}

/// `tf32`: the low 13 bits do not count.
pub(super) struct Tensor;
impl Cell for Tensor {
    const COUNT: usize = 1;
    const FRACTION: u32 = 10;
    #[inline(always)]
    fn number(register: u32, _index: usize) -> Number {
        Number::of(register >> 13, 8, 10)
    }
}

/// `e4m3` and `e5m2`, as the `f16` that have the same values.
pub(super) struct Eight<const E4: bool>;
impl<const E4: bool> Cell for Eight<E4> {
    const COUNT: usize = 4;
    const FRACTION: u32 = 10;
    #[inline(always)]
    fn number(register: u32, index: usize) -> Number {
        let F16(bits) = from_eight::<E4>((register >> (8 * index)) as u8);
        Number::of(bits.into(), 5, 10)
    }
}
