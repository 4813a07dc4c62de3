//! Cases of `residual_add`: tokens of any length, sums that cancel and sums that overflow.

use engine::trace::Tensor;
use kernels::launch::{Expr, residual_add};
use kernels::residual_add::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, rows, tokens};
use super::{Draw, Group, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(residual_add::KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let shapes = [(1, 1, 1.0), (3, 7, 1.0), (300, 64, 1.0), (2, 255, 1e-3), (2, 257, 100.0), (1, 4096, 1.0)];
    // Half precision ends at 65,504, and draws reach four times their scale: some of these sums overflow.
    let large = if activation == Dtype::F16 { 2e4 } else { 8e37 };
    shapes
        .into_iter()
        .chain([(5, 896, large)])
        .map(|(num, features, scale)| {
            let name = format!("tokens={num},features={features},scale={scale:e}");
            OpCase::new(name, move |draw| run(draw, [num, features], scale, activation))
        })
        .collect()
}

fn run(draw: &mut Draw, [num, features]: [usize; 2], scale: f64, activation: Dtype) -> OpRun {
    let residual = draw.values(num * features, scale, activation);
    let mut x = draw.values(num * features, scale, activation);
    // One in four cancels, in part or in whole.
    for (at, (x, residual)) in x.iter_mut().zip(&residual).enumerate() {
        match at % 8 {
            3 => *x = -residual,
            7 => *x = activation.round(-residual * 1.01),
            _ => {}
        }
    }
    OpRun {
        spec: residual_add::spec(&residual_add::Axes { features, activation }),
        shape: residual_add::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            rows(num, features, activation),
            input(&residual, activation),
            input(&x, activation),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&residual, &x, features, arithmetic),
            _ => outputs::<f32>(&residual, &x, features, arithmetic),
        }),
    }
}

fn outputs<T: Real>(residual: &[f64], x: &[f64], features: usize, arithmetic: Arithmetic) -> Vec<Tensor> {
    let (residual, x) = (matrix::<T>(residual, features), matrix::<T>(x, features));
    vec![Tensor::of(&reference(residual.view(), x.view(), arithmetic))]
}
