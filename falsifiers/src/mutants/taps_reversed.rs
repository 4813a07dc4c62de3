//! Statistics that are right, each under the name of another stage.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "tap_statistics_all@stages-reversed",
    defect: "the statistics of the first stage are stored as those of the last, and so on",
    point: "source",
    kinds: &["op_parity", "taps_invariance"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["tap_statistics_all"],
        &[("((u64)row * STAGES + at) * 8", "((u64)row * STAGES + (STAGES - 1 - at)) * 8")],
    )
}
