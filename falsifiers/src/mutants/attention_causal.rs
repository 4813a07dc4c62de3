//! A causal mask that lets each query see one key of the future.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@causal-off-by-one",
    defect: "a query sees the key behind its own",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity", "chunked_prefill"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &[
            "attention_flash",
            "attention_wgmma",
            "attention_prefill",
            "attention_plain",
            "attention_decode",
            "mla_attention_flash",
            "mla_attention_plain",
        ],
        &[("return min(position + 1, length);", "return min(position + 2, length);")],
    )
}
