//! Cases of `moe_norm_gate`.

use engine::trace::Tensor;
use kernels::launch::Expr;
use kernels::launch::moe_norm_gate::{Axes, KERNEL, shape, spec};
use kernels::launch::stream::Norm;
use kernels::moe_norm_gate::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, rows, tokens, vector};
use super::{Draw, Group, OpCase, OpRun, moe_gate};

/// Large enough to show.
const EPS: f64 = 1e-2;

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(KERNEL.name, |activation| {
        moe_gate::SHAPES
            .into_iter()
            .map(|(num, experts, in_features, nan)| {
                let name = format!("tokens={num},experts={experts},in_features={in_features},nan={nan}");
                let axes = Axes { experts, in_features, weight: activation, activation };
                OpCase::new(name, move |draw| run(draw, num, axes, nan))
            })
            .collect()
    })
}

fn run(draw: &mut Draw, num: usize, axes: Axes, nan: bool) -> OpRun {
    let Axes { experts, in_features, weight, activation } = axes;
    let mut x = draw.values(num * in_features, 1.0, activation);
    let gain = draw.values(in_features, 1.0, activation);
    let w = draw.values(experts * in_features, (in_features as f64).powf(-0.5), weight);
    if nan {
        x.iter_mut().skip(num / 2 * in_features).take(1).for_each(|value| *value = f64::NAN);
    }
    OpRun {
        spec: spec(&axes, Norm { eps: EPS, weight: activation }),
        shape: shape(&axes, Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            rows(num, in_features, activation),
            rows(num, experts, Dtype::F32),
            input(&x, activation),
            input(&gain, activation),
            input(&w, weight),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>([&x, &gain, &w], arithmetic),
            _ => outputs::<f32>([&x, &gain, &w], arithmetic),
        }),
    }
}

fn outputs<T: Real>([x, gain, weight]: [&Vec<f64>; 3], arithmetic: Arithmetic) -> Vec<Tensor> {
    let [x, weight] = [x, weight].map(|values| matrix::<T>(values, gain.len()));
    let gain = vector::<T>(gain);
    let (normed, logits) = reference(x.view(), gain.view(), weight.view(), EPS, arithmetic);
    vec![Tensor::of(&normed), Tensor::of(&logits)]
}
