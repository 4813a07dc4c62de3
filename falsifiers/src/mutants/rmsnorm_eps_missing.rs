//! A kernel cache that does not know the epsilon: the second model gets the norm of the first.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::not_in_key;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rmsnorm@eps-missing-from-key",
    defect: "the epsilon is no part of the key of the norms",
    point: "key",
    kinds: &["cache_key_distinctness"],
    seam,
};

fn seam() -> Seam {
    not_in_key(&["rmsnorm", "add_rmsnorm"], "EPS")
}
