//! A decode kernel that attends to the cache as it was before its own token.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@newest-key-dropped",
    defect: "a decoded token does not see its own key",
    point: "source",
    kinds: &[
        "op_parity",
        "admission",
        "stage_parity",
        "logits_parity",
        "decode_equals_prefill",
        "golden_output",
        "kv_dtype",
    ],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_decode", "attention_split", "attention_merge", "mla_attention_split"],
        &[("return min(position + 1, length);", "return min(position, length);")],
    )
}
