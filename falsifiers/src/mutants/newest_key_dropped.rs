//! A decode step that attends before its own key is written.

use engine::kv_cache::CachePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kv_cache@newest-key-dropped",
    defect: "the newest key is zero in every decode step",
    point: "cache",
    kinds: &["prefill_equals_decode", "golden_output"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<CachePoint>(|cache| {
        if cache.past == 0 {
            return false;
        }
        let newest = cache.past * cache.width;
        cache.keys.map(|index, x| if index >= newest { 0.0 } else { x })
    })
}
