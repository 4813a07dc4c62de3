//! Cases of `attention_merge`: what splits could have given, for every number of tiles. Splits without keys hold NaN for
//! values, and may not be read.

use engine::trace::Tensor;
use kernels::attention_merge::reference;
use kernels::attention_split::Splits;
use kernels::launch::attention_merge::{KERNEL, shape, spec};
use kernels::launch::attention_split::Axes;
use kernels::launch::{Expr, Extent, attention_prefill};
use kernels::{Arithmetic, Dtype, Real};
use ndarray::{Array3, Array4};

use super::arrays::{ACTIVATIONS, count, input, rows};
use super::attention::{Sequence, WINDOWS, numbers, pick};
use super::attention_split::BATCHES;
use super::{Draw, Group, OpCase, OpRun};

const HEAD_DIMS: &[usize] = &[8, 12, 20, 64, 80, 128, 192, 256, 24, 512];
const SPLITS: &[usize] = &[32, 3, 1, 64, 128, 16, 2];

/// A long sequence, of which every split has keys, beside a short one.
const LONG: &[Sequence] = &[(1, 4096), (1, 5)];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let group = |activation| Group { kernel: KERNEL.name, activation, cases: cases(activation) };
    ACTIVATIONS.into_iter().map(group).collect()
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let mut all = Vec::new();
    for (at, head_dim) in HEAD_DIMS.iter().flat_map(|&head_dim| [head_dim; 3]).enumerate() {
        let mut axes = Axes::new(attention_prefill::Axes {
            head_dim,
            num_attention_heads: pick(&[4, 1, 7], at, 1),
            num_key_value_heads: 1,
            scale: 1.0,
            window: pick(WINDOWS, at + at / 7, None).filter(|_| at % 3 == 2),
            page_size: 16,
            activation,
            kv: activation,
        });
        axes.splits = pick(SPLITS, at / 3 + at % 3, 1);
        let batch = if at % 3 < 2 { LONG } else { pick(BATCHES, at / 3, LONG) };
        all.push(case(axes, batch));
    }
    // Splits that are no whole number of those that lanes, and slices, have together.
    let mut axes = Axes::new(attention_prefill::Axes {
        head_dim: 64,
        num_attention_heads: 4,
        num_key_value_heads: 1,
        scale: 1.0,
        window: None,
        page_size: 16,
        activation,
        kv: activation,
    });
    axes.splits = 59;
    all.push(case(axes, LONG));
    all
}

fn case(axes: Axes, batch: &'static [Sequence]) -> OpCase {
    let lengths: Vec<String> = batch.iter().map(|(q, kv)| format!("{q}/{kv}")).collect();
    let name = format!(
        "head_dim={},heads={},window={},splits={},batch={}",
        axes.attention.head_dim,
        axes.attention.num_attention_heads,
        axes.attention.window.unwrap_or(0),
        axes.splits,
        lengths.join("+"),
    );
    OpCase::new(name, move |draw| run(axes, batch, draw))
}

/// Whether a split has keys of a sequence of this length.
fn has_keys(axes: &Axes, length: usize, split: usize) -> bool {
    let first = axes.attention.window.map_or(0, |window| length.saturating_sub(window));
    (first..length).any(|key| key / axes.tile % axes.splits == split)
}

fn run(axes: Axes, batch: &[Sequence], draw: &mut Draw) -> OpRun {
    let (heads, head_dim, activation) =
        (axes.attention.num_attention_heads, axes.attention.head_dim, axes.attention.activation);
    let tokens: usize = batch.iter().map(|(q, _)| q).sum();
    let (mut largest, mut total, mut context) = (Vec::new(), Vec::new(), Vec::new());
    for &(_, length) in batch.iter().filter(|(q, _)| *q > 0) {
        for at in 0..heads * axes.splits {
            if has_keys(&axes, length, at % axes.splits) {
                // Largest scores far apart: most splits weigh little, and one of them nearly nothing.
                largest.extend(draw.values(1, 8.0, Dtype::F32));
                total.extend(draw.values(1, 1.0, Dtype::F32).iter().map(|x| x.abs() + 1.0));
                context.extend(draw.values(head_dim, 2.0, Dtype::F32));
            } else {
                largest.push(f64::NEG_INFINITY);
                total.push(0.0);
                context.extend(vec![f64::NAN; head_dim]);
            }
        }
    }
    let mut qo_indptr = vec![0];
    for (q, _) in batch {
        qo_indptr.push(qo_indptr.last().unwrap_or(&0) + q);
    }
    let kv_len: Vec<usize> = batch.iter().map(|(_, length)| *length).collect();
    let max_kv = kv_len.iter().copied().max().unwrap_or(0);
    OpRun {
        spec: spec(&axes),
        shape: shape(&axes, Expr::Batch),
        extent: Extent { tokens: tokens as u64, batch: batch.len() as u64, max_kv: max_kv as u64 },
        arguments: vec![
            rows(tokens, heads * head_dim, activation),
            input(&largest, Dtype::F32),
            input(&total, Dtype::F32),
            input(&context, Dtype::F32),
            numbers(&qo_indptr),
            numbers(&kv_len),
            count(batch.len()),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => merged::<f64>([&largest, &total, &context], &axes, arithmetic),
            _ => merged::<f32>([&largest, &total, &context], &axes, arithmetic),
        }),
    }
}

fn merged<T: Real>(
    [largest, total, context]: [&[f64]; 3],
    axes: &Axes,
    arithmetic: Arithmetic,
) -> Vec<Tensor> {
    let (heads, splits, head_dim) =
        (axes.attention.num_attention_heads, axes.splits, axes.attention.head_dim);
    let tokens = largest.len() / axes.parts().max(1);
    let of = |values: &[f64], at: usize| T::of(values.get(at).copied().unwrap_or(f64::NAN));
    let place = |(token, head, split): (usize, usize, usize)| (token * heads + head) * splits + split;
    let splits = Splits {
        largest: Array3::from_shape_fn((tokens, heads, splits), |at| of(largest, place(at))),
        total: Array3::from_shape_fn((tokens, heads, splits), |at| of(total, place(at))),
        context: Array4::from_shape_fn((tokens, heads, splits, head_dim), |(t, h, s, d)| {
            of(context, place((t, h, s)) * head_dim + d)
        }),
    };
    vec![Tensor::of(&reference(&splits, arithmetic))]
}
