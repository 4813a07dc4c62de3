//! Cases of `moe_down`: those of `moe_gate_up`, with weights of any size and a residual stream.

use engine::trace::Tensor;
use kernels::launch::Expr;
use kernels::launch::moe_down_matvec::{Axes, KERNEL, geometry, laid, shape};
use kernels::launch::stream::Geometry;
use kernels::moe_down::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, input, matrix, rows, tokens};
use super::experts::{matrices, passed};
use super::moe_gate_up::{Shape, groups_of, weights};
use super::{Draw, Group, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    groups_of(KERNEL.name, run)
}

fn run(draw: &mut Draw, (shape_of, axes): (Shape, Axes), dealt: Option<Geometry>) -> OpRun {
    let (experts, top_k, num, [out_features, in_features], choices, nan) = shape_of;
    let geometry = dealt.unwrap_or_else(|| geometry(&axes));
    let x = draw.values(num * top_k * in_features, 1.0, axes.activation);
    let residual = draw.values(num * out_features, 1.0, axes.activation);
    let chosen = choices.draw(draw, num, experts, top_k);
    let counts: Vec<f64> = draw.values(num * top_k, 0.5, Dtype::F32).into_iter().map(f64::abs).collect();
    let down = weights(draw, &axes, &chosen, nan);
    OpRun {
        spec: laid(&axes, geometry),
        shape: shape(geometry, Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            rows(num, out_features, axes.activation),
            input(&x, axes.activation),
            passed(&chosen),
            input(&counts, Dtype::F32),
            input(&down, axes.weight),
            input(&residual, axes.activation),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>([&x, &counts, &down, &residual], &chosen, &axes, arithmetic),
            _ => outputs::<f32>([&x, &counts, &down, &residual], &chosen, &axes, arithmetic),
        }),
    }
}

fn outputs<T: Real>(
    [x, counts, down, residual]: [&Vec<f64>; 4],
    chosen: &[usize],
    axes: &Axes,
    arithmetic: Arithmetic,
) -> Vec<Tensor> {
    let x = matrix::<T>(x, axes.in_features);
    let down = matrices::<T>(down, axes.out_features, axes.in_features);
    let (counts, residual) = (matrix::<T>(counts, axes.top_k), matrix::<T>(residual, axes.out_features));
    vec![Tensor::of(&reference(x.view(), down.view(), chosen, counts.view(), residual.view(), arithmetic))]
}
