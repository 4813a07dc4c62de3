//! Splits that are added as they are, although each is relative to a largest score of its own.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_merge@shares-equal",
    defect: "every split has the same share, whatever its largest score is",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["attention_merge"], &[("share[j] = exp_below(lane_largest[j], most);", "share[j] = 1.0f;")])
}
