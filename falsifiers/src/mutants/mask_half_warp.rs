//! A mask that names half of the lanes which shuffle.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kernel@mask-half-warp",
    defect: "shuffles of whole warps name the lower sixteen lanes only",
    point: "source",
    kinds: &["sync_safety"],
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
            "matvec",
            "matvec_add",
            "matvec_stream",
            "mla_attention_flash",
            "mla_attention_plain",
            "mla_attention_split",
            "mla_unabsorbed",
            "mla_value_up_matvec",
            "moe_down_matvec",
            "moe_gate",
            "moe_gate_up_matvec",
            "moe_norm_gate",
            "moe_route",
            "moe_route_bias",
            "norm_gate_up_matvec",
            "norm_matvec",
            "norm_qkv_bias_matvec",
            "norm_qkv_matvec",
            "norm_rope_kv_write",
            "read_bandwidth",
            "rmsnorm",
            "rmsnorm_slice",
            "sample",
            "tap_statistics",
            "tap_statistics_all",
        ],
        &[("__shfl_xor_sync(0xffffffffu, ", "__shfl_xor_sync(0x0000ffffu, ")],
    )
}
