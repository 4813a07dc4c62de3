//! A rotary embedding that pairs neighbours, as GPT-J does, under weights that pair halves.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rope@wrong-pairing",
    defect: "feature 2i is paired with 2i + 1 instead of i with i + head_dim / 2",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity", "golden_output"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["rope", "rope_kv_write", "norm_rope_kv_write"],
        &[
            (
                "u64 low = start + i / HALF * HEAD_DIM + pair;",
                "u64 low = start + i / HALF * HEAD_DIM + 2 * pair;",
            ),
            ("u64 high = low + HALF;", "u64 high = low + 1;"),
            ("const u32 first = pair;", "const u32 first = 2 * pair;"),
            ("const u32 second = pair + HALF;", "const u32 second = 2 * pair + 1;"),
        ],
    )
}
