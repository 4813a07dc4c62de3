//! A window that is one key too wide.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@window-one-too-wide",
    defect: "a query sees the key just before its window",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_decode", "attention_flash", "attention_wgmma", "attention_plain", "attention_prefill"],
        &[(
            "position + 1 > WINDOW ? position + 1 - WINDOW : 0;",
            "position + 1 > WINDOW ? position - WINDOW : 0;",
        )],
    )
}
