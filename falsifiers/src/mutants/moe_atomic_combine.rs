//! Experts that add what they give to the output of a token in the order in which they are done.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@run-dependent-sum",
    defect: "the last place of the sum over experts depends on how often it was computed",
    point: "stage",
    kinds: &["determinism"],
    seam,
};

fn seam() -> Seam {
    let runs = AtomicU64::new(0);
    Seam::empty().with::<StagePoint>(move |stage| {
        if stage.name.layer_index() != Some(0) || stage.name.local() != "mlp.experts" {
            return false;
        }
        let run = runs.fetch_add(1, Ordering::Relaxed);
        run % 2 == 1
            && stage.values.map(|index, x| if index == 0 { x * (1.0 + f64::from(f32::EPSILON)) } else { x })
    })
}
