//! Embedding lookup: one row of the table for each token.

use ndarray::{Array2, ArrayView2, Axis};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "embedding", summary: "rows of the embedding table, one for each token", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `table [vocab_size, hidden_size]` at `tokens [num_tokens]` -> `[num_tokens, hidden_size]`.
///
/// The caller has checked that every token is below `vocab_size`.
#[must_use]
pub fn reference<T: Real>(tokens: &[u32], table: ArrayView2<'_, T>, arithmetic: Arithmetic) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let rows: Vec<usize> = tokens.iter().map(|&token| token as usize).collect();
    let mut out = table.select(Axis(0), &rows);
    if rounding.is_declared() {
        out.mapv_inplace(|x| rounding.output(x));
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn picks_the_row_of_each_token() {
        let table = array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]];
        assert_eq!(
            reference(&[2, 0, 2], table.view(), Arithmetic::F64),
            array![[4.0, 5.0], [0.0, 1.0], [4.0, 5.0]]
        );
    }
}
