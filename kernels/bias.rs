//! One bias per feature, added after a matrix product.

use ndarray::{Array2, ArrayView1, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo { name: "bias", summary: "one bias per feature", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `x [num_tokens, features] + bias [features]`, for every token.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    bias: ArrayView1<'_, T>,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let mut out = &x + &bias;
    if rounding.is_declared() {
        out = Zip::from(&x)
            .and_broadcast(&bias)
            .map_collect(|&x, &b| rounding.output(rounding.input(x) + rounding.input(b)));
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn adds_the_same_bias_to_every_token() {
        let out =
            reference(array![[1.0, 2.0], [3.0, 4.0]].view(), array![10.0, -2.0].view(), Arithmetic::F64);
        assert_eq!(out, array![[11.0, 0.0], [13.0, 2.0]]);
    }
}
