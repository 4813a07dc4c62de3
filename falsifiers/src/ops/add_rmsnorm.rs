//! Cases of `add_rmsnorm`: the rows of `rmsnorm`, as a sum of two.

use engine::trace::Tensor;
use kernels::add_rmsnorm::reference;
use kernels::launch::{Expr, add_rmsnorm};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, rows, tokens, vector};
use super::rmsnorm::{Rows, shapes};
use super::{Draw, Group, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(add_rmsnorm::KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let case = |shape: Rows| {
        OpCase::new(shape.name(activation), move |draw: &mut Draw| run(draw, shape, activation))
    };
    shapes().into_iter().map(case).collect()
}

fn run(draw: &mut Draw, shape: Rows, activation: Dtype) -> OpRun {
    let Rows { features, eps, scale, .. } = shape;
    let elements = shape.count() * features;
    let residual = draw.values(elements, scale, activation);
    let x = draw.values(elements, scale / 3.0, activation);
    let w = draw.values(features, 1.0, activation);
    OpRun {
        spec: add_rmsnorm::spec(&add_rmsnorm::Axes { features, eps, weight: activation, activation }),
        shape: add_rmsnorm::shape(Expr::Tokens * shape.heads),
        extent: tokens(shape.tokens),
        arguments: vec![
            rows(shape.count(), features, activation),
            rows(shape.count(), features, activation),
            input(&residual, activation),
            input(&x, activation),
            input(&w, activation),
            count(shape.count()),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>([&residual, &x, &w], eps, arithmetic),
            _ => outputs::<f32>([&residual, &x, &w], eps, arithmetic),
        }),
    }
}

fn outputs<T: Real>([residual, x, w]: [&[f64]; 3], eps: f64, arithmetic: Arithmetic) -> Vec<Tensor> {
    let (residual, x) = (matrix::<T>(residual, w.len()), matrix::<T>(x, w.len()));
    let normed = reference(residual.view(), x.view(), vector::<T>(w).view(), eps, arithmetic);
    vec![Tensor::of(&normed.residual), Tensor::of(&normed.out)]
}
