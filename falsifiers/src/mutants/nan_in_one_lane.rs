//! One feature of one token that overflows inside an activation, as an fp16 accumulator does.

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mlp@nan-in-one-lane",
    defect: "the activation of one feature of the last token is NaN",
    point: "stage",
    kinds: &["finiteness", "oracle_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        if stage.name.local() != "mlp.act_fn" {
            return false;
        }
        let last = stage.values.len().saturating_sub(1);
        stage.values.map(|index, x| if index == last { f64::NAN } else { x })
    })
}
