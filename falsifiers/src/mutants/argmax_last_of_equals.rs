//! Reductions that keep the later one of two equal elements, so that greedy text differs from every other
//! engine's.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "argmax@last-of-equals",
    defect: "of equal elements the last one wins",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "argmax" && source.replace("b.index < a.index", "b.index > a.index")
    })
}
