//! Groups of query heads that take the key heads in the opposite order.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_split@key-heads-reversed",
    defect: "the first group of query heads reads the last key head",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_split"],
        &[(
            "const u32 head = kv_head * GROUP + first_head;",
            "const u32 head = (NUM_KEY_VALUE_HEADS - 1 - kv_head) * GROUP + first_head;",
        )],
    )
}
