//! Cases of `mla_unabsorbed`: the kernel is given a key and a value of every head, and the reference absorbs what made them.

use engine::trace::Tensor;
use kernels::launch::mla_unabsorbed::{Axes, KERNEL, shape, spec};
use kernels::launch::{Expr, mla_attention_plain};
use kernels::mla_unabsorbed::{Parameters, reference};
use kernels::real::Values;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{ACTIVATIONS, input, matrix, passed, rows};
use super::attention::{Inputs, PAGE_SIZES, Sequence, pick};
use super::mla::{Drawn, Latents, Sizes, axes, drawn, name, parameters};
use super::{Draw, Group, OpCase, OpRun};

/// Sizes, each with the features of a value.
const SIZES: &[(Sizes, usize)] = &[
    ((2, 24, 10, 8), 12),
    ((3, 40, 16, 16), 40),
    ((5, 36, 12, 6), 7),
    ((2, 64, 32, 16), 64),
    ((1, 128, 64, 64), 128),
];

const BATCHES: &[&[Sequence]] =
    &[&[(1, 1)], &[(20, 20)], &[(7, 7), (1, 50)], &[(3, 10), (0, 7), (6, 30), (0, 0)], &[(4, 60)]];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let group = |activation| {
        let rounds = |(at, size)| [(at, size, 0), (at, size, 2), (at, size, 3)];
        let each = SIZES.iter().copied().enumerate().flat_map(rounds);
        let cases = each.map(|(at, (sizes, v_head_dim), round)| {
            let kv = if round == 3 { Dtype::E4M3 } else { activation };
            let attention = axes(sizes, pick(PAGE_SIZES, at + round, 16), activation, kv);
            let batch = pick(BATCHES, at + round + 1, &[]);
            let inputs = if round == 2 { Inputs::Peaked } else { Inputs::Plain };
            case(Axes { attention, v_head_dim }, batch, inputs)
        });
        Group { kernel: KERNEL.name, activation, cases: cases.collect() }
    };
    ACTIVATIONS.into_iter().map(group).collect()
}

fn case(axes: Axes, batch: &'static [Sequence], inputs: Inputs) -> OpCase {
    let name = format!("{},v={}{}", name(&axes.attention, batch), axes.v_head_dim, inputs.special());
    OpCase::new(name, move |draw| run(axes, batch, inputs, draw))
}

fn run(axes: Axes, batch: &[Sequence], inputs: Inputs, draw: &mut Draw) -> OpRun {
    let Axes { attention, v_head_dim } = axes;
    let mla_attention_plain::Axes { num_attention_heads, kv_lora_rank, qk_nope_head_dim, activation, .. } =
        attention;
    let out_features = num_attention_heads * (qk_nope_head_dim + v_head_dim);
    let weight = draw.values(out_features * kv_lora_rank, (kv_lora_rank as f64).powf(-0.5), activation);
    let Drawn { tokens, extent, queries: [_, q], pages, table, sequences, rows: codes, k_scale } =
        drawn(&attention, batch, inputs, draw);
    let latents: Vec<f64> = codes.iter().map(|code| code * f64::from(k_scale)).collect();
    let kv = expanded(&latents, &weight, &attention, activation);
    let width = num_attention_heads * v_head_dim;
    let mut arguments = vec![rows(tokens, width, activation), q, input(&kv, activation), pages];
    arguments.extend(table);
    arguments.push(passed(attention.kv, k_scale));
    OpRun {
        spec: spec(&axes),
        shape: shape(&axes, Expr::Tokens),
        extent,
        arguments,
        reference: Box::new(move |arithmetic| {
            let values = match arithmetic {
                Arithmetic::F64 => attended::<f64>(&sequences, &weight, (&axes, k_scale), arithmetic),
                _ => attended::<f32>(&sequences, &weight, (&axes, k_scale), arithmetic),
            };
            vec![Tensor { shape: vec![tokens, width], values }]
        }),
    }
}

/// What `kv_b_proj` makes of the latent of each row of the pages; NaN of NaN.
fn expanded(rows: &[f64], weight: &[f64], axes: &mla_attention_plain::Axes, activation: Dtype) -> Vec<f64> {
    let rank = axes.kv_lora_rank;
    let product = |latent: &[f64], row: &[f64]| latent.iter().zip(row).map(|(x, w)| x * w).sum::<f64>();
    rows.chunks(rank + axes.qk_rope_head_dim)
        .flat_map(|row| weight.chunks(rank).map(move |of_feature| product(row, of_feature)))
        .map(|value| activation.round(value))
        .collect()
}

/// What the queries of each sequence make of its latents, one sequence after the other.
fn attended<T: Real>(
    sequences: &[Latents],
    weight: &[f64],
    (axes, k_scale): (&Axes, f32),
    arithmetic: Arithmetic,
) -> Values {
    let attention = parameters(&axes.attention, k_scale);
    let parameters = Parameters { attention, v_head_dim: axes.v_head_dim };
    let weight = matrix::<T>(weight, axes.attention.kv_lora_rank);
    let mut out = Vec::new();
    for matrices in sequences.iter().map(|sequence| sequence.matrices::<T>(&axes.attention)) {
        if matrices.q.nrows() > 0 {
            let (q, latents) = (matrices.q.view(), matrices.latents.view());
            out.extend(reference(q, latents, weight.view(), &parameters, arithmetic));
        }
    }
    T::own(out)
}
