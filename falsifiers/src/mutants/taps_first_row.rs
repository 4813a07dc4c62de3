//! Statistics of every row that are those of the first.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "tap_statistics_all@first-row",
    defect: "every row of a batch has the statistics of the first one",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["tap_statistics_all"], &[("first + (u64)row * stage.width", "first")])
}
