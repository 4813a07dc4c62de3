//! A silu that is written with exp(x), which overflows to infinity over infinity.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "silu_and_mul@exp-overflow",
    defect: "gates above 88 become NaN",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "silu_and_mul"
            && source.replace("value / (1.0f + expf(-value))", "value * expf(value) / (1.0f + expf(value))")
    })
}
