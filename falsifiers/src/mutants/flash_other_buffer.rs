//! Values that are taken from the buffer which the next tile is copied to.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_flash@values-of-the-other-buffer",
    defect: "weights are multiplied with the values of another tile",
    point: "source",
    kinds: &["op_parity", "memory_safety"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_flash"],
        &[(
            "shared_address(v_rows + stage * KEYS * STRIDE);",
            "shared_address(v_rows + (stage ^ 1) * KEYS * STRIDE);",
        )],
    )
}
