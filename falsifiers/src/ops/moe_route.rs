//! Cases of `moe_route`: logits of few levels, all equal, far apart, so small that no score is left of them, and NaN; any
//! number of experts and chosen ones, groups, and a bias.
//!
//! The reference computes in f64 and the kernel in f32: where two scores that a choice hangs on differ by less than
//! [`MARGIN`] of themselves both may be right, and such a row is drawn again. Equal ones stay.

use engine::trace::Tensor;
use kernels::launch::moe_route::{Axes, shape};
use kernels::launch::{Expr, moe_route, moe_route_bias};
use kernels::moe_route::{Parameters, Scoring, choose, scores, weights};
use kernels::{Arithmetic, Dtype, Real};
use ndarray::Array2;

use super::arrays::{count, input, matrix, rows, tokens, vector};
use super::experts::{tensor, written};
use super::{Draw, Group, OpCase, OpRun};

/// How far apart, in relation to themselves, two scores are that nobody takes for each other.
const MARGIN: f64 = 1e-4;
/// How often a row is drawn.
const TRIES: usize = 200;

/// Tokens, experts, chosen ones, sigmoid or softmax, groups and those that are kept, renormalised or not, and the scaling.
type Shape = (usize, usize, usize, bool, (usize, usize), bool, f64);

const SHAPES: [Shape; 10] = [
    (1, 1, 1, false, (1, 1), true, 1.0),
    (13, 5, 2, false, (1, 1), true, 1.0),
    (14, 7, 3, false, (1, 1), false, 1.0),
    (33, 128, 8, false, (1, 1), true, 1.0),
    (12, 8, 8, false, (1, 1), true, 1.5),
    (18, 256, 8, true, (8, 4), true, 2.5),
    (15, 16, 3, false, (4, 2), true, 1.0),
    (9, 12, 2, true, (12, 5), false, 1.0),
    (11, 40, 6, true, (1, 1), true, 1.0),
    (6, 512, 40, true, (1, 1), false, 1.0),
];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let of = |bias: Option<Dtype>| {
        SHAPES.map(|of| {
            let (num, experts, top_k, sigmoid, (groups, groups_kept), renormalise, scaling) = of;
            let axes = Axes { experts, top_k, sigmoid, groups, groups_kept, renormalise, eps: 1e-20, scaling };
            let bias_name = bias.map_or_else(String::new, |dtype| format!(",bias={dtype}"));
            let name = format!(
                "tokens={num},experts={experts},top_k={top_k},sigmoid={sigmoid},groups={groups},kept={groups_kept},\
                 renormalise={renormalise},scaling={scaling}{bias_name}"
            );
            OpCase::new(name, move |draw| run(draw, num, axes, bias))
        })
    };
    let group = |kernel, cases: Vec<OpCase>| Group { kernel, activation: Dtype::F32, cases };
    vec![
        group(moe_route::KERNEL.name, of(None).into()),
        group(
            moe_route_bias::KERNEL.name,
            [Dtype::F32, Dtype::BF16].into_iter().flat_map(|dtype| of(Some(dtype))).collect(),
        ),
    ]
}

fn parameters(axes: &Axes) -> Parameters {
    Parameters {
        num_experts: axes.experts,
        num_experts_per_tok: axes.top_k,
        scoring: if axes.sigmoid { Scoring::Sigmoid } else { Scoring::Softmax },
        n_group: axes.groups,
        topk_group: axes.groups_kept,
        norm_topk_prob: axes.renormalise,
        routed_scaling_factor: axes.scaling,
    }
}

/// A row of logits; which kind of row follows from its number.
fn row(draw: &mut Draw, at: usize, axes: &Axes, bias: Option<&[f64]>) -> Vec<f64> {
    let plain = bias.is_none() && axes.groups == 1;
    for _ in 0..TRIES {
        let mut logits = draw.values(axes.experts, 2.0, Dtype::F32);
        match at % 6 {
            1 if plain => logits.iter_mut().for_each(|x| *x = x.clamp(-1.5, 1.5).round()),
            2 if plain => logits.fill(0.375),
            3 if plain && !axes.sigmoid => logits.iter_mut().for_each(|x| *x *= 50.0),
            // The sum of the scores is far below what is added to it.
            4 if plain && axes.sigmoid => logits.iter_mut().for_each(|x| *x = (*x - 76.0).max(-80.0)),
            5 => {
                let one = draw.below(axes.experts);
                logits.iter_mut().skip(one).take(1).for_each(|x| *x = f64::NAN);
            }
            _ => {}
        }
        let logits: Vec<f64> = logits.into_iter().map(|x| Dtype::F32.round(x)).collect();
        if !too_near(&logits, axes, bias) {
            return logits;
        }
    }
    // One expert after the other.
    (0..axes.experts).map(|expert| Dtype::F32.round(expert as f64 / 64.0)).collect()
}

