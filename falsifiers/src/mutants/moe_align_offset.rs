//! Where the slots of an expert begin, one too far: its first slot is another expert's last.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_align@offset-off-by-one",
    defect: "the slots of every expert but the first begin one too late",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_align"],
        &[("offsets[expert] = (i32)begin;", "offsets[expert] = (i32)begin + (expert > 0 ? 1 : 0);")],
    )
}
