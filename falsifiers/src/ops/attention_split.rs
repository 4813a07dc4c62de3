//! Cases of `attention_split`: head dimensions, groupings that leave heads over, windows, page sizes, formats of the cache,
//! and sequences from one key to several tiles of every split.
//!
//! Pages are those of the cases of `attention`: a slot that no sequence owns holds NaN.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::attention::Parameters;
use kernels::attention_split::{Sharing, reference};
use kernels::launch::attention_split::{Axes, KERNEL, shape, spec};
use kernels::launch::{Expr, attention_prefill};
use kernels::real::Values;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{matrix, passed};
use super::attention::{DTYPES, Drawn, Inputs, PAGE_SIZES, Sequence, WINDOWS, drawn, parameters, pick};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// Every head_dim of the other kernels of attention.
const HEAD_DIMS: &[usize] = &[8, 12, 20, 32, 48, 64, 80, 96, 128, 192, 256];
/// Query heads, and key and value heads; groups of an odd number leave a head over.
const HEADS: &[(usize, usize)] = &[(14, 2), (1, 1), (11, 1), (8, 2), (4, 4), (18, 2), (7, 1)];
/// Splits: as a model of these heads gets them, and few, so that each has several tiles.
const SPLITS: &[Option<usize>] = &[None, Some(3), Some(1), Some(2), Some(4)];

/// The first token; tiles that are whole, and one key more; short beside long; a sequence that is not run.
pub(super) const BATCHES: &[&[Sequence]] =
    &[&[(1, 1)], &[(1, 129)], &[(1, 3), (1, 300)], &[(1, 32), (0, 7), (1, 33), (1, 64)], &[(1, 97)]];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let group = |&(activation, kv_dtypes): &(Dtype, &[Dtype])| {
        let mut cases = Vec::new();
        for (at, &head_dim) in HEAD_DIMS.iter().enumerate() {
            cases.push(case(head_dim, (activation, kv_dtypes), at, Inputs::Plain));
            cases.push(case(head_dim, (activation, kv_dtypes), at + 5, Inputs::Peaked));
        }
        for at in 0..WINDOWS.len() {
            cases.push(case(32, (activation, kv_dtypes), at, Inputs::NanValue));
        }
        Group { kernel: KERNEL.name, activation, cases }
    };
    DTYPES.iter().map(group).collect()
}

fn case(head_dim: usize, (activation, kv_dtypes): (Dtype, &[Dtype]), at: usize, inputs: Inputs) -> OpCase {
    let (num_attention_heads, num_key_value_heads) = pick(HEADS, at, (1, 1));
    let mut axes = Axes::new(attention_prefill::Axes {
        head_dim,
        num_attention_heads,
        num_key_value_heads,
        scale: (head_dim as f64).powf(-0.5),
        window: pick(WINDOWS, at + at / 7, None),
        page_size: pick(PAGE_SIZES, at, 16),
        activation,
        kv: pick(kv_dtypes, at + at / 4, activation),
    });
    axes.splits = pick(SPLITS, at, None).unwrap_or(axes.splits);
    let batch = pick(BATCHES, at + at / 5 + 1, &[]);
    let sequences: Vec<String> = batch.iter().map(|(q, kv)| format!("{q}/{kv}")).collect();
    let special = inputs.special();
    let name = format!(
        "head_dim={head_dim},heads={num_attention_heads}:{num_key_value_heads},window={},page_size={},kv={},splits={},batch={}{special}",
        axes.attention.window.unwrap_or(0),
        axes.attention.page_size,
        axes.attention.kv,
        axes.splits,
        sequences.join("+"),
    );
    OpCase::new(name, move |draw| run(axes, batch, inputs, draw))
}

fn run(axes: Axes, batch: &[Sequence], inputs: Inputs, draw: &mut Draw) -> OpRun {
    let Drawn { tokens, extent, arguments: inputs, sequences, scales } =
        drawn(&axes.attention, batch, inputs, draw);
    let shapes = shapes(&axes, tokens);
    let mut arguments: Vec<OpArgument> = shapes.iter().map(|shape| output(shape)).collect();
    arguments.extend(inputs);
    arguments.extend(scales.map(|scale| passed(axes.attention.kv, scale)));
    let parameters = parameters(&axes.attention, scales);
    let sharing = Sharing { tile: axes.tile, splits: axes.splits };
    OpRun {
        spec: spec(&axes),
        shape: shape(&axes, Expr::Batch),
        extent,
        arguments,
        reference: Box::new(move |arithmetic| {
            let values = match arithmetic {
                Arithmetic::F64 => split::<f64>(&sequences, &parameters, &sharing, arithmetic),
                _ => split::<f32>(&sequences, &parameters, &sharing, arithmetic),
            };
            shapes.iter().cloned().zip(values).map(|(shape, values)| Tensor { shape, values }).collect()
        }),
    }
}

/// The shapes of the largest scores, of the totals, and of the values. The first two are compared as one row a token.
pub(super) fn shapes(axes: &Axes, tokens: usize) -> [Vec<usize>; 3] {
    let parts = axes.parts();
    [vec![tokens, parts], vec![tokens, parts], vec![tokens, parts, axes.attention.head_dim]]
}

/// An output of f32.
fn output(shape: &[usize]) -> OpArgument {
    OpArgument::Output { shape: shape.to_vec(), element: Element::Float(Dtype::F32) }
}

/// What the splits of every sequence are, one sequence after the other.
fn split<T: Real>(
    sequences: &[(Vec<f64>, Vec<f64>, Vec<f64>)],
    parameters: &Parameters,
    sharing: &Sharing,
    arithmetic: Arithmetic,
) -> [Values; 3] {
    let (q_width, kv_width) = (
        parameters.num_attention_heads * parameters.head_dim,
        parameters.num_key_value_heads * parameters.head_dim,
    );
    let mut out: [Vec<T>; 3] = Default::default();
    for (q, k, v) in sequences {
        let (q, k, v) = (matrix::<T>(q, q_width), matrix::<T>(k, kv_width), matrix::<T>(v, kv_width));
        if q.nrows() > 0 {
            let splits = reference(q.view(), k.view(), v.view(), parameters, sharing, arithmetic);
            let [largest, total, context] = &mut out;
            largest.extend(splits.largest);
            total.extend(splits.total);
            context.extend(splits.context);
        }
    }
    out.map(T::own)
}
