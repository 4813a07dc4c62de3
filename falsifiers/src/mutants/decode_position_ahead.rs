//! A decode step that counts its own token twice.

use engine::device::MetadataPoint;
use engine::plan::Phase;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "decode@position-ahead",
    defect: "a decoded token is rotated to the position behind its own",
    point: "metadata",
    kinds: &["admission", "stage_parity", "logits_parity", "decode_equals_prefill", "golden_output"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<MetadataPoint>(|run| {
        if run.phase != Phase::Decode {
            return false;
        }
        run.positions.iter_mut().for_each(|position| *position += 1);
        true
    })
}
