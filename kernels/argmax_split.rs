//! The largest element of each slice of a row, and its index: what greedy decoding finds where several look at once.
//!
//! Which is the largest is as in [`crate::argmax`]; [`crate::argmax_advance`] takes the largest of the slices.

use ndarray::{Array2, ArrayView2, Axis};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real, argmax};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "argmax_split",
    summary: "the largest element of each slice of a row, and its index",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: Dtype::F32 }
}

/// The largest of each slice: `[rows, slices]` each.
#[derive(Debug, Clone, PartialEq)]
pub struct Largest<T> {
    /// The elements; infinity for a slice that holds a NaN.
    pub value: Array2<T>,
    /// Their indices in the row; -1 for a slice that holds a NaN.
    pub index: Array2<i32>,
}

/// `x [rows, features]` in slices of `width` elements, the last one with what is left.
#[must_use]
pub fn reference<T: Real>(x: ArrayView2<'_, T>, width: usize, arithmetic: Arithmetic) -> Largest<T> {
    let rounding = arithmetic.rounding(declares);
    let slices = x.ncols().div_ceil(width);
    let mut largest = Largest {
        value: Array2::from_elem((x.nrows(), slices), T::infinity()),
        index: Array2::from_elem((x.nrows(), slices), -1),
    };
    for (at, slice) in x.axis_chunks_iter(Axis(1), width).enumerate() {
        for (row, found) in argmax::reference(slice, arithmetic).into_iter().enumerate() {
            if let Some(index) = found {
                largest.value[[row, at]] = rounding.input(slice[[row, index]]);
                largest.index[[row, at]] = i32::try_from(at * width + index).unwrap_or(-1);
            }
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn each_slice_has_the_index_in_the_row() {
        let x =
            array![[1.0, 3.0, 3.0, 2.0, 5.0], [f64::NAN, 0.0, -1.0, f64::NEG_INFINITY, f64::NEG_INFINITY]];
        let found = reference(x.view(), 2, Arithmetic::F64);
        assert_eq!(found.value, array![[3.0, 3.0, 5.0], [f64::INFINITY, -1.0, f64::NEG_INFINITY]]);
        assert_eq!(found.index, array![[1, 2, 4], [-1, 2, 4]]);
    }
}
