//! Cases of `moe_gate_up`: few slots, experts that two tokens share, rows in several rounds and batches, an expert that is NaN.

use engine::trace::Tensor;
use kernels::launch::Expr;
use kernels::launch::moe_gate_up_matvec::{Axes, KERNEL, geometry, laid, shape};
use kernels::launch::stream::Geometry;
use kernels::moe_gate_up::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, input, matrix, rows, tokens};
use super::experts::{Choices, matrices, passed};
use super::{Draw, Group, OpCase, OpRun};

/// Storage of activations, and of the weights that they are multiplied by.
pub(super) const DTYPES: [(Dtype, [Dtype; 2]); 3] = [
    (Dtype::F32, [Dtype::F32, Dtype::BF16]),
    (Dtype::F16, [Dtype::F16, Dtype::E4M3]),
    (Dtype::BF16, [Dtype::BF16, Dtype::F32]),
];

/// Experts, chosen ones, tokens, features of the result and of the sum, how they choose, and whether an expert is NaN.
pub(super) type Shape = (usize, usize, usize, [usize; 2], Choices, bool);

pub(super) const SHAPES: [Shape; 7] = [
    (1, 1, 1, [8, 8], Choices::Any, false),
    (5, 2, 3, [72, 40], Choices::Any, false),
    (7, 3, 1, [65, 264], Choices::Last, false),
    (9, 8, 2, [40, 1000], Choices::Any, false),
    (4, 2, 2, [24, 3336], Choices::Same, false),
    (128, 8, 1, [16, 256], Choices::Any, false),
    (6, 2, 4, [48, 72], Choices::Any, true),
];

/// The same with blocks that take several rounds, of which the last is not full.
pub(super) const DEALT: [(Shape, Geometry); 2] = [
    ((5, 2, 2, [131, 520], Choices::Any, false), Geometry { blocks: 3, warps: 8, splits: 1, batch: 1 }),
    ((5, 3, 1, [70, 2056], Choices::Any, false), Geometry { blocks: 2, warps: 8, splits: 1, batch: 2 }),
];

/// The groups of a kernel with these shapes.
pub(super) fn groups_of(
    kernel: &'static str,
    run: fn(&mut Draw, (Shape, Axes), Option<Geometry>) -> OpRun,
) -> Vec<Group> {
    let group = |(activation, weights): (Dtype, [Dtype; 2])| {
        let shapes = SHAPES.map(|shape| (shape, None)).into_iter();
        let shapes: Vec<_> = shapes.chain(DEALT.map(|(shape, geometry)| (shape, Some(geometry)))).collect();
        let each = weights.into_iter().flat_map(|weight| shapes.iter().map(move |shape| (weight, *shape)));
        let cases = each.map(|(weight, (shape, geometry))| {
            let (experts, top_k, num, [out_features, in_features], choices, nan) = shape;
            let axes = Axes { experts, top_k, out_features, in_features, weight, activation };
            let dealt = geometry.map_or_else(String::new, |g| {
                format!(",blocks={},warps={},batch={}", g.blocks, g.warps, g.batch)
            });
            let name = format!(
                "experts={experts},top_k={top_k},tokens={num},out_features={out_features},in_features={in_features},\
                 choices={},weight={weight},nan={nan}{dealt}",
                choices.name()
            );
            OpCase::new(name, move |draw| run(draw, (shape, axes), geometry))
        });
        Group { kernel, activation, cases: cases.collect() }
    };
    DTYPES.into_iter().map(group).collect()
}

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    groups_of(KERNEL.name, run)
}

/// The matrices of all experts, so that products have about the size of what they are of; those of one that is chosen are NaN
/// if asked.
pub(super) fn weights(draw: &mut Draw, axes: &Axes, chosen: &[usize], nan: bool) -> Vec<f64> {
    let size = axes.out_features * axes.in_features;
    let mut all = draw.values(axes.experts * size, (axes.in_features as f64).powf(-0.5), axes.weight);
    if let Some(&expert) = chosen.first().filter(|_| nan) {
        all.iter_mut().skip(expert * size).take(size).for_each(|value| *value = f64::NAN);
    }
    all
}

fn run(draw: &mut Draw, (shape_of, axes): (Shape, Axes), dealt: Option<Geometry>) -> OpRun {
    let (experts, top_k, num, [out_features, in_features], choices, nan) = shape_of;
    let geometry = dealt.unwrap_or_else(|| geometry(&axes));
    let x = draw.values(num * in_features, 1.0, axes.activation);
    let chosen = choices.draw(draw, num, experts, top_k);
    let [gate, up] = [nan, false].map(|nan| weights(draw, &axes, &chosen, nan));
    OpRun {
        spec: laid(&axes, geometry),
        shape: shape(geometry, Expr::Tokens * top_k),
        extent: tokens(num),
        arguments: vec![
            rows(num * top_k, out_features, axes.activation),
            input(&x, axes.activation),
            passed(&chosen),
            input(&gate, axes.weight),
            input(&up, axes.weight),
            count(num * top_k),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>([&x, &gate, &up], &chosen, &axes, arithmetic),
            _ => outputs::<f32>([&x, &gate, &up], &chosen, &axes, arithmetic),
        }),
    }
}

fn outputs<T: Real>(
    [x, gate, up]: [&Vec<f64>; 3],
    chosen: &[usize],
    axes: &Axes,
    arithmetic: Arithmetic,
) -> Vec<Tensor> {
    let x = matrix::<T>(x, axes.in_features);
    let [gate, up] = [gate, up].map(|w| matrices::<T>(w, axes.out_features, axes.in_features));
    vec![Tensor::of(&reference(x.view(), [gate.view(), up.view()], chosen, axes.top_k, arithmetic))]
}
