//! A key that goes to the cache as it comes from its projection.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_rope@shared-key-not-turned",
    defect: "the key that all heads share is cached before it is turned",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["mla_rope"],
        &[
            ("+ first] = Act::store(low);", "+ first] = Act::store(a);"),
            ("+ second] = Act::store(high);", "+ second] = Act::store(b);"),
        ],
    )
}
