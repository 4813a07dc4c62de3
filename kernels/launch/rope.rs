//! Rotary position embedding, with every scaling.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "rope",
    op: "rope",
    summary: "one block a token; the angle is reduced in f64, its sine and cosine are taken in f32",
    source: include_str!("../rope.cu"),
    parameters: &[write("out"), read("x"), read("positions"), number("tokens")],
    variants,
};

/// How frequencies are rescaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scaling {
    /// Not at all.
    Default,
    /// Divided by a factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// As Llama 3.1 does.
    Llama3 {
        /// What long wavelengths are divided by.
        factor: f64,
        /// Where division begins to be whole.
        low_freq_factor: f64,
        /// Where division begins.
        high_freq_factor: f64,
        /// The context that the model was first trained on.
        original_max_position_embeddings: f64,
    },
    /// YaRN, which this kernel does not know: its source refuses to be compiled for it.
    Yarn,
}

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of one head.
    pub head_dim: usize,
    /// Heads of one token.
    pub num_heads: usize,
    /// Base of the frequencies.
    pub theta: f64,
    /// Their rescaling.
    pub scaling: Scaling,
    /// How activations are stored.
    pub activation: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    let spec = KernelSpec::new(KERNEL.name)
        .with("HEAD_DIM", axes.head_dim)
        .with("NUM_HEADS", axes.num_heads)
        .with("THETA", axes.theta)
        .with("ACT_DTYPE", axes.activation);
    match axes.scaling {
        Scaling::Default => spec.with("SCALING", 0),
        Scaling::Linear { factor } => spec.with("SCALING", 1).with("FACTOR", factor),
        Scaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
            spec.with("SCALING", 2)
                .with("FACTOR", factor)
                .with("LOW_FREQ_FACTOR", low_freq_factor)
                .with("HIGH_FREQ_FACTOR", high_freq_factor)
                .with("ORIGINAL_MAX_POSITION_EMBEDDINGS", original_max_position_embeddings)
        }
        Scaling::Yarn => spec.with("SCALING", 3),
    }
}

/// `out`, `x [tokens, num_heads * head_dim]`, `positions [tokens]` as i32.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens, 128)
}

fn variants() -> Vec<KernelSpec> {
    let llama3 = Scaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192.0,
    };
    [(Scaling::Default, Dtype::BF16), (Scaling::Linear { factor: 4.0 }, Dtype::F32), (llama3, Dtype::F16)]
        .into_iter()
        .map(|(scaling, activation)| {
            spec(&Axes { head_dim: 64, num_heads: 4, theta: 1e6, scaling, activation })
        })
        .collect()
}
