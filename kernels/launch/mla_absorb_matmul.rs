//! Queries in the space of latents, on tensor cores.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, Parameter, number, read, write};

/// What both kernels of the op are called with.
pub(super) const PARAMETERS: &[Parameter] = &[write("q_latent"), read("q"), read("weight"), number("tokens")];

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_absorb_matmul",
    op: "mla_absorb",
    summary: "tiles of 64 by 64 of each head on tensor cores (mma.sync), accumulated in f32; for BF16 and F16",
    source: include_str!("../mla_absorb_matmul.cu"),
    parameters: PARAMETERS,
    variants,
};

/// What the products with the rows of a head in `kv_b_proj` are specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Features of a latent.
    pub kv_lora_rank: usize,
    /// Features of a query head that are not turned.
    pub qk_nope_head_dim: usize,
    /// Features that are.
    pub qk_rope_head_dim: usize,
    /// Features of the value of a head.
    pub v_head_dim: usize,
    /// How the weight is stored.
    pub weight: Dtype,
    /// How activations are stored.
    pub activation: Dtype,
}

impl Axes {
    /// The spec of a kernel with these axes, without that of the turned features, which only queries have.
    pub(super) fn of(&self, kernel: &str) -> KernelSpec {
        KernelSpec::new(kernel)
            .with("NUM_ATTENTION_HEADS", self.num_attention_heads)
            .with("KV_LORA_RANK", self.kv_lora_rank)
            .with("QK_NOPE_HEAD_DIM", self.qk_nope_head_dim)
            .with("V_HEAD_DIM", self.v_head_dim)
            .with("WEIGHT_DTYPE", self.weight)
            .with("ACT_DTYPE", self.activation)
    }

    /// Why these axes need the kernel for few tokens, if they do.
    #[must_use]
    pub fn unfit(&self) -> Option<String> {
        match (self.weight, self.activation) {
            (Dtype::BF16, Dtype::BF16) | (Dtype::F16, Dtype::F16) => None,
            (weight, activation) => Some(format!(
                "tensor cores multiply BF16 by BF16 or F16 by F16, not {weight} by {activation}"
            )),
        }
    }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name).with("QK_ROPE_HEAD_DIM", axes.qk_rope_head_dim)
}

/// Tokens and output features of a tile.
const TILE: usize = 64;

/// `q_latent [tokens, num_attention_heads * kv_lora_rank]`, `q [tokens, num_attention_heads * (qk_nope_head_dim +
/// qk_rope_head_dim)]`, `weight [num_attention_heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank]`. All begin at multiples
/// of 16 bytes.
///
/// Tokens lie along x, features of the latent along y, heads along z.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    let features = axes.kv_lora_rank.div_ceil(TILE);
    LaunchShape {
        grid: [tokens.ceil_div(TILE), features.into(), axes.num_attention_heads.into()],
        block: [128, 1, 1],
        shared: 0,
    }
}

/// Axes that are compiled for every target: of Mistral Small 4 and DeepSeek V3, and what eight does not divide.
pub(super) fn compiled() -> impl Iterator<Item = Axes> {
    [(8, 256, 64, 64, 128, Dtype::BF16), (4, 512, 128, 64, 128, Dtype::F16), (3, 36, 12, 6, 40, Dtype::BF16)]
        .into_iter()
        .map(|(num_attention_heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, dtype)| {
            Axes {
                num_attention_heads,
                kv_lora_rank,
                qk_nope_head_dim,
                qk_rope_head_dim,
                v_head_dim,
                weight: dtype,
                activation: dtype,
            }
        })
}

fn variants() -> Vec<KernelSpec> {
    compiled().map(|axes| spec(&axes)).collect()
}
