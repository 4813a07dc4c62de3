//! A bench that decodes half of the tokens whose time it claims to have measured.

use engine::bench::{BenchPoint, BenchValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "bench@steps-skipped",
    defect: "half of the tokens are decoded, and all are counted",
    point: "bench",
    kinds: &["throughput_floor"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<BenchPoint>(|value| match value {
        BenchValue::Steps(steps) => {
            **steps = steps.div_ceil(2);
            true
        }
        BenchValue::WeightBytes(_) | BenchValue::Operations(_) => false,
    })
}
