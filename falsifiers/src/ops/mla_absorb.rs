//! Cases of `mla_absorb`: its kernels over storage formats, ragged sizes and numbers of tokens.

use engine::trace::Tensor;
use kernels::jit::KernelSpec;
use kernels::launch::mla_absorb_matmul::Axes;
use kernels::launch::{Expr, LaunchShape, mla_absorb_matmul, mla_absorb_matvec};
use kernels::mla_absorb::{Parameters, reference};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, input, matrix, rows, tokens as extent};
use super::{Draw, Group, OpCase, OpRun};

/// How a kernel is specialised and launched.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    pub(super) name: &'static str,
    pub(super) spec: fn(&Axes) -> KernelSpec,
    pub(super) shape: fn(&Axes, Expr) -> LaunchShape,
    /// Storage of activations, each with the storage of weights that it is tried with.
    pub(super) dtypes: &'static [(Dtype, &'static [Dtype])],
}

const KERNELS: &[Kernel] = &[
    Kernel {
        name: "mla_absorb_matvec",
        spec: mla_absorb_matvec::spec,
        shape: mla_absorb_matvec::shape,
        dtypes: ANY,
    },
    Kernel {
        name: "mla_absorb_matmul",
        spec: mla_absorb_matmul::spec,
        shape: mla_absorb_matmul::shape,
        dtypes: TENSOR_CORES,
    },
];

pub(super) const ANY: &[(Dtype, &[Dtype])] = &[
    (Dtype::F32, &[Dtype::F32, Dtype::BF16]),
    (Dtype::F16, &[Dtype::F16, Dtype::E4M3]),
    (Dtype::BF16, &[Dtype::BF16, Dtype::F32]),
];
pub(super) const TENSOR_CORES: &[(Dtype, &[Dtype])] =
    &[(Dtype::F16, &[Dtype::F16]), (Dtype::BF16, &[Dtype::BF16])];

/// Tokens, query heads, features of a latent, of a query head that are not turned and that are, and of a value: one token,
/// less than a tile, a tile, and one token more; what no vector load fits; values of 40; sizes of real models.
const SHAPES: &[(usize, usize, usize, usize, usize, usize)] = &[
    (1, 2, 24, 10, 8, 12),
    (3, 5, 36, 12, 6, 7),
    (64, 2, 40, 16, 16, 40),
    (65, 3, 64, 24, 8, 40),
    (17, 2, 72, 64, 64, 128),
    (2, 2, 256, 64, 64, 128),
    (70, 1, 200, 40, 16, 64),
    (5, 1, 512, 128, 64, 128),
];

/// The groups of some kernels, each case with a token that is NaN where there are many: it may not reach another.
pub(super) fn groups_of(
    kernels: &'static [Kernel],
    run: fn(Kernel, Axes, usize, &mut Draw) -> OpRun,
) -> Vec<Group> {
    let mut groups = Vec::new();
    for kernel in kernels {
        for &(activation, weights) in kernel.dtypes {
            let each = weights.iter().flat_map(|&weight| SHAPES.iter().map(move |shape| (weight, *shape)));
            let cases = each.map(|(weight, (tokens, num_attention_heads, kv_lora_rank, nope, rope, v_head_dim))| {
                let axes = Axes {
                    num_attention_heads,
                    kv_lora_rank,
                    qk_nope_head_dim: nope,
                    qk_rope_head_dim: rope,
                    v_head_dim,
                    weight,
                    activation,
                };
                let name = format!(
                    "tokens={tokens},heads={num_attention_heads},rank={kv_lora_rank},nope={nope},rope={rope},v={v_head_dim},weight={weight}"
                );
                OpCase::new(name, move |draw| run(*kernel, axes, tokens, draw))
            });
            groups.push(Group { kernel: kernel.name, activation, cases: cases.collect() });
        }
    }
    groups
}

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    groups_of(KERNELS, run)
}

/// The rows of `kv_b_proj`, with which products have about the size of what they are of.
pub(super) fn weight(axes: &Axes, features: usize, draw: &mut Draw) -> Vec<f64> {
    let rows = axes.num_attention_heads * (axes.qk_nope_head_dim + axes.v_head_dim);
    draw.values(rows * axes.kv_lora_rank, (features as f64).powf(-0.5), axes.weight)
}

/// `tokens` rows of `width`; one of them is NaN where there are more than ten.
pub(super) fn drawn(tokens: usize, width: usize, activation: Dtype, draw: &mut Draw) -> Vec<f64> {
    let mut x = draw.values(tokens * width, 1.0, activation);
    if tokens > 10 {
        x[tokens / 2 * width..][..width].fill(f64::NAN);
    }
    x
}

fn run(kernel: Kernel, axes: Axes, tokens: usize, draw: &mut Draw) -> OpRun {
    let heads = axes.num_attention_heads;
    let width = heads * (axes.qk_nope_head_dim + axes.qk_rope_head_dim);
    let q = drawn(tokens, width, axes.activation, draw);
    let weight = weight(&axes, axes.qk_nope_head_dim, draw);
    OpRun {
        spec: (kernel.spec)(&axes),
        shape: (kernel.shape)(&axes, Expr::Tokens),
        extent: extent(tokens),
        arguments: vec![
            rows(tokens, heads * axes.kv_lora_rank, axes.activation),
            input(&q, axes.activation),
            input(&weight, axes.weight),
            count(tokens),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => vec![absorbed::<f64>(&q, &weight, &axes, arithmetic)],
            _ => vec![absorbed::<f32>(&q, &weight, &axes, arithmetic)],
        }),
    }
}

fn absorbed<T: Real>(q: &[f64], weight: &[f64], axes: &Axes, arithmetic: Arithmetic) -> Tensor {
    let parameters = Parameters {
        num_attention_heads: axes.num_attention_heads,
        qk_nope_head_dim: axes.qk_nope_head_dim,
        qk_rope_head_dim: axes.qk_rope_head_dim,
        v_head_dim: axes.v_head_dim,
    };
    let width = axes.num_attention_heads * (axes.qk_nope_head_dim + axes.qk_rope_head_dim);
    let (q, weight) = (matrix::<T>(q, width), matrix::<T>(weight, axes.kv_lora_rank));
    Tensor::of(&reference(q.view(), weight.view(), &parameters, arithmetic))
}
