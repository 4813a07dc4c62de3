//! Cases of `moe_gate`: few experts and many, blocks of tokens that are full and not, rows that no vector load fits, a token
//! that is NaN.

use engine::trace::Tensor;
use kernels::launch::Expr;
use kernels::launch::moe_gate::{Axes, KERNEL, shape, spec};
use kernels::moe_gate::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, rows, tokens};
use super::{Draw, Group, OpCase, OpRun};

/// Tokens, experts, features, and whether a token is NaN.
pub(super) const SHAPES: [(usize, usize, usize, bool); 9] = [
    (1, 5, 256, false),
    (9, 5, 256, false),
    (7, 8, 8, false),
    (9, 7, 50, false),
    (7, 128, 264, false),
    (17, 9, 1030, false),
    (6, 512, 40, false),
    (66, 16, 64, false),
    (7, 10, 72, true),
];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(KERNEL.name, |activation| {
        let weights =
            if activation == Dtype::F32 { [Dtype::F32, Dtype::E4M3] } else { [activation, Dtype::BF16] };
        let mut weights = weights.to_vec();
        weights.dedup();
        weights
            .into_iter()
            .flat_map(|weight| SHAPES.map(|of| (of, weight)))
            .map(|(of, weight)| {
                let (num, experts, in_features, nan) = of;
                let name = format!(
                    "tokens={num},experts={experts},in_features={in_features},weight={weight},nan={nan}"
                );
                let axes = Axes { experts, in_features, weight, activation };
                OpCase::new(name, move |draw| run(draw, num, axes, nan))
            })
            .collect()
    })
}

fn run(draw: &mut Draw, num: usize, axes: Axes, nan: bool) -> OpRun {
    let Axes { experts, in_features, weight, activation } = axes;
    let mut x = draw.values(num * in_features, 1.0, activation);
    let w = draw.values(experts * in_features, (in_features as f64).powf(-0.5), weight);
    if nan {
        x.iter_mut().skip(num / 2 * in_features).take(in_features).for_each(|value| *value = f64::NAN);
    }
    OpRun {
        spec: spec(&axes),
        shape: shape(&axes, Expr::Tokens),
        extent: tokens(num),
        arguments: vec![rows(num, experts, Dtype::F32), input(&w, weight), input(&x, activation), count(num)],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&x, &w, in_features, arithmetic),
            _ => outputs::<f32>(&x, &w, in_features, arithmetic),
        }),
    }
}

fn outputs<T: Real>(x: &[f64], weight: &[f64], in_features: usize, arithmetic: Arithmetic) -> Vec<Tensor> {
    let (x, weight) = (matrix::<T>(x, in_features), matrix::<T>(weight, in_features));
    vec![Tensor::of(&reference(x.view(), weight.view(), arithmetic))]
}
