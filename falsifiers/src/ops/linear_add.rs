//! Cases of `linear_add`.

use engine::trace::Tensor;
use kernels::launch::{Expr, matvec_add};
use kernels::{Arithmetic, Real, linear_add};

use super::arrays::{count, input, matrix, rows, tokens as extent};
use super::streamed::{Streamed, groups_of, is_truth};
use super::{Draw, Group, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    groups_of(matvec_add::KERNEL.name, run)
}

fn run(draw: &mut Draw, case: Streamed) -> OpRun {
    let Streamed { axes, tokens, geometry } = case;
    let geometry = geometry.unwrap_or_else(|| matvec_add::geometry(&axes));
    let x = case.rows(draw, axes.in_features);
    let residual = case.rows(draw, axes.out_features);
    let weight = case.matrix(draw, axes.out_features);
    OpRun {
        spec: matvec_add::laid(&axes, geometry),
        shape: matvec_add::shape(geometry, Expr::Tokens),
        extent: extent(tokens),
        arguments: vec![
            rows(tokens, axes.out_features, axes.activation),
            input(&weight, axes.weight),
            input(&x, axes.activation),
            input(&residual, axes.activation),
            count(tokens),
        ],
        reference: Box::new(move |arithmetic| {
            let of = [(&x, axes.in_features), (&weight, axes.in_features), (&residual, axes.out_features)];
            vec![if is_truth(arithmetic) { sum::<f64>(of, arithmetic) } else { sum::<f32>(of, arithmetic) }]
        }),
    }
}

fn sum<T: Real>(of: [(&Vec<f64>, usize); 3], arithmetic: Arithmetic) -> Tensor {
    let [x, weight, residual] = of.map(|(values, columns)| matrix::<T>(values, columns));
    Tensor::of(&linear_add::reference(x.view(), weight.view(), residual.view(), arithmetic))
}
