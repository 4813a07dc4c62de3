//! The rotary part of latent attention.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_rope",
    op: "mla_rope",
    summary: "one block a token; the angle is reduced in f64, its sine and cosine are taken in f32",
    source: include_str!("../mla_rope.cu"),
    parameters: &[write("out"), write("k_pe"), read("q"), read("kv_a"), read("positions"), number("tokens")],
    variants,
};

/// How YaRN rescales frequencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yarn {
    /// What slow frequencies are divided by.
    pub factor: f64,
    /// The context that the model was first trained on.
    pub original_max_position_embeddings: f64,
    /// Turns within it above which a frequency is kept.
    pub beta_fast: f64,
    /// Turns within it below which it is divided in full.
    pub beta_slow: f64,
    /// What sine and cosine are multiplied by.
    pub attention_factor: f64,
    /// Whether the range between the two is rounded outwards to whole pairs.
    pub truncate: bool,
}

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Features of the latent, which come before the shared key.
    pub kv_lora_rank: usize,
    /// Features of a query head that are not turned.
    pub qk_nope_head_dim: usize,
    /// Features that are.
    pub qk_rope_head_dim: usize,
    /// Base of the frequencies.
    pub theta: f64,
    /// Their rescaling.
    pub yarn: Option<Yarn>,
    /// Whether a pair lies side by side.
    pub interleaved: bool,
    /// Scaling of queries by position: the factor of the logarithm, and the positions after which it grows.
    pub query_scaling: Option<(f64, usize)>,
    /// How activations are stored.
    pub activation: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    let (beta, original) = axes.query_scaling.unwrap_or((0.0, 1));
    let spec = KernelSpec::new(KERNEL.name)
        .with("NUM_ATTENTION_HEADS", axes.num_attention_heads)
        .with("KV_LORA_RANK", axes.kv_lora_rank)
        .with("QK_NOPE_HEAD_DIM", axes.qk_nope_head_dim)
        .with("QK_ROPE_HEAD_DIM", axes.qk_rope_head_dim)
        .with("THETA", axes.theta)
        .with("INTERLEAVED", usize::from(axes.interleaved))
        .with("QUERY_SCALING_BETA", beta)
        .with("QUERY_SCALING_ORIGINAL", original)
        .with("ACT_DTYPE", axes.activation);
    match axes.yarn {
        None => spec.with("SCALING", 0).with("ATTENTION_FACTOR", 1.0),
        Some(yarn) => spec
            .with("SCALING", 3)
            .with("FACTOR", yarn.factor)
            .with("ORIGINAL_MAX_POSITION_EMBEDDINGS", yarn.original_max_position_embeddings)
            .with("BETA_FAST", yarn.beta_fast)
            .with("BETA_SLOW", yarn.beta_slow)
            .with("TRUNCATE", usize::from(yarn.truncate))
            .with("ATTENTION_FACTOR", yarn.attention_factor),
    }
}

/// `out`, `q [tokens, num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim)]`, `k_pe [tokens, qk_rope_head_dim]`, `kv_a
/// [tokens, kv_lora_rank + qk_rope_head_dim]`, `positions [tokens]` as i32.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens, 256)
}

fn variants() -> Vec<KernelSpec> {
    let yarn = Yarn {
        factor: 16.0,
        original_max_position_embeddings: 256.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: 1.0,
        truncate: true,
    };
    let plain = Axes {
        num_attention_heads: 2,
        kv_lora_rank: 256,
        qk_nope_head_dim: 64,
        qk_rope_head_dim: 64,
        theta: 1e4,
        yarn: None,
        interleaved: false,
        query_scaling: None,
        activation: Dtype::F32,
    };
    [
        Axes { num_attention_heads: 5, kv_lora_rank: 24, qk_nope_head_dim: 10, qk_rope_head_dim: 8, ..plain },
        Axes {
            yarn: Some(yarn),
            interleaved: true,
            query_scaling: Some((0.1, 256)),
            activation: Dtype::BF16,
            ..plain
        },
        Axes {
            yarn: Some(Yarn { truncate: false, attention_factor: 1.2, ..yarn }),
            activation: Dtype::F16,
            ..plain
        },
    ]
    .iter()
    .map(spec)
    .collect()
}
