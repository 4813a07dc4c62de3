//! Experts that are chosen from all groups.

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@groups-ignored",
    defect: "the choice of experts is not limited to some groups",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        config.mixture.as_mut().is_some_and(|mixture| {
            let limited = mixture.routing.topk_group < mixture.routing.n_group;
            (mixture.routing.n_group, mixture.routing.topk_group) = (1, 1);
            limited
        })
    })
}
