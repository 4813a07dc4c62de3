//! Experts that are counted from one where the weights are stored from zero.

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@expert-off-by-one",
    defect: "every token is sent to the expert after the one that it chose",
    point: "stage",
    kinds: &["oracle_parity", "golden_output", "loss_bound"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        if stage.name.local() != "mlp.topk" {
            return false;
        }
        let experts = stage.shape.last().copied().unwrap_or(0);
        let mut weights = Vec::with_capacity(stage.values.len());
        stage.values.map(|_, x| {
            weights.push(x);
            x
        });
        stage.values.map(|index, x| {
            let (row, expert) = (index / experts * experts, index % experts);
            weights.get(row + (expert + experts - 1) % experts).copied().unwrap_or(x)
        })
    })
}
