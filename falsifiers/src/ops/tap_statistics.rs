//! Cases of `tap_statistics`: counts around a block's, means far from zero, and elements that are not finite.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::launch::tap_statistics;
use kernels::real::Values;
use kernels::tap_statistics::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, tokens, vector};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(tap_statistics::KERNEL.name, cases)
}

/// What some of the elements are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Finite {
    All,
    Most,
    None,
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let mut all = vec![(100, 1.0, Finite::None), (1, 0.0, Finite::None)];
    for elements in [1, 2, 31, 33, 1000, 1023, 1024, 1025, 4097, 100_000] {
        all.push((elements, 0.5, Finite::All));
    }
    // A mean that is 100 times the spread; elements far apart; a tenth of them not finite.
    all.extend([(5000, 100.0, Finite::All), (5000, 0.0, Finite::All), (5000, 3.0, Finite::Most)]);
    all.into_iter()
        .map(|(elements, mean, finite)| {
            let name = format!("count={elements},mean={mean},finite={finite:?}");
            OpCase::new(name, move |draw| run(draw, elements, mean, finite, activation))
        })
        .collect()
}

fn run(draw: &mut Draw, elements: usize, mean: f64, finite: Finite, activation: Dtype) -> OpRun {
    let mut x = draw.values(elements, 1.0, activation);
    for x in &mut x {
        *x = activation.round(*x + mean);
    }
    let not_finite = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for (at, x) in x.iter_mut().enumerate() {
        if finite == Finite::None || (finite == Finite::Most && draw.below(10) == 0) {
            *x = not_finite[at % 3];
        }
    }
    OpRun {
        spec: tap_statistics::spec(activation),
        shape: tap_statistics::shape(),
        extent: tokens(elements),
        // One statistic a row: each is held by itself, not against the largest of them.
        arguments: vec![
            OpArgument::Output { shape: vec![8, 1], element: Element::Float(Dtype::F64) },
            input(&x, activation),
            count(elements),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&x, arithmetic),
            _ => outputs::<f32>(&x, arithmetic),
        }),
    }
}

fn outputs<T: Real>(x: &[f64], arithmetic: Arithmetic) -> Vec<Tensor> {
    let found = reference(vector::<T>(x).view(), arithmetic);
    let values = vec![
        found.finite as f64,
        found.sum,
        found.squares,
        found.min,
        found.max,
        found.nans as f64,
        found.infinities as f64,
        found.squared_distances,
    ];
    vec![Tensor { shape: vec![8, 1], values: Values::F64(values) }]
}
