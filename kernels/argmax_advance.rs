//! The token of each sequence from the slices of its logits, and the inputs of the next decode step from it.

use crate::argmax_split::Largest;
use crate::decode_advance::{self, State};
use crate::{Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "argmax_advance",
    summary: "the largest of the slices of each row, and the inputs of the next decode step from it",
    declares,
};

fn declares(_: Dtype) -> Declaration {
    Declaration { input: Dtype::F32, accumulator: Dtype::F32, intermediate: Dtype::F32, output: Dtype::F32 }
}

/// The state after a step with these logits; a sequence with a NaN among them goes on with nothing. What else is as in
/// [`decode_advance::reference`].
#[must_use]
pub fn reference<T: Real>(
    state: &State,
    largest: &Largest<T>,
    kv_page_indptr: &[i32],
    kv_page_indices: &[i32],
    page_size: usize,
) -> State {
    let rows = largest.value.rows().into_iter().zip(largest.index.rows());
    let next: Vec<i32> = rows
        .map(|(values, indices)| {
            if indices.iter().any(|&index| index < 0) {
                return -1;
            }
            let most = values.iter().copied().fold(T::neg_infinity(), T::max);
            let equal = values.iter().zip(indices).filter(|(value, _)| **value == most);
            equal.map(|(_, &index)| index).min().unwrap_or(-1)
        })
        .collect();
    decode_advance::reference(state, &next, kv_page_indptr, kv_page_indices, page_size)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ArrayView2};
    use proptest::prelude::*;

    use super::*;
    use crate::{Arithmetic, argmax, argmax_split};

    fn state(batch: usize) -> State {
        State {
            input_ids: vec![0; batch],
            positions: vec![0; batch],
            slot_mapping: vec![0; batch],
            kv_len: vec![1; batch],
            decoded: vec![0; batch],
            steps: 0,
        }
    }

    fn next(x: ArrayView2<'_, f64>, width: usize) -> Vec<i32> {
        let (largest, rows) = (argmax_split::reference(x, width, Arithmetic::F64), x.nrows());
        let indptr = vec![0; rows + 1];
        reference(&state(rows), &largest, &indptr, &[], 4).decoded
    }

    proptest! {
        #[test]
        fn slices_of_any_size_give_the_index_of_the_whole_row(
            row in proptest::collection::vec(-3i32..4, 1..40),
            width in 1usize..50,
        ) {
            // The largest stands for NaN, and the smallest for minus infinity.
            let value = |x: i32| match x {
                3 => f64::NAN,
                -3 => f64::NEG_INFINITY,
                x => f64::from(x),
            };
            let x = Array2::from_shape_fn((1, row.len()), |(_, j)| value(row[j]));
            let whole = argmax::reference(x.view(), Arithmetic::F64)[0];
            prop_assert_eq!(next(x.view(), width), vec![whole.map_or(-1, |index| i32::try_from(index).unwrap())]);
        }
    }
}
