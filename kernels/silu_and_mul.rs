//! The gated activation of the MLP.
//!
//! Shazeer, "GLU Variants Improve Transformer" (arXiv 2002.05202), equation 5 (SwiGLU):
//! `silu(gate) * up` with `silu(x) = x / (1 + exp(-x))`.

use ndarray::{Array2, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "silu_and_mul", summary: "silu of the gate times the up projection", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `silu(gate)`: [num_tokens, intermediate_size], the first half of the op.
#[must_use]
pub fn activation<T: Real>(gate: ArrayView2<'_, T>, arithmetic: Arithmetic) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    // For very negative gates exp overflows to infinity and the quotient is -0, which is right.
    gate.mapv(|x| {
        let x = rounding.input(x);
        rounding.intermediate(x / (T::one() + (-x).exp()))
    })
}

/// `activation * up`: [num_tokens, intermediate_size], the second half.
#[must_use]
pub fn product<T: Real>(
    activation: ArrayView2<'_, T>,
    up: ArrayView2<'_, T>,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    Zip::from(&activation).and(&up).map_collect(|&silu, &up| rounding.output(silu * rounding.input(up)))
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;

    #[test]
    fn matches_the_equation_and_stays_finite_at_the_ends() {
        let silu = activation(array![[0.0, 1.0, -1000.0, 1000.0]].view(), Arithmetic::F64);
        let out = product(silu.view(), array![[5.0, 2.0, 3.0, 1.0]].view(), Arithmetic::F64);
        assert_eq!(silu[[0, 0]], 0.0);
        assert_relative_eq!(out[[0, 1]], 2.0 / (1.0 + (-1.0f64).exp()), epsilon = 1e-15);
        assert_eq!(out[[0, 2]], 0.0);
        assert_eq!(out[[0, 3]], 1000.0);
    }
}
