//! Routing weights that are divided by their sum where it is zero, without anything that keeps the sum from zero.

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@renormalised-by-zero",
    defect: "the scores of the last token underflow, and its weights are zero divided by zero",
    point: "stage",
    kinds: &["finiteness", "oracle_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        if stage.name.local() != "mlp.topk" {
            return false;
        }
        let experts = stage.shape.last().copied().unwrap_or(0);
        let last = stage.values.len().saturating_sub(experts);
        // Only of what was chosen: the rest is not computed.
        stage.values.map(|index, x| if index >= last && x != 0.0 { f64::NAN } else { x })
    })
}
