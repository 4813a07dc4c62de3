//! The output of a mixture of experts: for each token the sum of what its experts gave, each times its weight.
//!
//! Shazeer et al., "Outrageously Large Neural Networks" (arXiv 1701.06538), equation 1, over the chosen experts only: what
//! an expert gave that a token was not sent to is not multiplied by zero, it is not looked at.

use ndarray::{Array2, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "moe_combine", summary: "what the experts of a token gave, weighed and added", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `y [num_rows, hidden_size]`, the rows of all experts -> `[num_tokens, hidden_size]`.
///
/// `routed` has for each token the rows of `y` that are its own, with their weights.
#[must_use]
pub fn reference<T: Real>(
    y: ArrayView2<'_, T>,
    routed: &[Vec<(usize, T)>],
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    Array2::from_shape_fn((routed.len(), y.ncols()), |(token, feature)| {
        let rows = &routed[token];
        let sum = rounding.sum(rows.len(), |slot| {
            let (row, weight) = rows[slot];
            weight * rounding.input(y[[row, feature]])
        });
        rounding.output(sum)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_token_sums_its_own_rows() {
        let y = array![[1.0, 2.0], [10.0, 20.0], [f64::NAN, f64::NAN]];
        let routed = [vec![(0, 0.5), (1, 0.25)], vec![(1, 2.0)], vec![], vec![(2, 1.0)]];
        let out = reference(y.view(), &routed, Arithmetic::F64);
        assert_eq!(out.slice(ndarray::s![..3, ..]), array![[3.0, 6.0], [20.0, 40.0], [0.0, 0.0]]);
        assert!(out.row(3).iter().all(|x| x.is_nan()));
    }

    #[test]
    fn rounds_what_it_reads_and_writes_and_no_weight() {
        let third = 1.0f32 / 3.0;
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        let out = reference(array![[3.0f32]].view(), &[vec![(0, third), (0, third)]], declared);
        assert_eq!(out, array![[2.0]]);
    }
}
