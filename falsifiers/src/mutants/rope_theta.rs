//! A rotary embedding that hard-codes a base of 10,000 where the configuration says 1,000,000 (or the other way round).

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rope@theta-10000",
    defect: "the rotary base is 10,000, or 1,000,000 where the configuration says 10,000",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        config.rope.theta = if config.rope.theta == 1e4 { 1e6 } else { 1e4 };
        true
    })
}
