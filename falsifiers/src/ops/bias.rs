//! Cases of `bias`: tokens of any length, and a bias that is stored wider than activations.

use engine::trace::Tensor;
use kernels::bias::reference;
use kernels::launch::{Expr, bias};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, rows, tokens, vector};
use super::{Draw, Group, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(bias::KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let shapes = [(1, 1), (3, 7), (300, 64), (2, 255), (2, 257), (5, 896), (1, 4096)];
    let scales = [1.0, 1e4];
    let same = shapes.into_iter().flat_map(|shape| scales.map(|scale| (shape, scale, activation)));
    same.chain([((4, 130), 1.0, Dtype::F32)])
        .enumerate()
        .map(|(at, ((num, features), scale, stored))| {
            let name = format!("{at}:tokens={num},features={features},scale={scale:e},bias={stored}");
            OpCase::new(name, move |draw| run(draw, [num, features], scale, stored, activation))
        })
        .collect()
}

fn run(draw: &mut Draw, [num, features]: [usize; 2], scale: f64, stored: Dtype, activation: Dtype) -> OpRun {
    let x = draw.values(num * features, scale, activation);
    // Of values that activations can hold too, because the op reads its bias as they are stored.
    let b = draw.values(features, scale, activation);
    OpRun {
        spec: bias::spec(&bias::Axes { features, bias: stored, activation }),
        shape: bias::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            rows(num, features, activation),
            input(&x, activation),
            input(&b, stored),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&x, &b, arithmetic),
            _ => outputs::<f32>(&x, &b, arithmetic),
        }),
    }
}

fn outputs<T: Real>(x: &[f64], b: &[f64], arithmetic: Arithmetic) -> Vec<Tensor> {
    let x = matrix::<T>(x, b.len());
    vec![Tensor::of(&reference(x.view(), vector::<T>(b).view(), arithmetic))]
}
