//! Kernels that give one feature to each thread, and are launched with fewer threads than features.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "residual_add@one-pass",
    defect: "only as many features are added as a block has threads",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "residual_add" && source.replace("i += blockDim.x", "i += FEATURES")
    })
}
