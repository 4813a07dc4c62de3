//! A bound that is off by one step: the last eight of every row are left out.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "stream@eights-dropped",
    defect: "the last eight products of every segment are not added",
    point: "source",
    kinds: &["op_parity", "fusion_equality"],
    seam,
};

fn seam() -> Seam {
    in_source(
        STREAMED,
        &[("if (element(batch, chunk) >= end) continue;", "if (element(batch, chunk) + 8 >= end) continue;")],
    )
}

/// The kernels of `stream.cuh`.
pub(super) const STREAMED: &[&str] = &[
    "matvec_add",
    "matvec_stream",
    "norm_gate_up_matvec",
    "norm_matvec",
    "norm_qkv_bias_matvec",
    "norm_qkv_matvec",
];
