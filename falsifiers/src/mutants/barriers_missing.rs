//! Kernels whose warps do not wait for each other.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kernel@barriers-missing",
    defect: "no block has a barrier",
    point: "source",
    kinds: &["race_freedom"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &[
            "add_rmsnorm",
            "argmax",
            "argmax_advance",
            "argmax_split",
            "attention_decode",
            "attention_flash",
            "attention_merge",
            "attention_plain",
            "attention_prefill",
            "attention_split",
            "decode_advance",
            "matmul",
            "matmul_simt",
            "matvec_add",
            "matvec_stream",
            "mla_absorb_matmul",
            "mla_absorb_matvec",
            "mla_attention_flash",
            "mla_attention_plain",
            "mla_attention_split",
            "mla_rope",
            "mla_unabsorbed",
            "mla_value_up_matmul",
            "moe_align",
            "moe_down_matvec",
            "moe_gate_up_matvec",
            "moe_grouped_matmul",
            "moe_grouped_matmul_simt",
            "moe_norm_gate",
            "norm_gate_up_matvec",
            "norm_matvec",
            "norm_qkv_bias_matvec",
            "norm_qkv_matvec",
            "norm_rope_kv_write",
            "read_bandwidth",
            "rmsnorm",
            "rmsnorm_slice",
            "rope",
            "rope_kv_write",
            "sample",
            "tap_statistics",
            "tap_statistics_all",
        ],
        &[("__syncthreads();", "")],
    )
}
