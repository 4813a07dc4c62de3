//! Statistics of a stage: what a trace says of it without its payload.
//!
//! Sums are over the finite elements; the squared distances are taken from their mean in a second pass, so that
//! they do not cancel (Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983, equation 1.1).

use ndarray::ArrayView1;

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "tap_statistics", summary: "counts, sums and extremes of a stage", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F64, intermediate: Dtype::F64, output: Dtype::F64 }
}

/// The statistics of some elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Finite elements.
    pub finite: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// The smallest of them; infinity where there is none.
    pub min: f64,
    /// The largest of them; minus infinity where there is none.
    pub max: f64,
    /// Elements that are NaN.
    pub nans: u64,
    /// Elements that are infinite.
    pub infinities: u64,
    /// The sum of the squared distances of the finite elements from their mean.
    pub squared_distances: f64,
}

/// The statistics of `x [count]`.
#[must_use]
pub fn reference<T: Real>(x: ArrayView1<'_, T>, arithmetic: Arithmetic) -> Statistics {
    let rounding = arithmetic.rounding(declares);
    let x: Vec<f64> = x.iter().map(|&x| rounding.input(x).wide()).collect();
    let finite: Vec<f64> = x.iter().copied().filter(|x| x.is_finite()).collect();
    // In f64 in every arithmetic: each order of `declared` is one that a device might take.
    let sum = |term: fn(f64, f64) -> f64, mean: f64| rounding.sum(finite.len(), |i| term(finite[i], mean));
    let total = sum(|x, _| x, 0.0);
    let mean = if finite.is_empty() { 0.0 } else { total / finite.len() as f64 };
    Statistics {
        finite: finite.len() as u64,
        sum: total,
        squares: sum(|x, _| x * x, 0.0),
        min: finite.iter().copied().fold(f64::INFINITY, f64::min),
        max: finite.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        nans: x.iter().filter(|x| x.is_nan()).count() as u64,
        infinities: x.iter().filter(|x| x.is_infinite()).count() as u64,
        squared_distances: sum(|x, mean| (x - mean).powi(2), mean),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_and_sums_by_hand() {
        let x = array![1.0, f64::NAN, 4.0, f64::INFINITY, -2.0, f64::NEG_INFINITY, 5.0];
        let expected = Statistics {
            finite: 4,
            sum: 8.0,
            squares: 46.0,
            min: -2.0,
            max: 5.0,
            nans: 1,
            infinities: 2,
            squared_distances: 30.0,
        };
        assert_eq!(reference(x.view(), Arithmetic::F64), expected);
    }

    #[test]
    fn nothing_finite_has_no_mean_and_no_nan_either() {
        let found = reference(array![f32::NAN].view(), Arithmetic::F32);
        assert_eq!((found.finite, found.nans, found.sum, found.squared_distances), (0, 1, 0.0, 0.0));
        assert_eq!((found.min, found.max), (f64::INFINITY, f64::NEG_INFINITY));
    }

    #[test]
    fn distances_do_not_cancel_where_the_mean_is_large() {
        let x = Array1::from_shape_fn(1000, |i| 1e8 + (i % 2) as f64);
        let found = reference(x.view(), Arithmetic::F64);
        assert!((found.squared_distances - 250.0).abs() < 1e-6, "{found:?}");
    }

    proptest! {
        #[test]
        fn every_order_of_narrow_elements_sums_in_f64(
            values in proptest::collection::vec(-1000i32..1000, 1..300), order in 0u32..8,
        ) {
            // 2^24 + 1 is no f32: a sum in f32 would lose it.
            let x = Array1::from_iter(values.iter().map(|&v| v as f32).chain([16_777_216.0]));
            let declared = Arithmetic::Declared { activation: Dtype::F32, order };
            let found = reference(x.view(), declared);
            prop_assert_eq!(found.sum, values.iter().map(|&v| f64::from(v)).sum::<f64>() + 16_777_216.0);
        }
    }
}
