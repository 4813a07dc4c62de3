//! A mixture of experts without the ones that every token goes through.

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@shared-experts-left-out",
    defect: "what shared experts give is zero",
    point: "stage",
    kinds: &["oracle_parity", "golden_output", "loss_bound"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        stage.name.local() == "mlp.shared_experts.down_proj" && stage.values.map(|_, _| 0.0)
    })
}
