//! Cases of `argmax`: ties, rows of one value, infinities, and rows that hold a NaN.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::argmax::reference;
use kernels::launch::{Expr, argmax};
use kernels::real::Values;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, tokens};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(argmax::KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    [(1, 1), (20, 7), (20, 255), (20, 257), (20, 1000), (260, 64), (11, 4099), (10, 151_936)]
        .into_iter()
        .map(|(num, features)| {
            let name = format!("rows={num},features={features}");
            OpCase::new(name, move |draw| run(draw, num, features, activation))
        })
        .collect()
}

fn run(draw: &mut Draw, num: usize, features: usize, activation: Dtype) -> OpRun {
    let x = drawn(draw, num, features, activation);
    OpRun {
        spec: argmax::spec(&argmax::Axes { features, activation }),
        shape: argmax::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            OpArgument::Output { shape: vec![num], element: Element::I32 },
            input(&x, activation),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&x, features, arithmetic),
            _ => outputs::<f32>(&x, features, arithmetic),
        }),
    }
}

/// Rows of each kind.
pub(super) fn drawn(draw: &mut Draw, num: usize, features: usize, activation: Dtype) -> Vec<f64> {
    let mut x = draw.values(num * features, 3.0, activation);
    for (at, row) in x.chunks_mut(features).enumerate() {
        shape_row(at, row, draw);
    }
    x
}

/// What makes a row hard, by its number. Row 0 and every tenth after it stay as drawn.
fn shape_row(at: usize, row: &mut [f64], draw: &mut Draw) {
    let (one, two) = (draw.below(row.len()), draw.below(row.len()));
    let last = row.len() - 1;
    let mut put = |at: usize, value: f64| {
        if let Some(slot) = row.get_mut(at) {
            *slot = value;
        }
    };
    match at % 10 {
        // The largest twice, and at either end.
        1 => [one, two].into_iter().for_each(|at| put(at, 100.0)),
        2 => put(last, 100.0),
        3 => put(0, 100.0),
        // Every element the same: negative, zeros of both signs, minus infinity with one element above it.
        4 => row.fill(-3.0),
        5 => row.iter_mut().enumerate().for_each(|(at, x)| *x = if at % 2 == 0 { -0.0 } else { 0.0 }),
        6 => {
            row.fill(f64::NEG_INFINITY);
            if at % 20 == 6 {
                row[last] = -1e4;
            }
        }
        7 => [one, two].into_iter().for_each(|at| put(at, f64::INFINITY)),
        8 => {
            put(one, f64::INFINITY);
            put(last, f64::NAN);
        }
        9 => put(two, f64::NAN),
        _ => {}
    }
}

fn outputs<T: Real>(x: &[f64], features: usize, arithmetic: Arithmetic) -> Vec<Tensor> {
    let found = reference(matrix::<T>(x, features).view(), arithmetic);
    let index = |found: Option<usize>| found.map_or(-1.0, |index| index as f32);
    let values: Vec<f32> = found.into_iter().map(index).collect();
    vec![Tensor { shape: vec![values.len()], values: Values::F32(values) }]
}
