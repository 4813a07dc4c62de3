//! A later chunk of a prompt whose keys and values never reach their pages: it attends to what lay there before.

use engine::device::MetadataPoint;
use engine::plan::Phase;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "chunk@stale-values-on-the-second",
    defect: "a later chunk of a prefill attends to rows that nobody wrote for it",
    point: "metadata",
    kinds: &["chunked_prefill"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<MetadataPoint>(|run| {
        if run.phase != Phase::Prefill || run.past.iter().all(|past| *past == 0) {
            return false;
        }
        // Slots of padding: written nowhere.
        run.slot_mapping.fill(-1);
        !run.slot_mapping.is_empty()
    })
}
