//! Norms that hard-code an epsilon of 1e-5 where the configuration says 1e-6 (or the other way round).

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rmsnorm@eps-1e-5",
    defect: "every norm uses epsilon 1e-5, or 1e-6 where the configuration says 1e-5",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        config.rms_norm_eps = if config.rms_norm_eps == 1e-5 { 1e-6 } else { 1e-5 };
        true
    })
}
