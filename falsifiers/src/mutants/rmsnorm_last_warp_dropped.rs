//! Block reductions that stop one warp early.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rmsnorm@last-warp-dropped",
    defect: "the squares of the last warp are not added",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "rmsnorm" && source.replace("warp < blockDim.x / 32;", "warp < blockDim.x / 32 - 1;")
    })
}
