//! A kernel cache that goes by names and axes: an edited kernel is never compiled again.

use kernels::jit::KeyPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "jit@source-missing-from-key",
    defect: "the source is no part of any key",
    point: "key",
    kinds: &["cache_key_distinctness"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<KeyPoint>(|preimage| !std::mem::take(&mut preimage.source).is_empty())
}
