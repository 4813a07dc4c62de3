//! A tile that is worked on while it is still being copied.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_flash@wait-for-copies-weakened",
    defect: "the newest group of copies may still be on its way when its tile is read",
    point: "source",
    kinds: &["op_parity", "memory_safety", "race_freedom"],
    seam,
};

fn seam() -> Seam {
    in_source(&["attention_flash"], &[("wait_for_groups<0>();", "wait_for_groups<1>();")])
}
