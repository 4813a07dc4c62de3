//! Cases of `norm_qkv`, without biases and with them.

use engine::trace::Tensor;
use kernels::launch::norm_qkv_matvec::Axes;
use kernels::launch::stream::Norm;
use kernels::launch::{Expr, norm_qkv_bias_matvec, norm_qkv_matvec};
use kernels::norm_qkv::reference;
use kernels::{Arithmetic, Real};

use super::arrays::{count, input, matrix, rows, tokens as extent, vector};
use super::streamed::{Streamed, groups_of, is_truth};
use super::{Draw, Group, OpRun};

/// Large enough to show.
const EPS: f64 = 1e-2;

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let mut groups = groups_of(norm_qkv_matvec::KERNEL.name, |draw, case| run(draw, case, false));
    groups.extend(groups_of(norm_qkv_bias_matvec::KERNEL.name, |draw, case| run(draw, case, true)));
    groups
}

/// Everything that is drawn.
struct Drawn {
    x: Vec<f64>,
    gain: Vec<f64>,
    weights: [Vec<f64>; 3],
    biases: Option<[Vec<f64>; 3]>,
}

/// The features of a case are split: some for keys, as many for values, and the rest for queries.
fn run(draw: &mut Draw, case: Streamed, biased: bool) -> OpRun {
    let Streamed { axes, tokens, geometry } = case;
    let kv_features = axes.out_features.div_ceil(5);
    let features = [axes.out_features - 2 * kv_features, kv_features, kv_features];
    let (in_features, weight, activation) = (axes.in_features, axes.weight, axes.activation);
    let norm = Norm { eps: EPS, weight: activation };
    let axes = Axes { q_features: features[0], kv_features, in_features, weight, activation, norm };
    let geometry = geometry.unwrap_or_else(|| axes.geometry());
    let drawn = Drawn {
        x: case.rows(draw, in_features),
        gain: draw.values(in_features, 1.0, activation),
        weights: features.map(|rows| case.matrix(draw, rows)),
        biases: biased.then(|| features.map(|rows| draw.values(rows, 1.0, activation))),
    };
    let mut arguments: Vec<_> = features.map(|width| rows(tokens, width, activation)).into();
    arguments.extend([input(&drawn.x, activation), input(&drawn.gain, activation)]);
    arguments.extend(drawn.weights.iter().map(|values| input(values, weight)));
    arguments.extend(drawn.biases.iter().flatten().map(|values| input(values, activation)));
    arguments.push(count(tokens));
    OpRun {
        spec: match biased {
            true => norm_qkv_bias_matvec::laid(&axes, activation, geometry),
            false => norm_qkv_matvec::laid(&axes, geometry),
        },
        shape: norm_qkv_matvec::shape(geometry, Expr::Tokens),
        extent: extent(tokens),
        arguments,
        reference: Box::new(move |arithmetic| match is_truth(arithmetic) {
            true => projections::<f64>(&drawn, arithmetic),
            false => projections::<f32>(&drawn, arithmetic),
        }),
    }
}

fn projections<T: Real>(drawn: &Drawn, arithmetic: Arithmetic) -> Vec<Tensor> {
    let columns = drawn.gain.len();
    let (x, gain) = (matrix::<T>(&drawn.x, columns), vector::<T>(&drawn.gain));
    let weights = drawn.weights.each_ref().map(|values| matrix::<T>(values, columns));
    let biases = drawn.biases.as_ref().map(|all| all.each_ref().map(|values| vector::<T>(values)));
    let bias = |at: usize| biases.as_ref().and_then(|all| all.get(at)).map(|bias| bias.view());
    let [q, k, v] = &weights;
    let each = [(q.view(), bias(0)), (k.view(), bias(1)), (v.view(), bias(2))];
    let out = reference(x.view(), gain.view(), each, EPS, arithmetic);
    out.iter().map(|one| Tensor::of(one)).collect()
}
