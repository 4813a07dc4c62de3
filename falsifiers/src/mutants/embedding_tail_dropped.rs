//! Copies in whole pieces that forget what is left over.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "embedding@tail-dropped",
    defect: "a row is copied in pieces of 256 features, and the rest of it is not",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "embedding" && source.replace("i < FEATURES;", "i < FEATURES / 256 * 256;")
    })
}
