//! Fused norms that norm the residual stream as it was before the addition.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "add_rmsnorm@norm-of-old-residual",
    defect: "the fused norm is of the residual before x is added to it",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "add_rmsnorm"
            && source.replace("residual_out + start, weight", "residual + start, weight")
    })
}
