//! Cases of `mla_rope`: both layouts of pairs, YaRN with its range rounded and not, queries scaled by position, positions up to
//! 131,071.

use engine::trace::Tensor;
use kernels::launch::{Expr, mla_rope};
use kernels::mla_rope::{Parameters, QueryScaling, Yarn, reference};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, indices, input, matrix, rows, tokens};
use super::attention::pick;
use super::{Draw, Group, OpCase, OpRun};

/// Query heads, features of the latent, and features of a query head that are not turned, and that are.
const SIZES: &[(usize, usize, usize, usize)] = &[
    (2, 24, 10, 8),
    (5, 36, 12, 6),
    (1, 7, 3, 2),
    (2, 256, 64, 64),
    (3, 40, 16, 16),
    (40, 32, 8, 16),
    (4, 512, 128, 64),
];
/// The far end, the beginning, and both sides of a context that a model was first trained on.
const POSITIONS: &[usize] = &[131_071, 0, 1, 255, 256, 777, 100_003];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(mla_rope::KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let yarn = Yarn {
        factor: 16.0,
        original_max_position_embeddings: 256.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: 1.0,
        truncate: true,
    };
    let yarns = [
        None,
        Some(yarn),
        Some(Yarn { factor: 40.0, original_max_position_embeddings: 4096.0, attention_factor: 1.25, ..yarn }),
        Some(Yarn { truncate: false, beta_fast: 8.0, beta_slow: 2.0, ..yarn }),
        // Nothing turns so often: a range without any width.
        Some(Yarn { beta_fast: 1e6, beta_slow: 1e5, ..yarn }),
    ];
    let scaling = QueryScaling { beta: 0.1, original_max_position_embeddings: 256 };
    (0..2 * SIZES.len())
        .map(|at| {
            let (num_attention_heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim) = pick(SIZES, at, (1, 7, 3, 2));
            let parameters = Parameters {
                num_attention_heads,
                kv_lora_rank,
                qk_nope_head_dim,
                qk_rope_head_dim,
                theta: pick(&[1e4, 1e6], at / 2, 1e4),
                yarn: pick(&yarns, at + at / 5, None),
                interleaved: (at + at / SIZES.len()).is_multiple_of(2),
                query_scaling: (at % 3 != 1).then_some(scaling),
            };
            let num = pick(&[7, 1, 3], at, 1);
            let name = format!(
                "tokens={num},heads={num_attention_heads},rank={kv_lora_rank},nope={qk_nope_head_dim},rope={qk_rope_head_dim},yarn={},interleaved={},scaled={}",
                (at + at / 5) % yarns.len(),
                parameters.interleaved,
                parameters.query_scaling.is_some(),
            );
            OpCase::new(name, move |draw| run(draw, parameters, num, activation))
        })
        .collect()
}

/// The same for a device.
fn launched(parameters: &Parameters, activation: Dtype) -> mla_rope::Axes {
    let scaling = parameters.query_scaling;
    mla_rope::Axes {
        num_attention_heads: parameters.num_attention_heads,
        kv_lora_rank: parameters.kv_lora_rank,
        qk_nope_head_dim: parameters.qk_nope_head_dim,
        qk_rope_head_dim: parameters.qk_rope_head_dim,
        theta: parameters.theta,
        yarn: parameters.yarn.map(|yarn| mla_rope::Yarn {
            factor: yarn.factor,
            original_max_position_embeddings: yarn.original_max_position_embeddings,
            beta_fast: yarn.beta_fast,
            beta_slow: yarn.beta_slow,
            attention_factor: yarn.attention_factor,
            truncate: yarn.truncate,
        }),
        interleaved: parameters.interleaved,
        query_scaling: scaling.map(|scaling| (scaling.beta, scaling.original_max_position_embeddings)),
        activation,
    }
}

fn run(draw: &mut Draw, parameters: Parameters, num: usize, activation: Dtype) -> OpRun {
    let Parameters { num_attention_heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, .. } = parameters;
    let widths =
        [num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim), kv_lora_rank + qk_rope_head_dim];
    let [q, kv_a] = widths.map(|width| draw.values(num * width, 1.0, activation));
    let positions: Vec<usize> = (0..num).map(|at| pick(POSITIONS, at + num_attention_heads, 0)).collect();
    let passed: Vec<i32> = positions.iter().map(|&at| i32::try_from(at).unwrap_or(i32::MAX)).collect();
    OpRun {
        spec: mla_rope::spec(&launched(&parameters, activation)),
        shape: mla_rope::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            rows(num, widths[0], activation),
            rows(num, qk_rope_head_dim, activation),
            input(&q, activation),
            input(&kv_a, activation),
            indices(&passed),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => turned::<f64>([&q, &kv_a], widths, &positions, &parameters, arithmetic),
            _ => turned::<f32>([&q, &kv_a], widths, &positions, &parameters, arithmetic),
        }),
    }
}

fn turned<T: Real>(
    [q, kv_a]: [&[f64]; 2],
    widths: [usize; 2],
    positions: &[usize],
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Vec<Tensor> {
    let (q, kv_a) = (matrix::<T>(q, widths[0]), matrix::<T>(kv_a, widths[1]));
    let turned = reference(q.view(), kv_a.view(), positions, parameters, arithmetic);
    vec![Tensor::of(&turned.q), Tensor::of(&turned.k_pe)]
}
