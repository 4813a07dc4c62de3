//! Matrix product with a transposed weight, added to the residual stream.
//!
//! `y = residual + x * w^T`, with the product rounded to what activations are stored as before it is added.

use ndarray::{Array2, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "linear_add", summary: "matrix product, added to the residual stream", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// `residual [num_tokens, out_features] + x [num_tokens, in_features] * weight [out_features, in_features]^T`.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    weight: ArrayView2<'_, T>,
    residual: ArrayView2<'_, T>,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    Array2::from_shape_fn(residual.raw_dim(), |(token, feature)| {
        let (x, weight) = (x.row(token), weight.row(feature));
        let product = rounding.sum(x.len(), |i| rounding.input(x[i]) * rounding.input(weight[i]));
        rounding.output(rounding.input(residual[[token, feature]]) + rounding.intermediate(product))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn adds_the_rounded_product() {
        let (x, weight) = (array![[16.0f32, 1.0]], array![[16.0f32, 1.0], [1.0, 2.0]]);
        let residual = array![[1.0f32, 3.0]];
        let y = reference(x.view(), weight.view(), residual.view(), Arithmetic::F32);
        assert_eq!(y, array![[258.0, 21.0]]);
        // 257 is 256 in bfloat16, and 256 + 1 is so again.
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        let y = reference(x.view(), weight.view(), residual.view(), declared);
        assert_eq!(y, array![[256.0, 21.0]]);
    }
}
