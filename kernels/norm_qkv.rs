//! The root mean square norm of rows, and queries, keys and values of it.
//!
//! Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv 1910.07467), equation 4, with the epsilon added
//! under the root: `n_i = g_i * x_i / sqrt(mean_j x_j^2 + eps)`; then `y = n * w^T + b` for each of the three, as Vaswani
//! et al., "Attention Is All You Need" (arXiv 1706.03762), section 3.2.2. The norm is rounded to what activations are
//! stored as, and so is a product that a bias is added to.

use ndarray::{Array2, ArrayView1, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "norm_qkv", summary: "queries, keys and values of the norm of rows", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// A projection: `weight [out_features, in_features]`, and `bias [out_features]` where it has one.
pub type Projection<'a, T> = (ArrayView2<'a, T>, Option<ArrayView1<'a, T>>);

/// Each projection of `norm(x [num_tokens, in_features])`, the norm scaled by `gain [in_features]`.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    gain: ArrayView1<'_, T>,
    projections: [Projection<'_, T>; 3],
    eps: f64,
    arithmetic: Arithmetic,
) -> [Array2<T>; 3] {
    let rounding = arithmetic.rounding(declares);
    let features = T::of(x.ncols() as f64);
    let mut normed = x.mapv(|value| rounding.input(value));
    for mut row in normed.rows_mut() {
        let mean = rounding.sum(row.len(), |j| row[j] * row[j]) / features;
        let root = (mean + T::of(eps)).sqrt();
        Zip::from(&mut row)
            .and(&gain)
            .for_each(|value, &g| *value = rounding.intermediate(*value / root * rounding.input(g)));
    }
    projections.map(|(weight, bias)| {
        Array2::from_shape_fn((x.nrows(), weight.nrows()), |(token, feature)| {
            let (row, weight) = (normed.row(token), weight.row(feature));
            let product = rounding.sum(row.len(), |i| row[i] * rounding.input(weight[i]));
            match &bias {
                Some(bias) => rounding.output(rounding.intermediate(product) + rounding.input(bias[feature])),
                None => rounding.output(product),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn matches_the_equations_by_hand() {
        // The mean of the squares of (1, -7) is 25, and eps makes 36 of it.
        let (x, gain) = (array![[1.0, -7.0]], array![6.0, 12.0]);
        let weights =
            [array![[1.0, 0.0], [0.0, 1.0]], array![[1.0, 1.0], [2.0, 0.0]], array![[0.0, 2.0], [1.0, 0.0]]];
        let bias = array![0.5, -1.0];
        let projections =
            [(weights[0].view(), None), (weights[1].view(), Some(bias.view())), (weights[2].view(), None)];
        let [q, k, v] = reference(x.view(), gain.view(), projections, 11.0, Arithmetic::F64);
        assert_eq!((q, k, v), (array![[1.0, -14.0]], array![[-12.5, 1.0]], array![[-28.0, 1.0]]));
    }
}
