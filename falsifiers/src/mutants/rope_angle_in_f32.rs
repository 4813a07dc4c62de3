//! Rotary angles that are computed in f32, and lose their fraction at large positions.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rope@angle-in-f32",
    defect: "the angle is rounded to f32 before whole turns are dropped",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "rope"
            && source.replace(
                "double turns = position * frequency(pair)",
                "double turns = (float)(position * frequency(pair))",
            )
    })
}
