//! A kernel cache that does not know the rotary base: the second model gets the kernel of the first.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::not_in_key;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rope@theta-missing-from-key",
    defect: "the rotary base is no part of the key of the rope kernel",
    point: "key",
    kinds: &["cache_key_distinctness"],
    seam,
};

fn seam() -> Seam {
    not_in_key(&["norm_rope_kv_write", "rope", "rope_kv_write"], "THETA")
}
