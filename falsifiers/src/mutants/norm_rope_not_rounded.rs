//! Normed heads that are turned before they are rounded to how they would be stored.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "norm_rope_kv_write@norm-not-rounded",
    defect: "the fused rotation is of normed heads before rounding",
    point: "source",
    kinds: &["fusion_equality"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["norm_rope_kv_write"],
        &[(
            "a = Act::load(Act::store(a * scale * Weight::load(weight[first])));",
            "a = a * scale * Weight::load(weight[first]);",
        )],
    )
}
