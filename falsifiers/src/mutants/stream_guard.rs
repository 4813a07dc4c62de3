//! A guard that was forgotten: warps without a row ask for weights behind the last.

use kernels::seam::Seam;

use super::Mutant;
use super::stream_eights::STREAMED;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "stream@row-guard-missing",
    defect: "warps ask for rows behind the last output feature like for others",
    point: "source",
    kinds: &["memory_safety"],
    seam,
};

fn seam() -> Seam {
    in_source(STREAMED, &[("const bool row_there = far_row < ROWS;", "const bool row_there = true;")])
}
