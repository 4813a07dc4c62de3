//! Cases of `mla_attention_split`: sizes of latents and heads that leave some over, page sizes, formats of the cache, and
//! sequences from one key to several tiles of every split.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::attention_split::Sharing;
use kernels::launch::Expr;
use kernels::launch::mla_attention_split::{Axes, KERNEL, shape, spec};
use kernels::mla_attention_split::reference;
use kernels::real::Values;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::passed;
use super::attention::{DTYPES, Inputs, PAGE_SIZES, Sequence, pick};
use super::attention_split::BATCHES;
use super::mla::{Drawn, Latents, Sizes, axes, drawn, name, parameters};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

const SIZES: &[Sizes] = &[
    (2, 24, 10, 8),
    (9, 40, 16, 16),
    (5, 36, 12, 6),
    (1, 7, 3, 2),
    (12, 32, 16, 16),
    (2, 256, 64, 64),
    (3, 512, 128, 64),
];
/// Splits: as a model of these heads gets them, and few, so that each has several tiles. And the keys of a tile.
const SPLITS: &[(Option<usize>, usize)] =
    &[(None, 16), (Some(3), 16), (Some(1), 32), (Some(2), 16), (Some(4), 32)];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let group = |&(activation, kv_dtypes): &(Dtype, &[Dtype])| {
        let mut cases = Vec::new();
        for (at, &sizes) in SIZES.iter().enumerate() {
            for (round, inputs) in [Inputs::Plain, Inputs::Peaked, Inputs::NanValue].into_iter().enumerate() {
                if sizes.1 >= 256 && round != at % 2 {
                    continue;
                }
                let kv = pick(kv_dtypes, at + round, activation);
                let attention = axes(sizes, pick(PAGE_SIZES, at + round, 16), activation, kv);
                let (splits, tile) = pick(SPLITS, at + 2 * round, (None, 16));
                let mut axes = Axes { tile, ..Axes::new(attention) };
                // A large latent with few splits, since each of them is stored.
                axes.splits = splits.unwrap_or(if sizes.1 >= 256 { 8 } else { axes.splits });
                // A sequence alone would see nothing but the NaN.
                let batches = if inputs == Inputs::NanValue { &BATCHES[2..4] } else { BATCHES };
                cases.push(case(axes, pick(batches, at + round + 1, &[]), inputs));
            }
        }
        Group { kernel: KERNEL.name, activation, cases }
    };
    DTYPES.iter().map(group).collect()
}

fn case(axes: Axes, batch: &'static [Sequence], inputs: Inputs) -> OpCase {
    let (of, special) = (name(&axes.attention, batch), inputs.special());
    let name = format!("{of},splits={},tile={}{special}", axes.splits, axes.tile);
    OpCase::new(name, move |draw| run(axes, batch, inputs, draw))
}

fn run(axes: Axes, batch: &[Sequence], inputs: Inputs, draw: &mut Draw) -> OpRun {
    let Drawn { tokens, extent, queries, pages, table, sequences, k_scale, .. } =
        drawn(&axes.attention, batch, inputs, draw);
    let parts = axes.parts();
    // Each split of a token is compared as a row, or all of them as one where it has one number of each.
    let shapes = [vec![tokens, parts], vec![tokens, parts], vec![tokens, parts, axes.attention.kv_lora_rank]];
    let output =
        |shape: &Vec<usize>| OpArgument::Output { shape: shape.clone(), element: Element::Float(Dtype::F32) };
    let mut arguments: Vec<OpArgument> = shapes.iter().map(output).collect();
    arguments.extend(queries);
    arguments.push(pages);
    arguments.extend(table);
    arguments.push(passed(axes.attention.kv, k_scale));
    OpRun {
        spec: spec(&axes),
        shape: shape(&axes, Expr::Batch),
        extent,
        arguments,
        reference: Box::new(move |arithmetic| {
            let values = match arithmetic {
                Arithmetic::F64 => split::<f64>(&sequences, &axes, k_scale, arithmetic),
                _ => split::<f32>(&sequences, &axes, k_scale, arithmetic),
            };
            shapes.iter().cloned().zip(values).map(|(shape, values)| Tensor { shape, values }).collect()
        }),
    }
}

/// What the splits of every sequence are, one sequence after the other.
fn split<T: Real>(sequences: &[Latents], axes: &Axes, k_scale: f32, arithmetic: Arithmetic) -> [Values; 3] {
    let parameters = parameters(&axes.attention, k_scale);
    let sharing = Sharing { tile: axes.tile, splits: axes.splits };
    let mut out: [Vec<T>; 3] = Default::default();
    for matrices in sequences.iter().map(|sequence| sequence.matrices::<T>(&axes.attention)) {
        if matrices.q.nrows() > 0 {
            let splits = reference(&matrices.inputs(), &parameters, &sharing, arithmetic);
            let [largest, total, context] = &mut out;
            largest.extend(splits.largest);
            total.extend(splits.total);
            context.extend(splits.context);
        }
    }
    out.map(T::own)
}
