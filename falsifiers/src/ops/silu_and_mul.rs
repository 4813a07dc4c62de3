//! Cases of `silu_and_mul`: gates of every size, those whose exponential overflows, infinities and NaN.

use engine::trace::Tensor;
use kernels::launch::{Expr, silu_and_mul};
use kernels::silu_and_mul::{activation as silu, product};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, rows, tokens};
use super::{Draw, Group, OpCase, OpRun};

/// Gates beyond which `exp` overflows or vanishes, and what is not a number.
const ENDS: [f64; 10] = [0.0, -0.0, 88.0, -88.0, 104.0, -104.0, 1e4, -1e4, f64::INFINITY, f64::NAN];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(silu_and_mul::KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let shapes = [
        (1, 1, 1.0),
        (3, 7, 1.0),
        (300, 64, 2.0),
        (2, 255, 0.01),
        (2, 257, 10.0),
        (2, 1000, 30.0),
        (1, 4864, 1.0),
    ];
    let ends = shapes.map(|shape| (shape, false)).into_iter().chain([((3, 300, 20.0), true)]);
    ends.map(|((num, features, scale), ends)| {
        let name = format!("tokens={num},features={features},scale={scale:e},ends={ends}");
        OpCase::new(name, move |draw| run(draw, [num, features], scale, ends, activation))
    })
    .collect()
}

fn run(draw: &mut Draw, [num, features]: [usize; 2], scale: f64, ends: bool, activation: Dtype) -> OpRun {
    let mut gate = draw.values(num * features, scale, activation);
    let up = draw.values(num * features, 1.0, activation);
    if ends {
        for row in gate.chunks_mut(features) {
            for (gate, &end) in row.iter_mut().zip(&ENDS) {
                *gate = activation.round(end);
            }
        }
    }
    OpRun {
        spec: silu_and_mul::spec(&silu_and_mul::Axes { features, activation }),
        shape: silu_and_mul::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            rows(num, features, activation),
            input(&gate, activation),
            input(&up, activation),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&gate, &up, features, arithmetic),
            _ => outputs::<f32>(&gate, &up, features, arithmetic),
        }),
    }
}

fn outputs<T: Real>(gate: &[f64], up: &[f64], features: usize, arithmetic: Arithmetic) -> Vec<Tensor> {
    let silu = silu(matrix::<T>(gate, features).view(), arithmetic);
    vec![Tensor::of(&product(silu.view(), matrix::<T>(up, features).view(), arithmetic))]
}
