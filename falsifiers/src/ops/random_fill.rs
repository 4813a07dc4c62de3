//! Cases of `random_fill`: one element, whole blocks and parts of them, seeds at the ends, ranges of weights.

use engine::trace::Tensor;
use kernels::launch::{Expr, random_fill};
use kernels::random_fill::reference;
use kernels::real::Values;
use kernels::{Arithmetic, Dtype};

use super::arrays::{count, each_activation, rows, tokens};
use super::{Group, OpArgument, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(random_fill::KERNEL.name, cases)
}

fn cases(out: Dtype) -> Vec<OpCase> {
    [
        (1, 0, 0.0, 1.0),
        (256, 1, 0.0, 0.057),
        (255, u32::MAX, 1.0, 0.125),
        (257, 7, 0.0, 0.125),
        (5000, 1 << 31, -2.0, 3e-3),
        (70_001, 123_456_789, 0.0, 0.0289),
    ]
    .into_iter()
    .map(|(num, seed, center, spread)| {
        let name = format!("count={num},seed={seed},center={center},spread={spread}");
        OpCase::new(name, move |_| run(out, num, seed, (center, spread)))
    })
    .collect()
}

fn run(out: Dtype, num: usize, seed: u32, (center, spread): (f64, f64)) -> OpRun {
    let elements = u32::try_from(num).unwrap_or(u32::MAX);
    OpRun {
        spec: random_fill::spec(&random_fill::Axes { out, center, spread }),
        shape: random_fill::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![rows(1, num, out), OpArgument::Number(seed), count(num)],
        reference: Box::new(move |arithmetic| {
            let values = match arithmetic {
                Arithmetic::F64 => Values::F64(reference(elements, seed, (center, spread), arithmetic)),
                _ => Values::F32(reference(elements, seed, (center, spread), arithmetic)),
            };
            vec![Tensor { shape: vec![1, num], values }]
        }),
    }
}
