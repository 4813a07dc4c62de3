//! Query heads that take turns over the key heads instead of sharing one in groups.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@wrong-gqa-head",
    defect: "query head h reads key head h modulo the number of key heads",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity", "golden_output"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_flash", "attention_wgmma", "attention_prefill", "attention_plain", "attention_decode"],
        &[("head / (NUM_ATTENTION_HEADS / NUM_KEY_VALUE_HEADS)", "head % NUM_KEY_VALUE_HEADS")],
    )
}
