//! A batch whose sequences all read the pages of the first one.

use engine::device::MetadataPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "batch@pages-of-first",
    defect: "every sequence of a batch reads the pages of the first",
    point: "metadata",
    kinds: &["batch_invariance"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<MetadataPoint>(|run| {
        let end = run.kv_page_indptr.get(1).and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
        let end = end.min(run.kv_page_indices.len());
        let (first, rest) = run.kv_page_indices.split_at_mut(end);
        if first.is_empty() || rest.is_empty() {
            return false;
        }
        for (page, of_first) in rest.iter_mut().zip(first.iter().cycle()) {
            *page = *of_first;
        }
        true
    })
}
