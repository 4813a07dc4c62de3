//! Logits that are all 5 % too large: greedy text does not change, and a cosine is blind to it.

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "lm_head@scaled",
    defect: "every logit is multiplied by 1.05",
    point: "stage",
    kinds: &["oracle_parity", "loss_bound"],
    seam,
};

fn seam() -> Seam {
    Seam::empty()
        .with::<StagePoint>(|stage| stage.name.local() == "lm_head" && stage.values.map(|_, x| x * 1.05))
}
