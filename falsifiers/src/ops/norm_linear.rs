//! Cases of `norm_linear`.

use engine::trace::Tensor;
use kernels::launch::stream::Norm;
use kernels::launch::{Expr, norm_matvec};
use kernels::{Arithmetic, Real, norm_linear};

use super::arrays::{count, input, matrix, rows, tokens as extent, vector};
use super::streamed::{Streamed, groups_of, is_truth};
use super::{Draw, Group, OpRun};

/// Large enough to show.
const EPS: f64 = 1e-2;

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    groups_of(norm_matvec::KERNEL.name, run)
}

fn run(draw: &mut Draw, case: Streamed) -> OpRun {
    let Streamed { axes, tokens, geometry } = case;
    let geometry = geometry.unwrap_or_else(|| norm_matvec::geometry(&axes));
    let x = case.rows(draw, axes.in_features);
    let gain = draw.values(axes.in_features, 1.0, axes.activation);
    let weight = case.matrix(draw, axes.out_features);
    OpRun {
        spec: norm_matvec::laid(&axes, Norm { eps: EPS, weight: axes.activation }, geometry),
        shape: norm_matvec::shape(geometry, Expr::Tokens),
        extent: extent(tokens),
        arguments: vec![
            rows(tokens, axes.out_features, axes.activation),
            input(&x, axes.activation),
            input(&gain, axes.activation),
            input(&weight, axes.weight),
            count(tokens),
        ],
        reference: Box::new(move |arithmetic| {
            let of = [&x, &gain, &weight];
            vec![if is_truth(arithmetic) {
                product::<f64>(of, arithmetic)
            } else {
                product::<f32>(of, arithmetic)
            }]
        }),
    }
}

fn product<T: Real>([x, gain, weight]: [&Vec<f64>; 3], arithmetic: Arithmetic) -> Tensor {
    let (x, weight) = (matrix::<T>(x, gain.len()), matrix::<T>(weight, gain.len()));
    let gain = vector::<T>(gain);
    Tensor::of(&norm_linear::reference(x.view(), gain.view(), weight.view(), EPS, arithmetic))
}
