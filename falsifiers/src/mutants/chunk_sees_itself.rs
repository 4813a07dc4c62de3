//! A later chunk of a prompt that is attended to as if nothing came before it.

use engine::device::MetadataPoint;
use engine::plan::Phase;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "chunk@second-sees-only-itself",
    defect: "a later chunk of a prefill has the length of its new tokens only",
    point: "metadata",
    kinds: &["chunked_prefill"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<MetadataPoint>(|run| {
        let mut changed = false;
        let new = run.qo_indptr.windows(2).map(|at| at[1] - at[0]).collect::<Vec<_>>();
        for ((length, new), past) in run.kv_len.iter_mut().zip(new).zip(&run.past) {
            if run.phase == Phase::Prefill && *past > 0 {
                *length = new;
                changed = true;
            }
        }
        changed
    })
}
