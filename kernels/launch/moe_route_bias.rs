//! The choice of experts, by their scores plus a bias.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{KernelInfo, moe_route, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_route_bias",
    op: "moe_route",
    summary: "moe_route with a bias of each expert, which counts for the choice alone",
    source: include_str!("../moe_route_bias.cu"),
    parameters: &[
        write("routing"),
        write("experts"),
        write("weights"),
        read("logits"),
        read("correction_bias"),
        number("tokens"),
    ],
    variants,
};

pub use super::moe_route::{Axes, shape, unfit};

/// The spec of these axes, with a bias that is stored so.
#[must_use]
pub fn spec(axes: &Axes, bias: Dtype) -> KernelSpec {
    axes.of(KERNEL.name).with("BIAS_DTYPE", bias)
}

fn variants() -> Vec<KernelSpec> {
    let dtypes = [Dtype::F32, Dtype::BF16].into_iter().cycle();
    moe_route::each().iter().zip(dtypes).map(|(axes, bias)| spec(axes, bias)).collect()
}
