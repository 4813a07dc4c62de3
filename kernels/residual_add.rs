//! The residual stream: what a block computed, added to what went into it.

use ndarray::{Array2, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo { name: "residual_add", summary: "the sum of two activations", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `residual [num_tokens, hidden_size] + x [num_tokens, hidden_size]`.
#[must_use]
pub fn reference<T: Real>(
    residual: ArrayView2<'_, T>,
    x: ArrayView2<'_, T>,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let mut out = &residual + &x;
    if rounding.is_declared() {
        out = Zip::from(&residual)
            .and(&x)
            .map_collect(|&residual, &x| rounding.output(rounding.input(residual) + rounding.input(x)));
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn rounds_only_where_declared() {
        let (a, b) = (array![[256.0f32]], array![[1.0f32]]);
        assert_eq!(reference(a.view(), b.view(), Arithmetic::F32), array![[257.0]]);
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        assert_eq!(reference(a.view(), b.view(), declared), array![[256.0]]);
    }
}
