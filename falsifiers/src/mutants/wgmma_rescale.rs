//! Results that are not multiplied when a larger score comes.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_wgmma@rescale-forgotten",
    defect: "what was added up before a larger score keeps its weight",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["attention_wgmma"], &[("context[i] *= rescale[i / 2 % 2];", "context[i] *= 1.0f;")])
}
