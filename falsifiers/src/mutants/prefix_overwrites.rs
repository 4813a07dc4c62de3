//! A prefix hit that shares the last page too, though only a part of it is common.

use engine::device::{PoolPoint, PoolValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "prefix@hit-overwrites",
    defect: "the page in which a shared prefix ends is shared and not copied",
    point: "pool",
    kinds: &["prefix_hit"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<PoolPoint>(|value| match value {
        PoolValue::Adopt { shared_tokens, tokens } if **shared_tokens != *tokens => {
            **shared_tokens = *tokens;
            true
        }
        _ => false,
    })
}
