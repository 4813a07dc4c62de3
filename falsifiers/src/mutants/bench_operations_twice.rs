//! A bench that counts the operations of a prefill twice, and so reports twice the share of the matrix rate.

use engine::bench::{BenchPoint, BenchValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "bench@operations-counted-twice",
    defect: "every operation of a prefill counts twice",
    point: "bench",
    kinds: &["throughput_floor"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<BenchPoint>(|value| match value {
        BenchValue::Operations(operations) => {
            **operations *= 2.0;
            true
        }
        BenchValue::WeightBytes(_) | BenchValue::Steps(_) => false,
    })
}
