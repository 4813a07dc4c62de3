//! Cases of `moe_combine`: any number of slots, weights of zero, and experts that gave NaN to some tokens.

use engine::trace::Tensor;
use kernels::launch::Expr;
use kernels::launch::moe_combine::{Axes, KERNEL, shape, spec};
use kernels::moe_combine::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, rows, tokens};
use super::{Draw, Group, OpCase, OpRun};

/// Tokens, features, slots of a token, and whether one of them is NaN.
const SHAPES: [(usize, usize, usize, bool); 7] = [
    (1, 1, 1, false),
    (3, 7, 2, false),
    (300, 64, 3, false),
    (2, 257, 8, false),
    (5, 1000, 9, false),
    (4, 40, 20, false),
    (6, 72, 4, true),
];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(KERNEL.name, |activation| {
        SHAPES
            .into_iter()
            .map(|(num, features, top_k, nan)| {
                let name = format!("tokens={num},features={features},top_k={top_k},nan={nan}");
                OpCase::new(name, move |draw| run(draw, num, Axes { features, top_k, activation }, nan))
            })
            .collect()
    })
}

fn run(draw: &mut Draw, num: usize, axes: Axes, nan: bool) -> OpRun {
    let Axes { features, top_k, activation } = axes;
    let mut y = draw.values(num * top_k * features, 1.0, activation);
    let mut weights: Vec<f64> = draw.values(num * top_k, 0.3, Dtype::F32).into_iter().map(f64::abs).collect();
    // A weight of zero counts for nothing where what it weighs is a number.
    weights.iter_mut().skip(1).step_by(5).for_each(|weight| *weight = 0.0);
    if nan {
        let of_token = y.iter_mut().skip(num / 2 * top_k * features);
        of_token.take(features).for_each(|value| *value = f64::NAN);
    }
    OpRun {
        spec: spec(&axes),
        shape: shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            rows(num, features, activation),
            input(&y, activation),
            input(&weights, Dtype::F32),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&y, &weights, axes, arithmetic),
            _ => outputs::<f32>(&y, &weights, axes, arithmetic),
        }),
    }
}

fn outputs<T: Real>(y: &[f64], weights: &[f64], axes: Axes, arithmetic: Arithmetic) -> Vec<Tensor> {
    let routed: Vec<Vec<(usize, T)>> = weights
        .chunks(axes.top_k)
        .enumerate()
        .map(|(token, weights)| {
            let slots = weights.iter().enumerate();
            slots.map(|(place, &weight)| (token * axes.top_k + place, T::of(weight))).collect()
        })
        .collect();
    vec![Tensor::of(&reference(matrix::<T>(y, axes.features).view(), &routed, arithmetic))]
}
