//! Lanes that read what their neighbours stored, and trust in running in step.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@warp-barrier-missing",
    defect: "the weights of a tile are read without a barrier of the warp",
    point: "source",
    kinds: &["race_freedom"],
    seam,
};

fn seam() -> Seam {
    in_source(&["attention_prefill"], &[("        __syncwarp();\n", "")])
}
