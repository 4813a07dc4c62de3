//! Weights that nobody asked for in time: nothing is wrong with what is computed, and all of it is late.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "fetch_ahead@tensors-left-out",
    defect: "only the first round of pieces is asked for",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["fetch_ahead"],
        &[(
            "piece < count; piece += BLOCKS * THREADS)",
            "piece < count && asked == 0; piece += BLOCKS * THREADS)",
        )],
    )
}
