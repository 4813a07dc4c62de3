//! A path that ignores the sliding window and attends to everything.

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@window-dropped",
    defect: "layers with a sliding window attend to all keys",
    point: "config",
    kinds: &["oracle_parity", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        let had = config.windows.iter().any(Option::is_some);
        config.windows.fill(None);
        had
    })
}
