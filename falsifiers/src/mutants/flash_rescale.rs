//! An online softmax that forgets that what was summed before is relative to a smaller largest score.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_flash@rescale-forgotten",
    defect: "a tile with a larger score leaves what was summed before as it is",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_flash"],
        &[("context[m][j][i] *= rescale[m][i / 2];", "context[m][j][i] *= 1.0f;")],
    )
}
