//! The index of the largest element of each row: greedy decoding.
//!
//! The lowest index among equals, as Hugging Face's greedy search picks. A row that holds a NaN has no largest
//! element; infinities are ordinary elements.

use ndarray::ArrayView2;

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "argmax", summary: "the index of the largest element of each row", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `x [rows, features]` -> the index of the largest element of each row; `None` where a row holds a NaN or nothing.
#[must_use]
pub fn reference<T: Real>(x: ArrayView2<'_, T>, arithmetic: Arithmetic) -> Vec<Option<usize>> {
    let rounding = arithmetic.rounding(declares);
    x.rows()
        .into_iter()
        .map(|row| {
            let row = row.mapv(|x| rounding.input(x));
            if row.iter().any(|x| x.is_nan()) {
                return None;
            }
            let largest = row.iter().copied().reduce(T::max)?;
            row.iter().position(|&x| x == largest)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn ties_infinities_and_nan() {
        let x = array![
            [1.0, 3.0, 3.0],
            [-INF, -INF, -INF],
            [INF, 1.0, INF],
            [5.0, INF, f64::NAN],
            [-2.0, -INF, -1.0],
            [-0.0, 0.0, -1.0],
        ];
        let found = reference(x.view(), Arithmetic::F64);
        assert_eq!(found, [Some(1), Some(0), Some(0), None, Some(2), Some(0)]);
        assert_eq!(reference(Array2::<f64>::zeros((2, 0)).view(), Arithmetic::F64), [None, None]);
    }

    #[test]
    fn elements_that_are_stored_alike_are_equal() {
        let x = array![[1.0f32, 1.0 + 1.0 / 1024.0]];
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        assert_eq!(reference(x.view(), Arithmetic::F32), [Some(1)]);
        assert_eq!(reference(x.view(), declared), [Some(0)]);
    }

    proptest! {
        #[test]
        fn nothing_is_larger_and_nothing_before_is_equal(row in proptest::collection::vec(-5i32..5, 1..40)) {
            let x = Array2::from_shape_fn((1, row.len()), |(_, j)| f64::from(row[j]));
            let at = reference(x.view(), Arithmetic::F64)[0].unwrap();
            prop_assert!(row[..at].iter().all(|x| *x < row[at]) && row[at..].iter().all(|x| *x <= row[at]));
        }
    }
}
