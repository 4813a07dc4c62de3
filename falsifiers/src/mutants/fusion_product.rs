//! Fused steps that go on with a product before it was rounded to how it is stored.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "fusion@product-not-rounded",
    defect: "biases and residuals are added to products before rounding, and silu is taken of them",
    point: "source",
    kinds: &["fusion_equality"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["matvec_add", "norm_gate_up_matvec", "norm_qkv_bias_matvec"],
        &[
            ("Activation::load(Activation::store(sum[0]))", "sum[0]"),
            ("Activation::load(Activation::store(sum[1]))", "sum[1]"),
        ],
    )
}
