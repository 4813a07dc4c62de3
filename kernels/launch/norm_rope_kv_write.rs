//! The norm of the heads of queries and keys, and what `rope_kv_write` does, in one launch.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{KernelInfo, number, page_scale, read, update, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "norm_rope_kv_write",
    op: "rope_kv_write",
    summary: "rmsnorm and rope of queries and keys, and kv_write, in one; bit by bit what the five give",
    source: include_str!("../norm_rope_kv_write.cu"),
    parameters: &[
        update("k_pages"),
        update("v_pages"),
        write("q_out"),
        read("q"),
        read("k"),
        read("v"),
        read("q_weight"),
        read("k_weight"),
        read("positions"),
        read("slot_mapping"),
        number("tokens"),
        page_scale("k_scale"),
        page_scale("v_scale"),
    ],
    variants,
};

pub use super::rope_kv_write::shape;

/// The spec that follows from that of `rope_kv_write`, the epsilon of the norms and how their weights are stored.
#[must_use]
pub fn of(plain: KernelSpec, eps: f64, weight: Dtype) -> KernelSpec {
    let mut spec = plain.with("EPS", eps).with("WEIGHT_DTYPE", weight);
    KERNEL.name.clone_into(&mut spec.kernel);
    spec
}

fn variants() -> Vec<KernelSpec> {
    let specs = (super::rope_kv_write::KERNEL.variants)().into_iter();
    specs.zip([Dtype::BF16, Dtype::F32, Dtype::F16]).map(|(plain, weight)| of(plain, 1e-6, weight)).collect()
}
