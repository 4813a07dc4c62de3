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
    in_source(
        &["attention_wgmma"],
        &[
            ("context[j * 4 + h * 2] *= rescale;", "context[j * 4 + h * 2] *= 1.0f;"),
            ("context[j * 4 + h * 2 + 1] *= rescale;", "context[j * 4 + h * 2 + 1] *= 1.0f;"),
        ],
    )
}
