//! The norm, and router logits of it.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::stream::Norm;
use super::{Expr, KernelInfo, LaunchShape, matmul, moe_gate, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_norm_gate",
    op: "moe_norm_gate",
    summary: "rmsnorm and moe_gate in one; bit by bit what the two give",
    source: include_str!("../moe_norm_gate.cu"),
    parameters: &[
        write("normed_out"),
        write("logits"),
        read("x"),
        read("norm_weight"),
        read("weight"),
        number("tokens"),
    ],
    variants,
};

pub use super::moe_gate::Axes;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes, norm: Norm) -> KernelSpec {
    norm.on(axes.of(KERNEL.name))
}

/// `normed_out = norm(x [tokens, in_features])` and `logits [tokens, experts] = normed_out * weight [experts, in_features]^T`,
/// the latter in f32.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    let experts = axes.experts.div_ceil(moe_gate::EXPERTS_PER_BLOCK).into();
    let block = [32 * moe_gate::EXPERTS_PER_BLOCK as u32, 1, 1];
    LaunchShape { grid: [tokens, experts, 1.into()], block, shared: 0 }
}

/// Why these axes need the steps one by one, if they do.
#[must_use]
pub fn unfit(axes: &Axes, norm: Norm) -> Option<String> {
    let Axes { experts, in_features, weight, activation } = *axes;
    norm.unfit(&matmul::Axes { out_features: experts, in_features, weight, activation })
}

fn variants() -> Vec<KernelSpec> {
    let of = |(experts, in_features, weight, activation): (usize, usize, Dtype, Dtype)| {
        spec(&Axes { experts, in_features, weight, activation }, Norm { eps: 1e-6, weight: activation })
    };
    moe_gate::VARIANTS.into_iter().map(of).collect()
}
