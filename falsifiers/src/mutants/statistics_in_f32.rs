//! Statistics that are summed in the precision of the activations.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "tap_statistics@sum-in-f32",
    defect: "the sum of a stage is kept in f32",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel.starts_with("tap_statistics")
            && source.replace("sum += value;", "sum = (double)((float)sum + narrow);")
    })
}
