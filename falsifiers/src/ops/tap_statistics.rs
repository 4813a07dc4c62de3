//! Cases of `tap_statistics`: counts around a block's, means far from zero, and elements that are not finite; and of many
//! stages at once, in any order and with other things between them.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::launch::{tap_statistics, tap_statistics_all};
use kernels::real::Values;
use kernels::tap_statistics::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, indices, input, tokens, vector};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let all = each_activation(tap_statistics_all::KERNEL.name, of_all);
    each_activation(tap_statistics::KERNEL.name, cases).into_iter().chain(all).collect()
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

fn of_all(activation: Dtype) -> Vec<OpCase> {
    // How many stages there are is an axis, and each of the two takes every path.
    let cases: [(usize, &'static [usize], f64, Finite); 8] = [
        (1, &[20_000], 3.0, Finite::Most),
        (1, &[1], 0.5, Finite::All),
        (1, &[33, 1, 1024, 31, 1025], 0.5, Finite::All),
        (1, &[8192, 8193, 8191, 100_000, 5], 3.0, Finite::Most),
        (2, &[1000, 17, 1023, 5, 9000], 0.0, Finite::None),
        (75, &[96], 0.5, Finite::All),
        (5, &[7, 96, 3, 1, 2], 0.0, Finite::Most),
        (3, &[64, 9000, 1, 2, 17], 100.0, Finite::All),
    ];
    let named = cases.into_iter().map(|(rows, widths, mean, finite)| {
        let (most, stages) = (widths.iter().max().copied().unwrap_or(0), widths.len());
        let name = format!("rows={rows},stages={stages},widest={most},mean={mean},finite={finite:?}");
        OpCase::new(name, move |draw| run_all(draw, rows, widths, (mean, finite), activation))
    });
    named.collect()
}

/// Elements around a mean, of which some are not finite.
fn drawn(draw: &mut Draw, elements: usize, mean: f64, finite: Finite, activation: Dtype) -> Vec<f64> {
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
    x
}

fn run_all(
    draw: &mut Draw,
    rows: usize,
    widths: &'static [usize],
    (mean, finite): (f64, Finite),
    activation: Dtype,
) -> OpRun {
    let stages: Vec<Vec<f64>> =
        widths.iter().map(|width| drawn(draw, rows * width, mean, finite, activation)).collect();
    // The last stage comes first in memory, and some elements of nobody lie in front of each.
    let (mut x, mut table) = (Vec::new(), Vec::new());
    for (stage, &width) in stages.iter().zip(widths).rev() {
        x.extend(vec![65504.0; draw.below(3)]);
        let first = i64::try_from(x.len()).unwrap_or(0);
        table.push(tap_statistics_all::entry(first, u32::try_from(width).unwrap_or(0)));
        x.extend(stage);
    }
    let table: Vec<i32> = table.into_iter().rev().flatten().map(u32::cast_signed).collect();
    let axes = tap_statistics_all::Axes { activation, stages: widths.len() };
    OpRun {
        spec: tap_statistics_all::spec(&axes),
        shape: tap_statistics_all::shape(&axes, rows.into()),
        extent: tokens(rows),
        arguments: vec![
            OpArgument::Output {
                shape: vec![rows * widths.len() * 8, 1],
                element: Element::Float(Dtype::F64),
            },
            input(&x, activation),
            indices(&table),
            count(rows),
        ],
        reference: Box::new(move |arithmetic| {
            let each_row = |row: usize| {
                let of_stage = move |(stage, width): (&Vec<f64>, &usize)| {
                    let row = stage.get(row * width..(row + 1) * width).unwrap_or_default();
                    match arithmetic {
                        Arithmetic::F64 => results::<f64>(row, arithmetic),
                        _ => results::<f32>(row, arithmetic),
                    }
                };
                stages.iter().zip(widths).flat_map(of_stage)
            };
            let values: Vec<f64> = (0..rows).flat_map(each_row).collect();
            vec![Tensor { shape: vec![values.len(), 1], values: Values::F64(values) }]
        }),
    }
}

fn run(draw: &mut Draw, elements: usize, mean: f64, finite: Finite, activation: Dtype) -> OpRun {
    let x = drawn(draw, elements, mean, finite, activation);
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
    vec![Tensor { shape: vec![8, 1], values: Values::F64(results::<T>(x, arithmetic).to_vec()) }]
}

fn results<T: Real>(x: &[f64], arithmetic: Arithmetic) -> [f64; 8] {
    let found = reference(vector::<T>(x).view(), arithmetic);
    [
        found.finite as f64,
        found.sum,
        found.squares,
        found.min,
        found.max,
        found.nans as f64,
        found.infinities as f64,
        found.squared_distances,
    ]
}
