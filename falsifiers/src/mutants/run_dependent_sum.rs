//! A sum whose order depends on the run, as atomic additions make it: every second value differs in its last place.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "reference@run-dependent-sum",
    defect: "the last place of an activation depends on how often it was computed",
    point: "stage",
    kinds: &["determinism"],
    seam,
};

fn seam() -> Seam {
    let runs = AtomicU64::new(0);
    Seam::empty().with::<StagePoint>(move |stage| {
        if stage.name.layer_index() != Some(0) || stage.name.local() != "mlp.act_and_mul" {
            return false;
        }
        let run = runs.fetch_add(1, Ordering::Relaxed);
        run % 2 == 1
            && stage.values.map(|index, x| if index == 0 { x * (1.0 + f64::from(f32::EPSILON)) } else { x })
    })
}