/// Whether two scores that differ, or the scores of two groups, are too near to each other for a choice, or too near to
/// nothing.
fn too_near(logits: &[f64], axes: &Axes, bias: Option<&[f64]>) -> bool {
    let all = scores(matrix::<f64>(logits, axes.experts).view(), &parameters(axes), Arithmetic::F64);
    let mut choice: Vec<f64> = all.iter().copied().collect();
    choice.iter_mut().zip(bias.unwrap_or_default()).for_each(|(score, bias)| *score += bias);
    // In f32 nothing is left of a score below this, and the choice among such scores is that of equal ones.
    let mut best = choice.clone();
    best.retain(|score| !score.is_nan());
    best.sort_by(|a, b| b.total_cmp(a));
    let vanishes = |score: &f64| score.abs() < f64::from(f32::MIN_POSITIVE);
    if best.iter().take(axes.top_k + 1).any(vanishes) {
        return true;
    }
    let size = axes.experts / axes.groups;
    let of_groups = choice.chunks(size).map(|group| {
        let mut group = group.to_vec();
        group.sort_by(|a, b| b.total_cmp(a));
        group.iter().take(2).sum::<f64>()
    });
    let of_groups: Vec<f64> = if axes.groups > 1 { of_groups.collect() } else { Vec::new() };
    [choice, of_groups].into_iter().any(|mut values| {
        values.retain(|value| !value.is_nan());
        values.sort_by(|a, b| b.total_cmp(a));
        values.truncate(if axes.groups > 1 { values.len() } else { axes.top_k + 1 });
        let near =
            |a: f64, b: f64| a != b && (a - b).abs() < MARGIN / axes.experts as f64 * a.abs().max(b.abs());
        values.iter().zip(values.iter().skip(1)).any(|(&a, &b)| near(a, b))
    })
}

fn run(draw: &mut Draw, num: usize, axes: Axes, bias: Option<Dtype>) -> OpRun {
    let biases = bias.map(|dtype| draw.values(axes.experts, 0.1, dtype));
    let logits: Vec<f64> = (0..num).flat_map(|at| row(draw, at, &axes, biases.as_deref())).collect();
    let mut arguments = vec![
        rows(num, axes.experts, Dtype::F32),
        written(vec![num, axes.top_k]),
        rows(num, axes.top_k, Dtype::F32),
        input(&logits, Dtype::F32),
    ];
    let spec = match (bias, &biases) {
        (Some(dtype), Some(biases)) => {
            arguments.push(input(biases, dtype));
            moe_route_bias::spec(&axes, dtype)
        }
        _ => moe_route::spec(&axes),
    };
    arguments.push(count(num));
    OpRun {
        spec,
        shape: shape(Expr::Tokens),
        extent: tokens(num),
        arguments,
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&logits, biases.as_deref(), &axes, arithmetic),
            _ => outputs::<f32>(&logits, biases.as_deref(), &axes, arithmetic),
        }),
    }
}

fn outputs<T: Real>(
    logits: &[f64],
    bias: Option<&[f64]>,
    axes: &Axes,
    arithmetic: Arithmetic,
) -> Vec<Tensor> {
    let parameters = parameters(axes);
    let scores = scores(matrix::<T>(logits, axes.experts).view(), &parameters, arithmetic);
    let bias = bias.map(|bias| vector::<T>(bias));
    let chosen = choose(scores.view(), bias.as_ref().map(|bias| bias.view()), &parameters);
    let routing = weights(scores.view(), &chosen, &parameters, arithmetic);
    let each = Array2::from_shape_fn((chosen.len(), axes.top_k), |(token, place)| {
        chosen
            .get(token)
            .and_then(|chosen| chosen.get(place))
            .map_or(T::nan(), |&expert| routing[[token, expert]])
    });
    let shape = vec![chosen.len(), axes.top_k];
    let chosen: Vec<usize> = chosen.into_iter().flatten().collect();
    vec![Tensor::of(&routing), tensor(shape, &chosen), Tensor::of(&each)]
}
