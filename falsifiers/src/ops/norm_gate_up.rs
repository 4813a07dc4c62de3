//! Cases of `norm_gate_up`.

use engine::trace::Tensor;
use kernels::launch::stream::Norm;
use kernels::launch::{Expr, norm_gate_up_matvec};
use kernels::{Arithmetic, Real, norm_gate_up};

use super::arrays::{count, input, matrix, rows, tokens as extent, vector};
use super::streamed::{Streamed, groups_of, is_truth};
use super::{Draw, Group, OpRun};

/// Large enough to show.
const EPS: f64 = 1e-2;

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    groups_of(norm_gate_up_matvec::KERNEL.name, run)
}

fn run(draw: &mut Draw, case: Streamed) -> OpRun {
    let Streamed { axes, tokens, geometry } = case;
    let geometry = geometry.unwrap_or_else(|| norm_gate_up_matvec::geometry(&axes));
    let x = case.rows(draw, axes.in_features);
    let gain = draw.values(axes.in_features, 1.0, axes.activation);
    let (gate, up) = (case.matrix(draw, axes.out_features), case.matrix(draw, axes.out_features));
    OpRun {
        spec: norm_gate_up_matvec::laid(&axes, Norm { eps: EPS, weight: axes.activation }, geometry),
        shape: norm_gate_up_matvec::shape(geometry, Expr::Tokens),
        extent: extent(tokens),
        arguments: vec![
            rows(tokens, axes.out_features, axes.activation),
            input(&x, axes.activation),
            input(&gain, axes.activation),
            input(&gate, axes.weight),
            input(&up, axes.weight),
            count(tokens),
        ],
        reference: Box::new(move |arithmetic| {
            let of = [&x, &gain, &gate, &up];
            vec![if is_truth(arithmetic) {
                gated::<f64>(of, arithmetic)
            } else {
                gated::<f32>(of, arithmetic)
            }]
        }),
    }
}

fn gated<T: Real>([x, gain, gate, up]: [&Vec<f64>; 4], arithmetic: Arithmetic) -> Tensor {
    let [x, gate, up] = [x, gate, up].map(|values| matrix::<T>(values, gain.len()));
    let gain = vector::<T>(gain);
    Tensor::of(&norm_gate_up::reference(x.view(), gain.view(), gate.view(), up.view(), EPS, arithmetic))
}
