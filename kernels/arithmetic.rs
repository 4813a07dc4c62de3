//! In which number formats a reference computes.
//!
//! A reference runs in `f64` (the truth), in `f32`, or in `declared` arithmetic: `f32` values that are rounded
//! wherever the op declares that its device code rounds, with sums taken in one of several orders that a device
//! might take. The spread of `declared` runs around the truth says how far an honest low-precision
//! implementation lands from it, which is what tolerances are derived from.

use std::fmt;

use crate::{Dtype, Real};

/// The dtypes in which an op's device code holds its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// Operands as they are read.
    pub input: Dtype,
    /// Sums and products while they are being taken.
    pub accumulator: Dtype,
    /// Values between two sums inside the op, such as attention probabilities.
    pub intermediate: Dtype,
    /// Results as they are written.
    pub output: Dtype,
}

/// The arithmetic of one forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// Everything in binary64: the truth that the others are measured against.
    F64,
    /// Everything in binary32.
    F32,
    /// Binary32, rounded where each op declares it.
    Declared {
        /// The dtype that the device stores activations in.
        activation: Dtype,
        /// Which of [`SUMMATION_ORDERS`] orders the sums are taken in.
        order: u32,
    },
}

/// How many different orders of summation `declared` arithmetic knows: 1, 2, 4, … 128 interleaved partial sums,
/// which are then added pairwise, as the lanes of a warp are.
pub const SUMMATION_ORDERS: u32 = 8;

impl Arithmetic {
    /// The element type that a trace of this arithmetic is stored in.
    #[must_use]
    pub const fn element(self) -> Dtype {
        match self {
            Self::F64 => Dtype::F64,
            Self::F32 | Self::Declared { .. } => Dtype::F32,
        }
    }

    /// What an op with this declaration rounds, and how it sums.
    #[must_use]
    pub fn rounding(self, declares: fn(Dtype) -> Declaration) -> Rounding {
        match self {
            Self::F64 | Self::F32 => Rounding { declaration: None, lanes: 8 },
            Self::Declared { activation, order } => {
                Rounding { declaration: Some(declares(activation)), lanes: 1 << (order % SUMMATION_ORDERS) }
            }
        }
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F64 => f.write_str("f64"),
            Self::F32 => f.write_str("f32"),
            Self::Declared { .. } => f.write_str("declared"),
        }
    }
}

/// Where one op rounds. Without a declaration every method is the identity.
#[derive(Debug, Clone, Copy)]
pub struct Rounding {
    declaration: Option<Declaration>,
    lanes: usize,
}

impl Rounding {
    /// Whether anything is rounded at all, that is, whether the arithmetic is `declared`.
    #[must_use]
    pub const fn is_declared(&self) -> bool {
        self.declaration.is_some()
    }

    /// An operand as the op reads it.
    pub fn input<T: Real>(&self, value: T) -> T {
        self.declaration.map_or(value, |d| value.rounded_to(d.input))
    }

    /// A value between two sums.
    pub fn intermediate<T: Real>(&self, value: T) -> T {
        self.declaration.map_or(value, |d| value.rounded_to(d.intermediate))
    }

    /// A result as the op writes it.
    pub fn output<T: Real>(&self, value: T) -> T {
        self.declaration.map_or(value, |d| value.rounded_to(d.output))
    }

    /// The sum of `term(0) .. term(count - 1)` in this arithmetic's order, in the accumulator's format.
    pub fn sum<T: Real>(&self, count: usize, term: impl Fn(usize) -> T) -> T {
        // A branch for each number of lanes, so that the loop over them is unrolled.
        match self.lanes {
            1 => self.in_lanes::<T, 1>(count, term),
            2 => self.in_lanes::<T, 2>(count, term),
            4 => self.in_lanes::<T, 4>(count, term),
            16 => self.in_lanes::<T, 16>(count, term),
            32 => self.in_lanes::<T, 32>(count, term),
            64 => self.in_lanes::<T, 64>(count, term),
            128 => self.in_lanes::<T, 128>(count, term),
            _ => self.in_lanes::<T, 8>(count, term),
        }
    }

    fn in_lanes<T: Real, const LANES: usize>(&self, count: usize, term: impl Fn(usize) -> T) -> T {
        match self.declaration.map(|d| d.accumulator) {
            Some(narrow) if narrow.fraction_bits() < T::DTYPE.fraction_bits() => {
                interleaved::<T, LANES>(count, term, |value| value.rounded_to(narrow))
            }
            _ => interleaved::<T, LANES>(count, term, |value| value),
        }
    }
}

/// `LANES` partial sums of every `LANES`-th term, then added pairwise; `round` is applied to every sum.
fn interleaved<T: Real, const LANES: usize>(
    count: usize,
    term: impl Fn(usize) -> T,
    round: impl Fn(T) -> T,
) -> T {
    let mut partial = [T::zero(); LANES];
    let whole = count - count % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in partial.iter_mut().enumerate() {
            *sum = round(*sum + term(start + lane));
        }
    }
    for (sum, index) in partial.iter_mut().zip(whole..count) {
        *sum = round(*sum + term(index));
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            partial[lane] = round(partial[lane] + partial[lane + width]);
        }
    }
    partial[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn declares(activation: Dtype) -> Declaration {
        Declaration {
            input: activation,
            accumulator: Dtype::F32,
            intermediate: activation,
            output: activation,
        }
    }

    #[test]
    fn only_declared_arithmetic_rounds() {
        let third = 1.0f32 / 3.0;
        assert_eq!(Arithmetic::F32.rounding(declares).output(third), third);
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        assert_eq!(declared.rounding(declares).output(third), half::bf16::from_f32(third).to_f32());
    }

    #[test]
    fn an_accumulator_that_is_too_small_shows() {
        fn narrow(_: Dtype) -> Declaration {
            Declaration { accumulator: Dtype::BF16, ..declares(Dtype::BF16) }
        }
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        // 256 + 1 is not a bfloat16, so the sum of ones stops growing there.
        assert_eq!(declared.rounding(narrow).sum(1000, |_| 1.0f32), 256.0);
        assert_eq!(declared.rounding(declares).sum(1000, |_| 1.0f32), 1000.0);
    }

    #[test]
    fn orders_differ_in_the_last_digits() {
        let terms: Vec<f32> = (1..1000).map(|i| 1.0 / i as f32).collect();
        let sums: std::collections::BTreeSet<u32> = (0..SUMMATION_ORDERS)
            .map(|order| {
                let arithmetic = Arithmetic::Declared { activation: Dtype::F32, order };
                arithmetic.rounding(declares).sum(terms.len(), |i| terms[i]).to_bits()
            })
            .collect();
        assert!(sums.len() > 1, "every order gave the same sum");
    }

    proptest! {
        #[test]
        fn every_order_sums_the_same_terms(
            terms in proptest::collection::vec(-100i32..100, 0..600),
            order in 0..SUMMATION_ORDERS,
        ) {
            let arithmetic = Arithmetic::Declared { activation: Dtype::F32, order };
            let sum = arithmetic.rounding(declares).sum(terms.len(), |i| terms[i] as f32);
            // Small integers add exactly, so the order cannot matter here.
            prop_assert_eq!(sum, terms.iter().sum::<i32>() as f32);
        }
    }
}
