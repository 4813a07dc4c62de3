//! Keys and values of the first two new tokens that change places.

use engine::device::MetadataPoint;
use engine::plan::Phase;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kv_write@wrong-slot",
    defect: "the first two tokens of a prefill are written to each other's slot",
    point: "metadata",
    kinds: &["admission", "stage_parity", "logits_parity", "golden_output"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<MetadataPoint>(|run| {
        if run.slot_mapping.len() < 2 || run.phase != Phase::Prefill {
            return false;
        }
        run.slot_mapping.swap(0, 1);
        true
    })
}
