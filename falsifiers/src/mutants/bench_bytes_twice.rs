//! A bench that counts the bytes of a token twice, and so reports twice the share of the bandwidth.

use engine::bench::{BenchPoint, BenchValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "bench@bytes-counted-twice",
    defect: "every byte of weights counts twice",
    point: "bench",
    kinds: &["throughput_floor"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<BenchPoint>(|value| match value {
        BenchValue::WeightBytes(bytes) => {
            **bytes = bytes.saturating_mul(2);
            true
        }
        BenchValue::Steps(_) | BenchValue::Operations(_) => false,
    })
}
